//! Mirrored pictures.

use super::pixels::{draw, row};
use selfsame_sdk::prelude::*;

/// Where pictures are mirrored.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flip {
    /// Left becomes right.
    Horizontal,
    /// Above becomes below.
    Vertical,
    /// Both: a turn by 180 degrees.
    Both,
}

/// Mirrors pictures.
#[node(id = "core.image.flip", category = "image/transform", search = ["mirror"])]
#[output(image = "the mirrored pictures")]
pub fn flip_image(
    ctx: Ctx,
    /// What is mirrored.
    image: Image,
    /// Which way.
    #[param(default = "horizontal")]
    direction: Flip,
) -> Result<Image> {
    let [_, height, _, channels] = image.dims();
    draw(ctx, image.dims(), |frame, y, out| {
        let y = if direction == Flip::Horizontal { y } else { height - 1 - y };
        let source = row(&image, frame, y);
        if direction == Flip::Vertical {
            return out.copy_from_slice(source);
        }
        for (to, from) in out.chunks_exact_mut(channels).zip(source.chunks_exact(channels).rev()) {
            to.copy_from_slice(from);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn pixels_move_and_channels_stay() {
        let host = TestHost::new();
        let numbers: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let image = Image::new([1, 2, 2, 3], numbers).unwrap();
        let firsts = |direction| {
            let out = flip_image(host.ctx(), image.clone(), direction).unwrap();
            assert_eq!(out.data()[1], out.data()[0] + 1.0);
            out.data().iter().copied().step_by(3).collect::<Vec<_>>()
        };
        assert_eq!(firsts(Flip::Horizontal), [3.0, 0.0, 9.0, 6.0]);
        assert_eq!(firsts(Flip::Vertical), [6.0, 9.0, 0.0, 3.0]);
        assert_eq!(firsts(Flip::Both), [9.0, 6.0, 3.0, 0.0]);
    }
}
