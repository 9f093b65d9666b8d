//! Pictures laid over pictures.

use super::blend_mode::BlendMode;
use super::color::{rgba, write};
use super::fit::{Fit, resize, target};
use super::pixels::{common_batch, draw, gray_of, row, same_size};
use super::resample::Filter;
use selfsame_sdk::prelude::*;

/// Mixes two pictures of one size.
///
/// The modes are those of the W3C's Compositing and Blending; alpha of both pictures counts. The result has colours if
/// one of them has, and alpha if the base has.
#[node(id = "core.image.blend", category = "image/compose", search = ["mix", "layer", "multiply", "screen", "overlay"])]
#[output(image = "the mix, as large as both")]
pub fn blend_images(
    ctx: Ctx,
    /// What lies below.
    base: Image,
    /// What lies above, of the same size.
    top: Image,
    /// How colours meet.
    #[param(default = "normal")]
    mode: BlendMode,
    /// How strongly the top is seen: 0 is the base alone.
    #[param(default = 0.5, hard = 0.0..=1.0, step = 0.05, slider)]
    factor: f32,
    /// Where the top is seen: times the factor. Everywhere if it is not set.
    mask: Option<Mask>,
) -> Result<Image> {
    let [_, height, width, _] = base.dims();
    let batch = same_size(["base", "top"], &base.dims(), &top.dims())?;
    let mask = match mask {
        Some(mask) => mask,
        None => Mask::new([1, height, width], vec![1.0; height * width])?,
    };
    let batch = same_size(["base", "mask"], &[batch, height, width], &mask.dims())?;
    let mask = gray_of(mask)?.map(|x| x * factor);
    lay(ctx, batch, &base, &top, &mask, [0, 0], mode)
}

/// Puts one picture onto another, at a place.
///
/// Alpha of the source and the mask say where it is seen; what lies beyond the borders is cut off. The result has colours
/// if one of both has, and alpha if the destination has.
#[node(id = "core.image.composite", category = "image/compose", search = ["paste", "overlay", "layer", "watermark"])]
#[output(image = "the destination with the source on it")]
pub fn composite_image(
    ctx: Ctx,
    /// What lies below; it says how large the result is.
    destination: Image,
    /// What is put onto it.
    source: Image,
    /// Column of the destination where the source starts.
    #[param(default = 0, hard = -16384..=16384, unit = "px")]
    x: i64,
    /// Row of the destination where the source starts.
    #[param(default = 0, hard = -16384..=16384, unit = "px")]
    y: i64,
    /// Where the source is seen, of its size. Everywhere if it is not set.
    mask: Option<Mask>,
    /// Width that source and mask are brought to; 0 follows from the height, and both are not resized if both are 0.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    width: usize,
    /// Height that source and mask are brought to; 0 follows from the width.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    height: usize,
) -> Result<Image> {
    let [_, source_height, source_width, _] = source.dims();
    let mask = match mask {
        Some(mask) => mask,
        None => Mask::new([1, source_height, source_width], vec![1.0; source_height * source_width])?,
    };
    let batch = same_size(["source", "mask"], &source.dims(), &mask.dims())?;
    let batch = common_batch(["destination", "source"], &destination.dims(), &[batch, source_height, source_width])?;
    let to = target([source_width, source_height], [width, height], Fit::Stretch, 1);
    let fitted = |image| resize(ctx, image, to, Fit::Stretch, Filter::Lanczos, Color([0.0; 4]));
    lay(ctx, batch, &destination, &fitted(source)?, &fitted(gray_of(mask)?)?, [x, y], BlendMode::Normal)
}

/// Puts pictures onto a colour, so that nothing is transparent any more.
#[node(id = "core.image.flatten", category = "image/compose", search = ["remove alpha", "background", "opaque"])]
#[output(image = "the pictures without alpha")]
pub fn flatten_image(
    ctx: Ctx,
    /// What may be transparent. Without alpha it stays as it is.
    image: Image,
    /// What is seen through it.
    #[param(default = "#ffffff")]
    background: Color,
) -> Result<Image> {
    let [batch, height, width, channels] = image.dims();
    if channels != 4 {
        return Ok(image);
    }
    let Color([red, green, blue, _]) = background;
    draw(ctx, [batch, height, width, 3], |frame, y, out| {
        for (to, top) in out.chunks_exact_mut(3).zip(row(&image, frame, y).chunks_exact(4)) {
            write(to, BlendMode::Normal.over([red, green, blue, 1.0], rgba(top)));
        }
    })
}

