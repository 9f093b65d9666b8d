//! Cut a part out of latents.

use super::planes::{dims, from_pixels, map_planes};
use selfsame_sdk::prelude::*;

/// Cuts a rectangle out of latents, given in pixels of the picture. The noise mask is cut with them.
#[node(id = "core.latent.crop", category = "latent/change", search = ["cut"])]
#[output(latent = "the part")]
pub fn crop_latent(
    /// What is cut.
    latent: Latent,
    /// Width of the part, a multiple of 8.
    #[param(default = 512, hard = 8..=16384, step = 8.0, unit = "px")]
    width: usize,
    /// Height of the part, a multiple of 8.
    #[param(default = 512, hard = 8..=16384, step = 8.0, unit = "px")]
    height: usize,
    /// Its left edge, a multiple of 8.
    #[param(default = 0, hard = 0..=16384, step = 8.0, unit = "px")]
    x: usize,
    /// Its upper edge, a multiple of 8.
    #[param(default = 0, hard = 0..=16384, step = 8.0, unit = "px")]
    y: usize,
) -> Result<Latent> {
    let [_, _, h, w] = dims(&latent)?;
    let (width, height) = (from_pixels(width, "width")?, from_pixels(height, "height")?);
    let (x, y) = (from_pixels(x, "x")?, from_pixels(y, "y")?);
    for (port, start, length, whole) in [("width", x, width, w), ("height", y, height, h)] {
        if start + length > whole {
            let message =
                format!("the part ends at {} px, beyond the {} px of the latents", (start + length) * 8, whole * 8);
            return Err(Error::input(port, message));
        }
    }
    map_planes(&latent, (height, width), |plane, out| {
        plane.chunks_exact(w).skip(y).take(height).for_each(|row| out.extend_from_slice(&row[x..x + width]));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::planes::testing::{counting, masked};
    use super::*;

    #[test]
    fn the_mask_is_cut_too() {
        // A mask of half the size: each value covers 2 x 2.
        let latent = masked(counting([1, 2, 2, 4]), [1, 1, 2], &[0.0, 1.0]);
        let part = crop_latent(latent.clone(), 16, 8, 16, 8).unwrap();
        assert_eq!(part.samples.shape(), [1, 2, 1, 2]);
        assert_eq!(part.samples.data(), [6.0, 7.0, 14.0, 15.0]);
        // The four columns of the fitted mask are 0, 1/4, 3/4, 1.
        assert_eq!(part.noise_mask.unwrap().data(), [0.75, 1.0]);
        let message = crop_latent(latent, 16, 8, 24, 0).unwrap_err().to_string();
        assert_eq!(message, "input `width`: the part ends at 40 px, beyond the 32 px of the latents");
    }
}
