//! Lay latents over others.

use super::planes::{broadcast, count, dims, from_pixels};
use crate::interpolate::{Interpolation, interpolate};
use selfsame_sdk::prelude::*;

/// Lays latents over others at a place, given in pixels of the picture. What reaches beyond is cut off.
///
/// Edges inside the picture can be feathered: the weight of the source then rises from its edge inwards in equal steps,
/// as ComfyUI's LatentComposite does it. The noise mask of the destination is kept.
#[node(id = "core.latent.composite", category = "latent/change", search = ["paste", "combine", "feather"])]
#[output(latent = "the destination with the source over it")]
pub fn latent_composite(
    ctx: Ctx,
    /// What lies below.
    destination: Latent,
    /// What is laid over it. One goes with a batch, and the other way round.
    source: Latent,
    /// Left edge of the source, a multiple of 8.
    #[param(default = 0, hard = 0..=16384, step = 8.0, unit = "px")]
    x: usize,
    /// Upper edge of the source, a multiple of 8.
    #[param(default = 0, hard = 0..=16384, step = 8.0, unit = "px")]
    y: usize,
    /// Over how many pixels the source fades in at its edges, a multiple of 8.
    #[param(default = 0, hard = 0..=16384, step = 8.0, unit = "px")]
    feather: usize,
    /// Where the source shows: 1 there, 0 elsewhere. It is fitted to the source.
    mask: Option<Mask>,
) -> Result<Latent> {
    let (x, y) = (from_pixels(x, "x")?, from_pixels(y, "y")?);
    let feather = from_pixels(feather, "feather")?;
    let (below, above) = (dims(&destination)?, dims(&source)?);
    let batch = below[0].max(above[0]);
    if below[1] != above[1] || [below[0], above[0]].iter().any(|n| *n != 1 && *n != batch) {
        return Err(Error::input("source", format!("its shape {above:?} does not go with {below:?} of `destination`"))
            .hint("batches must be equal or 1, and channels equal"));
    }
    let [_, channels, h, w] = below;
    for (port, start, size) in [("x", x, w), ("y", y, h)] {
        if start >= size {
            let message = format!("{} px lies beyond the {} px of the destination", start * 8, size * 8);
            return Err(Error::input(port, message));
        }
    }
    // The part that shows, and how strongly.
    let (height, width) = (above[2].min(h - y), above[3].min(w - x));
    let fading = |size: usize, start: usize, whole: usize| fade(size, feather, start > 0, start + size < whole);
    let (rows, columns) = (fading(height, y, h), fading(width, x, w));
    let mask = mask.as_ref().map(|mask| fit(mask, batch, (above[2], above[3]))).transpose()?;

    let mut data = Vec::with_capacity(count([batch, channels, h, w])?);
    for index in 0..batch {
        ctx.check_cancelled()?;
        let start = broadcast(index, below[0]) * channels * h * w;
        data.extend_from_slice(&destination.samples.data()[start..][..channels * h * w]);
    }
    for (plane, out) in data.chunks_exact_mut(h * w).enumerate() {
        let (index, channel) = (plane / channels, plane % channels);
        let start = (broadcast(index, above[0]) * channels + channel) * above[2] * above[3];
        for row in 0..height {
            let from = &source.samples.data()[start + row * above[3]..][..width];
            let shown = mask.as_ref().map(|m| &m.data()[(broadcast(index, m.batch()) * above[2] + row) * above[3]..]);
            for (column, (out, from)) in out[(y + row) * w + x..].iter_mut().zip(from).enumerate() {
                let shown = shown.map_or(1.0, |shown| shown[column]);
                let weight = rows[row] * columns[column] * shown;
                *out = from * weight + *out * (1.0 - weight);
            }
        }
    }
    Ok(Latent { noise_mask: destination.noise_mask, ..Latent::new(Tensor::new([batch, channels, h, w], data)?)? })
}

