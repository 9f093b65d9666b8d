//! Latents to start from.

use super::planes::{count, from_pixels};
use selfsame_sdk::prelude::*;

/// Makes empty latents: all zeros, where a picture from nothing but text starts.
#[node(id = "core.latent.empty", category = "latent", search = ["new", "size", "blank"])]
#[output(latent = "zeros `[batch_size, channels, height / 8, width / 8]`")]
pub fn empty_latent(
    /// Width of the picture, a multiple of 8.
    #[param(default = 1024, hard = 8..=16384, soft = 512..=2048, step = 8.0, unit = "px")]
    width: usize,
    /// Height of the picture, a multiple of 8.
    #[param(default = 1024, hard = 8..=16384, soft = 512..=2048, step = 8.0, unit = "px")]
    height: usize,
    /// How many pictures are made at once.
    #[param(default = 1, hard = 1..=4096, soft = 1..=8)]
    batch_size: usize,
    /// Channels of the latents: 4 for SD1.5 and SDXL.
    #[param(default = 4, hard = 1..=64)]
    channels: usize,
) -> Result<Latent> {
    let dims = [batch_size, channels, from_pixels(height, "height")?, from_pixels(width, "width")?];
    Latent::new(Tensor::new(dims, vec![0.0; count(dims)?])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let latent = empty_latent(24, 16, 2, 4).unwrap();
        assert_eq!(latent.samples.shape(), [2, 4, 2, 3]);
        assert!(latent.samples.data().iter().all(|x| *x == 0.0) && latent.noise_mask.is_none());
        assert_eq!(empty_latent(24, 20, 1, 4).unwrap_err().port.as_deref(), Some("height"));
        assert!(empty_latent(16384, 16384, 4096, 64).is_err());
    }
}