/// `top` at `[x, y]` over `base`, its alpha times `opacity`, which is gray and as large as `top`.
fn lay(
    ctx: Ctx,
    batch: usize,
    base: &Image,
    top: &Image,
    opacity: &Image,
    [x, y]: [i64; 2],
    mode: BlendMode,
) -> Result<Image> {
    let [_, height, width, from_channels] = base.dims();
    let channels = if from_channels == 1 && top.channels() > 1 { 3 } else { from_channels };
    // The first column of either that is seen, and the first of the other one that then is.
    let (left, skipped) = (x.max(0) as usize, (-x).max(0) as usize);
    draw(ctx, [batch, height, width, channels], |frame, line, out| {
        let below = row(base, frame, line).chunks_exact(from_channels);
        for (to, from) in out.chunks_exact_mut(channels).zip(below.clone()) {
            if channels == from_channels { to.copy_from_slice(from) } else { write(to, rgba(from)) }
        }
        let Some(from_line) = usize::try_from(line as i64 - y).ok().filter(|at| *at < top.height()) else { return };
        let above = row(top, frame, from_line).chunks_exact(top.channels()).zip(row(opacity, frame, from_line));
        let pixels = out.chunks_exact_mut(channels).zip(below).skip(left).zip(above.skip(skipped));
        for ((to, below), (above, opacity)) in pixels {
            let [red, green, blue, alpha] = rgba(above);
            write(to, mode.over(rgba(below), [red, green, blue, alpha * opacity]));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    fn gray(width: usize, data: &[f32]) -> Image {
        Image::new([1, data.len() / width, width, 1], data.to_vec()).unwrap()
    }

    #[test]
    fn factor_and_mask_weigh() {
        let host = TestHost::new();
        let (base, top) = (gray(2, &[0.5, 0.5]), gray(2, &[1.0, 1.0]));
        let out = blend_images(host.ctx(), base.clone(), top.clone(), BlendMode::Normal, 0.5, None).unwrap();
        assert_eq!(out.data(), [0.75, 0.75]);
        let mask = Mask::new([2, 1, 2], vec![0.0, 1.0, 0.5, 0.0]).unwrap();
        let out = blend_images(host.ctx(), base, top, BlendMode::Normal, 1.0, Some(mask)).unwrap();
        assert_eq!((out.dims(), out.data()), ([2, 1, 2, 1], &[0.5, 1.0, 0.75, 0.5][..]));
    }

    #[test]
    fn channels_of_the_result() {
        let host = TestHost::new();
        let blend = |base, top| {
            let (base, top) =
                (Image::new([1, 1, 1, base], vec![0.5; base]), Image::new([1, 1, 1, top], vec![0.5; top]));
            let out = blend_images(host.ctx(), base.unwrap(), top.unwrap(), BlendMode::Normal, 1.0, None).unwrap();
            (out.channels(), out.data().to_vec())
        };
        assert_eq!(blend(1, 1), (1, vec![0.5]));
        assert_eq!(blend(1, 4), (3, vec![0.5; 3]));
        assert_eq!(blend(3, 1), (3, vec![0.5; 3]));
        assert_eq!(blend(4, 3), (4, vec![0.5, 0.5, 0.5, 1.0]));
    }

    #[test]
    fn different_sizes_are_an_error() {
        let host = TestHost::new();
        let (base, top) = (gray(2, &[0.0; 2]), gray(1, &[0.0; 2]));
        let error = blend_images(host.ctx(), base, top, BlendMode::Add, 1.0, None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "input `top`: `base` is [1, 1, 2, 1] and `top` is [1, 2, 1, 1]: their sizes differ"
        );
    }

    #[test]
    fn a_picture_at_a_place() {
        let host = TestHost::new();
        let below = gray(3, &[0.0; 6]);
        let above = gray(2, &[0.25, 0.5, 0.75, 1.0]);
        let at =
            |x, y| composite_image(host.ctx(), below.clone(), above.clone(), x, y, None, 0, 0).unwrap().data().to_vec();
        assert_eq!(at(0, 0), [0.25, 0.5, 0.0, 0.75, 1.0, 0.0]);
        assert_eq!(at(2, -1), [0.0, 0.0, 0.75, 0.0, 0.0, 0.0]);
        assert_eq!(at(-1, 1), [0.0, 0.0, 0.0, 0.5, 0.0, 0.0]);
        assert_eq!(at(3, 0), [0.0; 6]);
        assert_eq!(at(-16384, 16384), [0.0; 6]);
    }

    #[test]
    fn a_picture_resized_with_its_mask() {
        let host = TestHost::new();
        let (below, above) = (gray(4, &[0.0; 4]), gray(2, &[1.0; 4]));
        let mask = Mask::new([1, 2, 2], vec![1.0, 0.5, 1.0, 0.5]).unwrap();
        let out = composite_image(host.ctx(), below.clone(), above.clone(), 0, 0, Some(mask), 1, 1).unwrap();
        assert_eq!(out.data(), [0.75, 0.0, 0.0, 0.0]);
        let wrong = Mask::new([1, 1, 2], vec![1.0; 2]).unwrap();
        let error = composite_image(host.ctx(), below, above, 0, 0, Some(wrong), 0, 0).unwrap_err();
        assert_eq!(error.port.as_deref(), Some("mask"));
    }

    #[test]
    fn a_colour_behind() {
        let host = TestHost::new();
        let image = Image::new([1, 1, 2, 4], vec![1.0, 0.0, 0.0, 0.5, 0.3, 0.3, 0.3, 0.0]).unwrap();
        let out = flatten_image(host.ctx(), image, Color([1.0, 1.0, 1.0, 1.0])).unwrap();
        assert_eq!((out.channels(), out.data()), (3, &[1.0, 0.5, 0.5, 1.0, 1.0, 1.0][..]));
    }
}
