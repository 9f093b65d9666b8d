//! Brightness, contrast, saturation, gamma.

use super::color::luma;
use super::pixels::{draw, row};
use selfsame_sdk::prelude::*;

/// Changes brightness, contrast, saturation and gamma of pictures, in this order; alpha stays.
///
/// Brightness and contrast are those of CSS filters (Filter Effects Level 1); saturation mixes with the gray of the same
/// Rec. 601 luma. After each step values are cut to 0..1.
#[node(id = "core.image.adjust", category = "image/adjust", search = ["exposure", "color", "levels", "desaturate"])]
#[output(image = "the changed pictures")]
pub fn adjust_image(
    ctx: Ctx,
    /// What is changed.
    image: Image,
    /// Every value is multiplied by it.
    #[param(default = 1.0, hard = 0.0..=16.0, soft = 0.0..=2.0, step = 0.05)]
    brightness: f32,
    /// The distance of every value from 0.5 is multiplied by it.
    #[param(default = 1.0, hard = 0.0..=16.0, soft = 0.0..=2.0, step = 0.05)]
    contrast: f32,
    /// 0 is gray, 1 changes nothing, more is more colourful. Gray pictures stay.
    #[param(default = 1.0, hard = 0.0..=16.0, soft = 0.0..=2.0, step = 0.05)]
    saturation: f32,
    /// Every value x becomes x^(1/gamma): more than 1 makes middle tones lighter.
    #[param(default = 1.0, hard = 0.01..=10.0, soft = 0.2..=5.0, step = 0.05)]
    gamma: f32,
) -> Result<Image> {
    let channels = image.channels();
    let colors = if channels == 4 { 3 } else { channels };
    draw(ctx, image.dims(), |frame, y, out| {
        out.copy_from_slice(row(&image, frame, y));
        for pixel in out.chunks_exact_mut(channels) {
            adjust(&mut pixel[..colors], brightness, contrast, saturation, gamma);
        }
    })
}

/// Changes a gray or a colour.
fn adjust(colors: &mut [f32], brightness: f32, contrast: f32, saturation: f32, gamma: f32) {
    for value in colors.iter_mut() {
        *value = (*value * brightness).clamp(0.0, 1.0);
        *value = ((*value - 0.5) * contrast + 0.5).clamp(0.0, 1.0);
    }
    if let [red, green, blue] = colors {
        let gray = luma(*red, *green, *blue);
        for value in [red, green, blue] {
            *value = (gray + (*value - gray) * saturation).clamp(0.0, 1.0);
        }
    }
    if gamma != 1.0 {
        colors.iter_mut().for_each(|value| *value = value.powf(1.0 / gamma));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    fn adjusted(pixel: &[f32], [brightness, contrast, saturation, gamma]: [f32; 4]) -> Vec<f32> {
        let image = Image::new([1, 1, 1, pixel.len()], pixel.to_vec()).unwrap();
        let host = TestHost::new();
        adjust_image(host.ctx(), image, brightness, contrast, saturation, gamma).unwrap().data().to_vec()
    }

    #[test]
    fn each_step() {
        let pixel = [0.25, 0.5, 0.75, 0.125];
        assert_eq!(adjusted(&pixel, [1.0; 4]), pixel);
        assert_eq!(adjusted(&pixel, [1.5, 1.0, 1.0, 1.0]), [0.375, 0.75, 1.0, 0.125]);
        assert_eq!(adjusted(&pixel, [1.0, 2.0, 1.0, 1.0]), [0.0, 0.5, 1.0, 0.125]);
        assert_eq!(adjusted(&pixel, [1.0, 1.0, 1.0, 0.5]), [0.0625, 0.25, 0.5625, 0.125]);
        let gray = luma(0.25, 0.5, 0.75);
        assert_eq!(adjusted(&pixel, [1.0, 1.0, 0.0, 1.0]), [gray, gray, gray, 0.125]);
    }

    #[test]
    fn gray_has_no_saturation() {
        assert_eq!(adjusted(&[0.25], [2.0, 1.0, 0.0, 1.0]), [0.5]);
    }
}
