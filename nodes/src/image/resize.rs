//! Pictures at another size.

use super::fit::{Fit, Resampling, resize, target};
use super::resample::Filter;
use selfsame_sdk::prelude::*;

/// Makes pictures larger or smaller, filtered as Pillow does.
///
/// If they become smaller every filter but `nearest` is widened by the same factor, so that nothing flickers or turns
/// jagged. Transparent pixels do not bleed: colours are weighed by alpha.
#[node(id = "core.image.resize", category = "image/transform", search = ["scale", "resample", "upscale", "downscale"])]
#[output(image = "the pictures at their new size")]
pub fn resize_image(
    ctx: Ctx,
    /// What is resized.
    image: Image,
    /// The new width; 0 follows from the height, and from the picture if both are 0.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    width: usize,
    /// The new height; 0 follows from the width, and from the picture if both are 0.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    height: usize,
    /// What happens if the new size has another shape than the picture.
    #[param(default = "stretch")]
    fit: Fit,
    /// How pixels are weighed.
    #[param(default = "lanczos")]
    filter: Filter,
    /// Width and height become multiples of this number: 8 for latents. They are rounded to the nearest one, or down if
    /// `fit` is `inside`.
    #[param(default = 1, hard = 1..=1024, unit = "px")]
    multiple_of: usize,
    /// What is seen beside the picture if `fit` is `contain`.
    #[param(default = "#000000")]
    background: Color,
    /// Rounds to the 256 levels of an 8-bit picture after each of the two passes. The result is that of Pillow's `Image.resize`
    /// to the byte, which is what diffusers does to control pictures and to pictures to start from.
    #[param(default = false)]
    whole_levels: bool,
) -> Result<Image> {
    let to = target([image.width(), image.height()], [width, height], fit, multiple_of);
    resize(ctx, image, to, fit, Resampling { filter, whole_levels }, background)
}