/// Weights along one side, rising over `feather` values from the ends that are inside the picture.
fn fade(size: usize, feather: usize, start: bool, end: bool) -> Vec<f32> {
    let step = |i: usize| if i < feather { (i + 1) as f32 / feather as f32 } else { 1.0 };
    let weight = |i: usize| {
        let at_start = if start { step(i) } else { 1.0 };
        let at_end = if end { step(size - 1 - i) } else { 1.0 };
        at_start * at_end
    };
    (0..size).map(weight).collect()
}

fn fit(mask: &Mask, batch: usize, (height, width): (usize, usize)) -> Result<Mask> {
    if mask.batch() != 1 && mask.batch() != batch {
        return Err(Error::input(
            "mask",
            format!("expected 1 mask, or 1 for each of {batch} latents, got {}", mask.batch()),
        ));
    }
    let size = (mask.height(), mask.width());
    let fitted = interpolate(mask.data(), size, (height, width), 1, Interpolation::Bilinear)?;
    Mask::new([mask.batch(), height, width], fitted)
}

#[cfg(test)]
mod tests {
    use super::super::planes::testing::counting;
    use super::*;
    use selfsame_sdk::testing::TestHost;

    fn flat(dims: [usize; 4], value: f32) -> Latent {
        Latent::new(Tensor::new(dims, vec![value; dims.iter().product()]).unwrap()).unwrap()
    }

    fn composite(destination: Latent, source: Latent, at: [usize; 3], mask: Option<Mask>) -> Result<Latent> {
        latent_composite(TestHost::new().ctx(), destination, source, at[0], at[1], at[2], mask)
    }

    #[test]
    fn what_reaches_beyond_is_cut_off() {
        let got = composite(flat([1, 1, 2, 3], 9.0), counting([2, 1, 2, 2]), [16, 8, 0], None).unwrap();
        assert_eq!(got.samples.shape(), [2, 1, 2, 3]);
        assert_eq!(got.samples.data(), [9.0, 9.0, 9.0, 9.0, 9.0, 0.0, 9.0, 9.0, 9.0, 9.0, 9.0, 4.0]);
    }

    #[test]
    fn edges_fade_inside_the_picture_only() {
        // Four values from x = 0: the left end is the edge of the picture, the right end fades over two.
        let got = composite(flat([1, 1, 1, 6], 0.0), flat([1, 1, 1, 4], 1.0), [0, 0, 16], None).unwrap();
        assert_eq!(got.samples.data(), [1.0, 1.0, 1.0, 0.5, 0.0, 0.0]);
        let got = composite(flat([1, 1, 1, 6], 0.0), flat([1, 1, 1, 3], 1.0), [16, 0, 16], None).unwrap();
        assert_eq!(got.samples.data(), [0.0, 0.0, 0.5, 1.0, 0.5, 0.0]);
    }

    #[test]
    fn masks_and_wrong_input() {
        let mask = |batch: usize| Some(Mask::new([batch, 1, 2], [0.25, 1.0].repeat(batch)).unwrap());
        let got = composite(flat([1, 1, 1, 3], 4.0), flat([1, 1, 1, 2], 0.0), [8, 0, 0], mask(1)).unwrap();
        assert_eq!(got.samples.data(), [4.0, 3.0, 0.0]);
        let message = |destination: [usize; 4], at: [usize; 3], masks: usize| {
            composite(flat(destination, 0.0), flat([1, 1, 1, 2], 0.0), at, mask(masks)).unwrap_err().to_string()
        };
        assert_eq!(
            message([1, 1, 1, 3], [0, 0, 0], 2),
            "input `mask`: expected 1 mask, or 1 for each of 1 latents, got 2"
        );
        assert_eq!(message([1, 1, 1, 3], [24, 0, 0], 1), "input `x`: 24 px lies beyond the 24 px of the destination");
        assert_eq!(
            message([1, 2, 1, 3], [0, 0, 0], 1),
            "input `source`: its shape [1, 1, 1, 2] does not go with [1, 2, 1, 3] of `destination`"
        );
    }
}
