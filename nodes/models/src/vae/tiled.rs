//! Large pictures in overlapping tiles, so that memory follows the tile and not the picture.
//!
//! **Source**: `AutoencoderKL.tiled_decode` and `_tiled_encode` of diffusers 0.42: tiles start at every multiple of
//! `tile - overlap`, each is blended linearly into the one above and then into the one to its left, and keeps all but its overlap.
//!
//! **Differences**: diffusers states the overlap as a factor and rounds it for latents and pixels apart, which misplaces tiles where the
//! two disagree; here pixels are always latent pixels times the scale. An edge tile too thin to encode, on which diffusers
//! fails, is left out: it would hold no latent pixel.
//!
//! Every tile has its own statistics (normalisation, attention), so the result is near the untiled one, not equal to it.

use super::{AutoencoderKl, Posterior};
use crate::{Cancel, Error, Result};
use candle_core::{DType, Tensor};

/// Size and overlap of the tiles in **latent** pixels (a ComfyUI "tile size 512, overlap 64" is 64 and 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiling {
    /// Height and width of a tile, at least 1.
    pub tile: usize,
    /// What neighbours share, less than `tile`.
    pub overlap: usize,
}

impl Default for Tiling {
    /// 64 and 16: what ComfyUI falls back to when memory runs out, and diffusers' tiles for a model trained at 512 px.
    fn default() -> Self {
        Self { tile: 64, overlap: 16 }
    }
}

impl Tiling {
    /// diffusers' parameters: `tile_latent_min_size` and `tile_overlap_factor` in 0..1.
    ///
    /// # Errors
    /// [`Error::Input`] when no tile would be left or the factor is out of range.
    pub fn from_overlap_factor(tile: usize, factor: f64) -> Result<Self> {
        if !(0.0..1.0).contains(&factor) {
            return Err(Error::input("tile overlap factor", "0 to below 1", factor.to_string()));
        }
        let stride = (tile as f64 * (1.0 - factor)) as usize; // rounded down like the reference
        let tiling = Self { tile, overlap: tile - stride };
        tiling.stride()?;
        Ok(tiling)
    }

    /// From one tile's start to the next.
    fn stride(&self) -> Result<usize> {
        match self.tile.checked_sub(self.overlap) {
            Some(stride) if stride > 0 => Ok(stride),
            _ => Err(Error::input("tiling", "an overlap smaller than the tile", format!("{self:?}"))),
        }
    }
}

impl AutoencoderKl {
    /// [`Self::decode`] in tiles; a picture that fits into one tile is decoded as a whole.
    ///
    /// `progress(done, total)` is called after every tile; `cancel` is looked at within and between them.
    ///
    /// # Errors
    /// [`Error::Input`] when the shape or the tiling does not fit, [`Error::Cancelled`].
    pub fn decode_tiled(
        &self,
        latents: &Tensor,
        tiling: Tiling,
        progress: &mut dyn FnMut(usize, usize),
        cancel: &Cancel,
    ) -> Result<Tensor> {
        self.check_latents(latents)?;
        let scale = self.config().scale();
        let to_pixels = |n: usize| n * scale;
        let decode = |tile: &Tensor| self.decode_unchecked(tile, cancel);
        in_tiles(latents, tiling.tile, tiling.stride()?, to_pixels, decode, progress)
    }

    /// [`Self::encode`] in tiles; a picture that fits into one tile is encoded as a whole.
    ///
    /// `progress(done, total)` is called after every tile; `cancel` is looked at within and between them.
    ///
    /// # Errors
    /// [`Error::Input`] when the shape or the tiling does not fit, [`Error::Cancelled`].
    pub fn encode_tiled(
        &self,
        image: &Tensor,
        tiling: Tiling,
        progress: &mut dyn FnMut(usize, usize),
        cancel: &Cancel,
    ) -> Result<Posterior> {
        self.check_image(image)?;
        let scale = self.config().scale();
        let to_latents = |n: usize| n / scale;
        let encode = |tile: &Tensor| self.encode_moments(tile, cancel);
        let (tile, stride) = (tiling.tile.saturating_mul(scale), tiling.stride()?.saturating_mul(scale));
        Posterior::new(&in_tiles(image, tile, stride, to_latents, encode, progress)?)
    }
}