/// Makes pictures larger or smaller by a factor.
#[node(id = "core.image.scale", category = "image/transform", search = ["resize", "upscale", "downscale"])]
#[output(image = "the pictures at their new size")]
pub fn scale_image(
    ctx: Ctx,
    /// What is scaled.
    image: Image,
    /// Width and height are multiplied by it, and rounded.
    #[param(default = 2.0, hard = 0.01..=64.0, soft = 0.25..=4.0, step = 0.05)]
    factor: f64,
    /// How pixels are weighed.
    #[param(default = "lanczos")]
    filter: Filter,
    /// Width and height become the nearest multiples of this number.
    #[param(default = 1, hard = 1..=1024, unit = "px")]
    multiple_of: usize,
) -> Result<Image> {
    let size = [image.width(), image.height()];
    let wanted = size.map(|side| ((side as f64 * factor).round() as usize).max(1));
    let to = target(size, wanted, Fit::Stretch, multiple_of);
    resize(ctx, image, to, Fit::Stretch, filter, Color([0.0; 4]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    const BLUE: Color = Color([0.0, 0.0, 1.0, 1.0]);

    fn gray(width: usize, height: usize, data: &[f32]) -> Image {
        Image::new([1, height, width, 1], data.to_vec()).unwrap()
    }

    #[test]
    fn contain_shows_the_background() {
        let host = TestHost::new();
        let red = Image::new([2, 1, 2, 3], [1.0, 0.0, 0.0].repeat(4)).unwrap();
        let out = resize_image(host.ctx(), red, 2, 3, Fit::Contain, Filter::Bicubic, 1, BLUE, false).unwrap();
        assert_eq!(out.dims(), [2, 3, 2, 3]);
        let lines: Vec<&[f32]> = out.data().chunks(3).step_by(2).take(3).collect();
        assert_eq!(lines, [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]);
    }

    #[test]
    fn cover_cuts_both_sides() {
        let host = TestHost::new();
        let wide = gray(4, 2, &[0.0, 0.25, 0.5, 1.0, 0.0, 0.25, 0.5, 1.0]);
        let out = resize_image(host.ctx(), wide, 2, 2, Fit::Cover, Filter::Box, 1, BLUE, false).unwrap();
        assert_eq!(out.data(), [0.25, 0.5, 0.25, 0.5]);
    }

    #[test]
    fn the_same_size_changes_nothing() {
        let host = TestHost::new();
        let image = Image::new([1, 1, 2, 4], vec![0.3, 0.2, 0.1, 0.0, 0.3, 0.2, 0.1, 0.7]).unwrap();
        let out = resize_image(host.ctx(), image.clone(), 0, 0, Fit::Cover, Filter::Lanczos, 1, BLUE, false).unwrap();
        assert_eq!(out, image);
    }

    #[test]
    fn what_is_transparent_does_not_bleed() {
        let host = TestHost::new();
        let edge = Image::new([1, 1, 2, 4], vec![1.0, 0.5, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]).unwrap();
        let out = resize_image(host.ctx(), edge, 1, 1, Fit::Stretch, Filter::Box, 1, BLUE, false).unwrap();
        assert_eq!(out.data(), [1.0, 0.5, 0.0, 0.5]);
    }

    #[test]
    fn overshoot_stays_within_0_and_1() {
        let host = TestHost::new();
        let step = gray(6, 1, &[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        let out = scale_image(host.ctx(), step, 3.0, Filter::Lanczos, 8).unwrap();
        assert_eq!(out.dims(), [1, 8, 16, 1]);
        assert!(out.data().iter().all(|x| (0.0..=1.0).contains(x)));
    }

    /// Values of Pillow 13.0: `Image.resize`, `ImageOps.fit`, and alpha.
    #[test]
    fn whole_levels_are_those_of_pillow() {
        let host = TestHost::new();
        let levels = |image: &Image| image.data().iter().map(|x| (x * 255.0).round() as u8).collect::<Vec<_>>();
        let of = |width, height, channels, data: &[u8]| {
            let data = data.iter().map(|x| f32::from(*x) / 255.0).collect();
            Image::new([1, height, width, channels], data).unwrap()
        };
        let resized = |image: Image, width, height, fit, filter| {
            levels(&resize_image(host.ctx(), image, width, height, fit, filter, 1, BLUE, true).unwrap())
        };
        let values: Vec<u8> = (0..35).map(|i| ((i * i * 63 + i * 93 + 5) % 251) as u8).collect();
        let gray = of(7, 5, 1, &values);
        let wanted = [97, 163, 132, 79, 88, 105, 104, 124, 125, 104, 140, 110];
        assert_eq!(resized(gray.clone(), 4, 3, Fit::Stretch, Filter::Lanczos), wanted);
        let wanted = [131, 157, 98, 67, 134, 100, 122, 122, 130];
        assert_eq!(resized(gray, 3, 3, Fit::Cover, Filter::Bicubic), wanted);
        let alpha = of(4, 1, 4, &[200, 100, 0, 128, 10, 250, 60, 0, 90, 90, 255, 255, 33, 66, 99, 7]);
        let wanted = [243, 105, 0, 68, 83, 88, 255, 135, 89, 89, 241, 94];
        assert_eq!(resized(alpha.clone(), 3, 1, Fit::Stretch, Filter::Lanczos), wanted);
        let wanted = [200, 100, 0, 128, 90, 90, 255, 255, 33, 66, 99, 7];
        assert_eq!(resized(alpha, 3, 1, Fit::Stretch, Filter::Nearest), wanted);
    }

    #[test]
    fn sizes_beyond_reason_are_errors() {
        let host = TestHost::new();
        let long = gray(1000, 1, &[0.0; 1000]);
        let error = resize_image(host.ctx(), long, 0, 16384, Fit::Stretch, Filter::Box, 1, BLUE, false).unwrap_err();
        assert!(error.message.contains("more than 16384 px"), "{error}");
    }
}
