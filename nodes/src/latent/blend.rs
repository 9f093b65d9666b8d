//! Mix latents.

use super::planes::{broadcast, dims};
use selfsame_sdk::prelude::*;

/// Mixes two latents: `a * weight + b * (1 - weight)`. The noise mask of `a` is kept.
#[node(id = "core.latent.blend", category = "latent/change", search = ["mix", "interpolate"])]
#[output(latent = "the mixture")]
pub fn latent_blend(
    /// The first.
    a: Latent,
    /// The second, of the same size and channels. One goes with a batch.
    b: Latent,
    /// How much of the first: 1 is `a` alone, 0 is `b` alone.
    #[param(default = 0.5, hard = 0.0..=1.0, step = 0.01, slider)]
    weight: f32,
) -> Result<Latent> {
    let (shape_a, shape_b) = (dims(&a)?, dims(&b)?);
    let batch = shape_a[0].max(shape_b[0]);
    if shape_a[1..] != shape_b[1..] || [shape_a[0], shape_b[0]].iter().any(|n| *n != 1 && *n != batch) {
        let message = format!("its shape {shape_b:?} does not go with {shape_a:?} of `a`");
        return Err(Error::input("b", message).hint("fit it with UpscaleLatent or CropLatent first"));
    }
    let [_, channels, h, w] = shape_a;
    let one = channels * h * w;
    let mut data = Vec::with_capacity(batch * one);
    for index in 0..batch {
        let (of_a, of_b) = (broadcast(index, shape_a[0]) * one, broadcast(index, shape_b[0]) * one);
        let pairs = a.samples.data()[of_a..][..one].iter().zip(&b.samples.data()[of_b..][..one]);
        data.extend(pairs.map(|(a, b)| a * weight + b * (1.0 - weight)));
    }
    Ok(Latent { noise_mask: a.noise_mask, ..Latent::new(Tensor::new([batch, channels, h, w], data)?)? })
}

#[cfg(test)]
mod tests {
    use super::super::planes::testing::counting;
    use super::*;

    #[test]
    fn mixtures() {
        let mixed = latent_blend(counting([2, 1, 1, 2]), counting([1, 1, 1, 2]), 0.75).unwrap();
        assert_eq!(mixed.samples.data(), [0.0, 1.0, 1.5, 2.5]);
        let error = latent_blend(counting([1, 1, 1, 2]), counting([1, 1, 2, 1]), 0.5).unwrap_err();
        assert_eq!(error.to_string(), "input `b`: its shape [1, 1, 2, 1] does not go with [1, 1, 1, 2] of `a`");
        assert!(latent_blend(counting([2, 1, 1, 2]), counting([3, 1, 1, 2]), 0.5).is_err());
    }
}
