//! Between pictures and masks.

use crate::image::color::{channel, rgba, with_channels};
use crate::image::pixels::{draw, gray_of, mask_of, row};
use selfsame_sdk::prelude::*;

/// What of a picture becomes a mask.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The red of a colour, or the gray.
    Red,
    /// The green of a colour, or the gray.
    Green,
    /// The blue of a colour, or the gray.
    Blue,
    /// How opaque it is; 1 without alpha.
    Alpha,
    /// How bright it looks: Rec. 601 luma.
    Luminance,
}

/// Makes masks of one channel of pictures.
#[node(id = "core.mask.from_image", category = "mask/convert", search = ["image to mask", "alpha", "luminance", "channel"])]
#[output(mask = "one mask for each picture")]
pub fn mask_from_image(
    /// The pictures.
    image: Image,
    /// What of them becomes the mask.
    #[param(default = "luminance")]
    channel: Source,
) -> Result<Mask> {
    let index = match channel {
        Source::Red => 0,
        Source::Green => 1,
        Source::Blue => 2,
        Source::Alpha => 3,
        Source::Luminance => return mask_of(with_channels(image, 1)?),
    };
    self::channel(&with_channels(image, 4)?, index)
}

/// Makes masks that are 1 where pictures have a colour.
#[node(id = "core.mask.from_color", category = "mask/convert", search = ["color to mask", "chroma key", "select color"])]
#[output(mask = "one mask for each picture, of 0 and 1")]
pub fn mask_from_color(
    ctx: Ctx,
    /// The pictures; alpha is not looked at.
    image: Image,
    /// The colour.
    #[param(default = "#ff0000")]
    color: Color,
    /// How far red, green and blue may each be off. Half a step of 8 bits is 0.002.
    #[param(default = 0.002, hard = 0.0..=1.0, step = 0.01, slider)]
    tolerance: f32,
) -> Result<Mask> {
    let [batch, height, width, channels] = image.dims();
    let Color(wanted) = color;
    let mask = draw(ctx, [batch, height, width, 1], |frame, y, out| {
        for (to, pixel) in out.iter_mut().zip(row(&image, frame, y).chunks_exact(channels)) {
            let close = rgba(pixel).iter().zip(wanted).take(3).all(|(got, wanted)| (got - wanted).abs() <= tolerance);
            *to = f32::from(close);
        }
    })?;
    mask_of(mask)
}

/// Makes gray pictures of masks.
#[node(id = "core.mask.to_image", category = "mask/convert", search = ["mask to image", "preview mask"])]
#[output(image = "gray: 1 is white")]
pub fn image_from_mask(
    /// The masks.
    mask: Mask,
) -> Result<Image> {
    gray_of(mask)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::color::luma;
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn channels_of_colours_and_grays() {
        let color = Image::new([1, 1, 1, 4], vec![0.1, 0.2, 0.3, 0.4]).unwrap();
        let gray = Image::new([1, 1, 1, 1], vec![0.7]).unwrap();
        let cases = [
            (Source::Red, 0.1, 0.7),
            (Source::Green, 0.2, 0.7),
            (Source::Blue, 0.3, 0.7),
            (Source::Alpha, 0.4, 1.0),
            (Source::Luminance, luma(0.1, 0.2, 0.3), 0.7),
        ];
        for (source, of_color, of_gray) in cases {
            assert_eq!(mask_from_image(color.clone(), source).unwrap().data(), [of_color]);
            assert_eq!(mask_from_image(gray.clone(), source).unwrap().data(), [of_gray]);
        }
    }

    #[test]
    fn colours_within_a_tolerance() {
        let host = TestHost::new();
        let image = Image::new([1, 1, 3, 3], vec![1.0, 0.0, 0.0, 0.9, 0.1, 0.0, 0.9, 0.3, 0.0]).unwrap();
        let red = Color([1.0, 0.0, 0.0, 1.0]);
        assert_eq!(mask_from_color(host.ctx(), image.clone(), red, 0.002).unwrap().data(), [1.0, 0.0, 0.0]);
        assert_eq!(mask_from_color(host.ctx(), image, red, 0.125).unwrap().data(), [1.0, 1.0, 0.0]);
    }

    #[test]
    fn there_and_back() {
        let mask = Mask::new([2, 1, 2], vec![0.0, 0.25, 0.5, 1.0]).unwrap();
        let image = image_from_mask(mask.clone()).unwrap();
        assert_eq!(image.dims(), [2, 1, 2, 1]);
        assert_eq!(mask_from_image(image, Source::Red).unwrap(), mask);
    }
}
