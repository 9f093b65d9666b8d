//! What the nodes for latents share: sizes, and changing all planes of a batch alike.

use crate::interpolate::{Interpolation, interpolate};
use selfsame_sdk::{Error, Latent, Mask, Result, Tensor};

/// Pixels of a picture for each value of its latents, along one side.
pub const PIXELS: usize = 8;

/// The most values in one batch of latents: 4 GiB of f32.
const MAX_VALUES: usize = 1 << 30;

/// `[B,C,h,w]`.
///
/// # Errors
/// If the samples have other dimensions, or one of 0.
pub fn dims(latent: &Latent) -> Result<[usize; 4]> {
    Latent::new(latent.samples.clone())?.samples.dims("[B,C,h,w]")
}

/// Pixels as values of latents.
///
/// # Errors
/// If they are no multiple of 8; `port` is to blame.
pub fn from_pixels(pixels: usize, port: &str) -> Result<usize> {
    if pixels % PIXELS != 0 {
        let (below, above) = (pixels / PIXELS * PIXELS, pixels.next_multiple_of(PIXELS));
        return Err(Error::input(port, format!("expected a multiple of {PIXELS}, got {pixels}"))
            .hint(format!("take {below} or {above}")));
    }
    Ok(pixels / PIXELS)
}

/// How many values latents of some dimensions have.
///
/// # Errors
/// If they would not fit into a reasonable memory.
pub fn count(dims: [usize; 4]) -> Result<usize> {
    let count = dims.iter().try_fold(1usize, |n, dim| n.checked_mul(*dim));
    count.filter(|count| *count <= MAX_VALUES).ok_or_else(|| {
        Error::new(format!("latents of {dims:?} have more than {MAX_VALUES} values; take a smaller size or batch"))
    })
}

/// The noise mask of latents in their own size: what a sampler makes of it.
///
/// # Errors
/// If the latents have no size.
pub fn fitted_mask(latent: &Latent) -> Result<Option<Mask>> {
    let [_, _, h, w] = dims(latent)?;
    let Some(mask) = &latent.noise_mask else { return Ok(None) };
    let fitted = interpolate(mask.data(), (mask.height(), mask.width()), (h, w), 1, Interpolation::Bilinear)?;
    Mask::new([mask.batch(), h, w], fitted).map(Some)
}

/// Changes every plane `[h,w]` of latents and of their noise mask, in the latents' size, by the same function. The
/// function adds the new plane of `size` (height, width) to the values it is given.
///
/// # Errors
/// If the latents have no size, or too large a new one; what the function gives.
pub fn map_planes(
    latent: &Latent,
    size: (usize, usize),
    mut change: impl FnMut(&[f32], &mut Vec<f32>) -> Result<()>,
) -> Result<Latent> {
    let [batch, channels, h, w] = dims(latent)?;
    let new = [batch, channels, size.0, size.1];
    let mut samples = Vec::with_capacity(count(new)?);
    latent.samples.data().chunks_exact(h * w).try_for_each(|plane| change(plane, &mut samples))?;
    let samples = Tensor::new(new, samples)?;
    let Some(mask) = fitted_mask(latent)? else { return Latent::new(samples) };
    let mut planes = Vec::new();
    mask.frames().try_for_each(|plane| change(plane, &mut planes))?;
    let mask = Mask::new([mask.batch(), size.0, size.1], planes)?;
    Ok(Latent { noise_mask: Some(mask), ..Latent::new(samples)? })
}

/// Which of `count` things belongs to number `index` of a batch: one goes with all.
pub fn broadcast(index: usize, count: usize) -> usize {
    if count == 1 { 0 } else { index }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// Latents whose values count up from 0.
    pub fn counting(dims: [usize; 4]) -> Latent {
        let data = (0..dims.iter().product()).map(|i: usize| i as f32).collect();
        Latent::new(Tensor::new(dims, data).unwrap()).unwrap()
    }

    /// The same with a noise mask.
    pub fn masked(latent: Latent, dims: [usize; 3], mask: &[f32]) -> Latent {
        Latent { noise_mask: Some(Mask::new(dims, mask.to_vec()).unwrap()), ..latent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels() {
        assert_eq!(from_pixels(512, "width").unwrap(), 64);
        let error = from_pixels(13, "width").unwrap_err();
        assert_eq!(error.to_string(), "input `width`: expected a multiple of 8, got 13");
        assert_eq!(error.hint.as_deref(), Some("take 8 or 16"));
        assert!(count([usize::MAX, 2, 1, 1]).unwrap_err().message.ends_with("take a smaller size or batch"));
    }

    #[test]
    fn masks_are_fitted() {
        let latent = testing::masked(testing::counting([1, 1, 1, 2]), [1, 1, 4], &[0.0, 0.0, 1.0, 1.0]);
        assert_eq!(fitted_mask(&latent).unwrap().unwrap().data(), [0.0, 1.0]);
    }
}
