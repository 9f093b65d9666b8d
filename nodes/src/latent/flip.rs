//! Mirror and turn latents.

use super::planes::{dims, map_planes};
use selfsame_sdk::prelude::*;

/// How latents are mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Flip {
    /// Left and right change places.
    Horizontally,
    /// Top and bottom change places.
    Vertically,
}

/// Mirrors latents and their noise mask.
#[node(id = "core.latent.flip", category = "latent/change", search = ["mirror"])]
#[output(latent = "the mirrored latents")]
pub fn flip_latent(
    /// What is mirrored.
    latent: Latent,
    /// How.
    #[param(default = "horizontally")]
    direction: Flip,
) -> Result<Latent> {
    let [_, _, h, w] = dims(&latent)?;
    map_planes(&latent, (h, w), |plane, out| {
        let rows = plane.chunks_exact(w);
        match direction {
            Flip::Horizontally => rows.for_each(|row| out.extend(row.iter().rev())),
            Flip::Vertically => rows.rev().for_each(|row| out.extend(row)),
        }
        Ok(())
    })
}

/// How far latents are turned, clockwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Turn {
    /// A quarter.
    #[choice("90")]
    Quarter,
    /// Half.
    #[choice("180")]
    Half,
    /// Three quarters.
    #[choice("270")]
    ThreeQuarters,
}

/// Turns latents and their noise mask clockwise.
#[node(id = "core.latent.rotate", category = "latent/change", search = ["turn"])]
#[output(latent = "the turned latents")]
pub fn rotate_latent(
    /// What is turned.
    latent: Latent,
    /// Degrees, clockwise.
    #[param(default = "90")]
    angle: Turn,
) -> Result<Latent> {
    let [_, _, h, w] = dims(&latent)?;
    let size = if angle == Turn::Half { (h, w) } else { (w, h) };
    map_planes(&latent, size, |plane, out| {
        let column = |x: usize| plane.iter().skip(x).step_by(w);
        match angle {
            Turn::Quarter => (0..w).for_each(|x| out.extend(column(x).rev())),
            Turn::Half => out.extend(plane.iter().rev()),
            Turn::ThreeQuarters => (0..w).rev().for_each(|x| out.extend(column(x))),
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::planes::testing::{counting, masked};
    use super::*;

    #[test]
    fn mirrored() {
        let latent = masked(counting([1, 1, 2, 3]), [1, 2, 3], &[0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
        let got = flip_latent(latent.clone(), Flip::Horizontally).unwrap();
        assert_eq!(got.samples.data(), [2.0, 1.0, 0.0, 5.0, 4.0, 3.0]);
        assert_eq!(got.noise_mask.unwrap().data(), [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(flip_latent(latent, Flip::Vertically).unwrap().samples.data(), [3.0, 4.0, 5.0, 0.0, 1.0, 2.0]);
    }

    #[test]
    fn turned() {
        let turned = |angle: Turn| rotate_latent(counting([1, 1, 2, 3]), angle).unwrap().samples;
        assert_eq!(turned(Turn::Quarter).shape(), [1, 1, 3, 2]);
        assert_eq!(turned(Turn::Quarter).data(), [3.0, 0.0, 4.0, 1.0, 5.0, 2.0]);
        assert_eq!(turned(Turn::Half).data(), [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]);
        assert_eq!(turned(Turn::ThreeQuarters).data(), [2.0, 5.0, 1.0, 4.0, 0.0, 3.0]);
    }
}
