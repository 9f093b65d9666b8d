//! Room around pictures.

use super::color::pixel;
use super::pixels::{draw, mask_of, row};
use selfsame_sdk::prelude::*;

/// What new room shows.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// One colour.
    Color,
    /// The outermost pixels again and again.
    Edge,
    /// The picture mirrored at its outermost pixels, which are not repeated.
    Reflect,
}

/// Adds room around pictures, and says by a mask where it is: the start of outpainting.
#[node(id = "core.image.pad", category = "image/transform", search = ["outpaint", "extend", "border", "canvas"])]
#[output(image = "the larger pictures", mask = "1 in the new room, 0 in the picture; one mask for all pictures")]
pub fn pad_image(
    ctx: Ctx,
    /// What gets room.
    image: Image,
    /// Columns added on the left.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    left: usize,
    /// Rows added above.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    top: usize,
    /// Columns added on the right.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    right: usize,
    /// Rows added below.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    bottom: usize,
    /// What the room shows.
    #[param(default = "color")]
    padding: Padding,
    /// The colour of the room.
    #[param(default = "#808080")]
    color: Color,
    /// How far the mask reaches into the picture from the sides that got room: it falls off by the square of the distance.
    #[param(default = 0, hard = 0..=4096, soft = 0..=128, unit = "px")]
    feather: usize,
) -> Result<(Image, Mask)> {
    let [batch, height, width, channels] = image.dims();
    let size = [width + left + right, height + top + bottom];
    let color = pixel(color, channels);
    let larger = draw(ctx, [batch, size[1], size[0], channels], |frame, y, out| {
        let source = inside(padding, y, top, height).map(|y| row(&image, frame, y));
        for (x, to) in out.chunks_exact_mut(channels).enumerate() {
            let from = source.zip(inside(padding, x, left, width));
            to.copy_from_slice(from.map_or(&color[..], |(row, x)| &row[x * channels..][..channels]));
        }
    })?;
    let mask = draw(ctx, [1, size[1], size[0], 1], |_, y, out| {
        let down = distance(y, [top, bottom], height);
        for (x, to) in out.iter_mut().enumerate() {
            *to = strength(down.min(distance(x, [left, right], width)), feather as f32);
        }
    })?;
    Ok((larger, mask_of(mask)?))
}

/// The pixel of the picture that position `at` shows along one axis, if it shows one.
fn inside(padding: Padding, at: usize, before: usize, size: usize) -> Option<usize> {
    let shown = (before..before + size).contains(&at).then(|| at - before);
    match padding {
        Padding::Color => shown,
        Padding::Edge => Some(at.saturating_sub(before).min(size - 1)),
        Padding::Reflect if size == 1 => Some(0),
        Padding::Reflect => {
            // There and back again.
            let period = 2 * (size - 1);
            let step = (at + period - before % period) % period;
            Some(step.min(period - step))
        }
    }
}

/// How deep a position lies in the picture along one axis, counted from the nearest side that got room; negative in it.
fn distance(at: usize, [before, after]: [usize; 2], size: usize) -> f32 {
    let from_start = if before > 0 { at as f32 - before as f32 } else { f32::INFINITY };
    let from_end = if after > 0 { (before + size) as f32 - 1.0 - at as f32 } else { f32::INFINITY };
    from_start.min(from_end)
}

/// The mask at a depth in the picture, with the fall-off of ComfyUI's ImagePadForOutpaint.
fn strength(depth: f32, feather: f32) -> f32 {
    if depth < 0.0 {
        1.0
    } else if depth < feather {
        (1.0 - depth / feather).powi(2)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    const GRAY: Color = Color([0.5, 0.5, 0.5, 1.0]);

    fn padded(padding: Padding) -> Vec<f32> {
        let host = TestHost::new();
        let image = Image::new([1, 1, 3, 1], vec![1.0, 2.0, 3.0]).unwrap();
        pad_image(host.ctx(), image, 5, 0, 3, 0, padding, GRAY, 0).unwrap().0.data().to_vec()
    }

    #[test]
    fn what_the_room_shows() {
        assert_eq!(padded(Padding::Color), [0.5, 0.5, 0.5, 0.5, 0.5, 1.0, 2.0, 3.0, 0.5, 0.5, 0.5]);
        assert_eq!(padded(Padding::Edge), [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 3.0, 3.0, 3.0]);
        // numpy.pad([1, 2, 3], (5, 3), mode="reflect")
        assert_eq!(padded(Padding::Reflect), [2.0, 1.0, 2.0, 3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0, 2.0]);
    }

    #[test]
    fn the_mask_shows_the_room() {
        let host = TestHost::new();
        let image = Image::new([2, 2, 2, 3], vec![0.25; 24]).unwrap();
        let (image, mask) = pad_image(host.ctx(), image, 1, 0, 0, 1, Padding::Color, GRAY, 0).unwrap();
        assert_eq!(image.dims(), [2, 3, 3, 3]);
        assert_eq!(mask.dims(), [1, 3, 3]);
        assert_eq!(mask.data(), [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn the_mask_reaches_into_the_picture() {
        let host = TestHost::new();
        let image = Image::new([1, 1, 4, 1], vec![0.0; 4]).unwrap();
        let (_, mask) = pad_image(host.ctx(), image, 1, 0, 0, 0, Padding::Edge, GRAY, 2).unwrap();
        assert_eq!(mask.data(), [1.0, 1.0, 0.25, 0.0, 0.0]);
    }
}