/// Runs `run` on tiles of `x [B, C, H, W]` and puts the blended results together.
///
/// `tile` and `stride` count pixels of `x`; `resize` says how many pixels of the result come from so many of `x`. Beside the
/// result no more is held than one row of tiles.
fn in_tiles(
    x: &Tensor,
    tile: usize,
    stride: usize,
    resize: impl Fn(usize) -> usize,
    run: impl Fn(&Tensor) -> Result<Tensor>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Tensor> {
    let (batch, _, height, width) = x.dims4()?;
    if height <= tile && width <= tile {
        let whole = run(x)?;
        progress(1, 1);
        return Ok(whole);
    }
    let spans = |length: usize| -> Vec<(usize, usize)> {
        (0..length).step_by(stride).map(|at| (at, tile.min(length - at))).filter(|&(_, n)| resize(n) > 0).collect()
    };
    let (rows, columns) = (spans(height), spans(width));
    let (keep, blend) = (resize(stride), resize(tile) - resize(stride));
    let total = rows.len() * columns.len();
    let mut result: Option<Tensor> = None;
    let mut above: Vec<Tensor> = Vec::new(); // the last lines of the row of tiles above, one tile each
    for (i, &(y, h)) in rows.iter().enumerate() {
        let mut kept = Vec::new();
        let mut below = Vec::new();
        let mut left: Option<Tensor> = None;
        for (j, &(x_at, w)) in columns.iter().enumerate() {
            let mut done = run(&x.narrow(2, y, h)?.narrow(3, x_at, w)?)?;
            if let Some(above) = above.get(j) {
                done = blend_into(above, &done, 2)?;
            }
            if let Some(left) = &left {
                done = blend_into(left, &done, 3)?;
            }
            left = Some(tail(&done, 3, blend)?);
            below.push(tail(&done, 2, blend)?);
            kept.push(head(&head(&done, 2, keep)?, 3, keep)?);
            progress(i * columns.len() + j + 1, total);
        }
        let row = Tensor::cat(&kept, 3)?;
        let (_, channels, _, row_width) = row.dims4()?;
        let result = match &result {
            Some(result) => result,
            None => {
                result.insert(Tensor::zeros((batch, channels, resize(height), row_width), DType::F32, row.device())?)
            }
        };
        result.slice_set(&row.contiguous()?, 2, resize(y))?;
        above = below;
    }
    result.ok_or_else(|| Error::input("picture in tiles", "at least one pixel", format!("{:?}", x.dims())))
}

/// The first `count` lines along `dim`, or all.
fn head(x: &Tensor, dim: usize, count: usize) -> Result<Tensor> {
    Ok(x.narrow(dim, 0, count.min(x.dim(dim)?))?)
}

/// A copy of the last `count` lines along `dim`, or all: a view would keep the whole tile alive.
fn tail(x: &Tensor, dim: usize, count: usize) -> Result<Tensor> {
    let count = count.min(x.dim(dim)?);
    Ok(x.narrow(dim, x.dim(dim)? - count, count)?.force_contiguous()?)
}

/// `tile`, whose first lines along `dim` fade over from the last lines of `before`.
fn blend_into(before: &Tensor, tile: &Tensor, dim: usize) -> Result<Tensor> {
    let count = before.dim(dim)?.min(tile.dim(dim)?);
    if count == 0 {
        return Ok(tile.clone());
    }
    let mut shape = [1; 4];
    shape[dim] = count;
    let ramp: Vec<f32> = (0..count).map(|i| (i as f64 / count as f64) as f32).collect();
    let ramp = Tensor::from_vec(ramp, &shape, tile.device())?;
    let from = tail(before, dim, count)?.broadcast_mul(&ramp.affine(-1.0, 1.0)?)?;
    let mixed = (from + head(tile, dim, count)?.broadcast_mul(&ramp)?)?;
    let rest = tile.narrow(dim, count, tile.dim(dim)? - count)?;
    Ok(Tensor::cat(&[mixed, rest], dim)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn picture(height: usize, width: usize) -> Tensor {
        let values: Vec<f32> = (0..2 * 3 * height * width).map(|i| ((i * 37) % 101) as f32).collect();
        Tensor::from_vec(values, (2, 3, height, width), &Device::Cpu).unwrap()
    }

    fn max_diff(a: &Tensor, b: &Tensor) -> f32 {
        assert_eq!(a.dims(), b.dims());
        (a - b).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar().unwrap()
    }

    #[test]
    fn tiles_that_agree_give_the_whole() {
        for (height, width, tile, overlap) in [(14, 18, 8, 2), (5, 30, 8, 2), (13, 9, 6, 4), (8, 8, 8, 2), (9, 8, 4, 0)]
        {
            let x = picture(height, width);
            let run = |t: &Tensor| {
                let (_, _, h, w) = t.dims4()?;
                Ok(t.contiguous()?.upsample_nearest2d(2 * h, 2 * w)?)
            };
            let whole = run(&x).unwrap();
            let mut calls = Vec::new();
            let mut progress = |done, total| calls.push((done, total));
            let tiled = in_tiles(&x, tile, tile - overlap, |n| 2 * n, run, &mut progress).unwrap();
            assert!(max_diff(&tiled, &whole) < 1e-4, "{height}x{width} in {tile}/{overlap}");
            let total = calls[0].1;
            assert_eq!(calls, (1..=total).map(|done| (done, total)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_edge_too_thin_for_a_latent_is_left_out() {
        let x = picture(17, 21);
        let run = |t: &Tensor| {
            let (_, _, h, w) = t.dims4()?;
            let t = t.narrow(2, 0, h / 4 * 4)?.narrow(3, 0, w / 4 * 4)?;
            Ok(t.contiguous()?.avg_pool2d(4)?)
        };
        let tiled = in_tiles(&x, 8, 4, |n| n / 4, run, &mut |_, _| ()).unwrap();
        assert!(max_diff(&tiled, &run(&x).unwrap()) < 1e-4);
    }

    #[test]
    fn a_failing_tile_stops_the_rest() {
        let cancel = Cancel::default();
        let run = |t: &Tensor| {
            cancel.check()?;
            cancel.cancel();
            Ok(t.clone())
        };
        let mut tiles = 0;
        let result = in_tiles(&picture(8, 8), 4, 3, |n| n, run, &mut |_, _| tiles += 1);
        assert!(matches!(result, Err(Error::Cancelled)));
        assert_eq!(tiles, 1);
    }

    #[test]
    fn overlap_factors_round_like_the_reference() {
        assert_eq!(Tiling::from_overlap_factor(8, 0.25).unwrap(), Tiling { tile: 8, overlap: 2 });
        assert_eq!(Tiling::from_overlap_factor(64, 0.25).unwrap(), Tiling::default());
        assert_eq!(Tiling::from_overlap_factor(10, 0.125).unwrap(), Tiling { tile: 10, overlap: 2 });
        for (tile, factor) in [(0, 0.25), (8, 1.0), (8, f64::NAN), (1, 0.5)] {
            assert!(matches!(Tiling::from_overlap_factor(tile, factor), Err(Error::Input { .. })));
        }
        assert!(matches!(Tiling { tile: 4, overlap: 4 }.stride(), Err(Error::Input { .. })));
    }
}
