//! Channels of pictures: gray, colours, alpha.

use super::color::{channel, with_channels};
use super::pixels::{draw, gray_of, row, same_size};
use selfsame_sdk::prelude::*;

/// What a picture has in each pixel.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// One value.
    Gray,
    /// Three colours.
    Rgb,
    /// Three colours and alpha.
    Rgba,
}

/// Turns pictures into gray, RGB or RGBA ones.
///
/// Colours become gray by their Rec. 601 luma. A new alpha is 1. An alpha that goes is thrown away with no look at it:
/// FlattenImage puts pictures onto a colour instead.
#[node(id = "core.image.convert", category = "image/channels", search = ["grayscale", "desaturate", "remove alpha"])]
#[output(image = "the pictures with these channels")]
pub fn convert_image(
    /// What is turned.
    image: Image,
    /// What it has afterwards.
    #[param(default = "rgb")]
    channels: Channels,
) -> Result<Image> {
    with_channels(
        image,
        match channels {
            Channels::Gray => 1,
            Channels::Rgb => 3,
            Channels::Rgba => 4,
        },
    )
}

/// Takes pictures apart into their channels.
#[node(id = "core.image.split_channels", category = "image/channels", search = ["red", "green", "blue", "alpha"])]
#[output(
    red = "red; the gray of a gray picture",
    green = "green; the gray of a gray picture",
    blue = "blue; the gray of a gray picture",
    alpha = "how opaque: 1 without alpha"
)]
pub fn split_channels(
    /// What is taken apart.
    image: Image,
) -> Result<(Mask, Mask, Mask, Mask)> {
    let image = with_channels(image, 4)?;
    Ok((channel(&image, 0)?, channel(&image, 1)?, channel(&image, 2)?, channel(&image, 3)?))
}

/// Makes pictures of their channels.
#[node(id = "core.image.join_channels", category = "image/channels", search = ["merge", "combine", "red", "green", "blue"])]
#[output(image = "RGB, or RGBA if alpha is set")]
pub fn join_channels(
    ctx: Ctx,
    /// Red.
    red: Mask,
    /// Green, as large as red.
    green: Mask,
    /// Blue, as large as red.
    blue: Mask,
    /// How opaque, as large as red.
    alpha: Option<Mask>,
) -> Result<Image> {
    let [mut batch, height, width] = red.dims();
    let mut planes = vec![("red", red), ("green", green), ("blue", blue)];
    planes.extend(alpha.map(|alpha| ("alpha", alpha)));
    for (name, mask) in &planes {
        batch = same_size(["red", name], &[batch, height, width], &mask.dims())?;
    }
    let planes: Vec<Image> = planes.into_iter().map(|(_, mask)| gray_of(mask)).collect::<Result<_>>()?;
    draw(ctx, [batch, height, width, planes.len()], |frame, y, out| {
        for (index, plane) in planes.iter().enumerate() {
            let places = out.iter_mut().skip(index).step_by(planes.len());
            places.zip(row(plane, frame, y)).for_each(|(to, from)| *to = *from);
        }
    })
}

/// Takes alpha off pictures.
#[node(id = "core.image.split_alpha", category = "image/channels", search = ["transparency", "remove alpha"])]
#[output(image = "the colours; a picture without alpha stays", alpha = "how opaque: 1 without alpha")]
pub fn split_alpha(
    /// What may have alpha.
    image: Image,
) -> Result<(Image, Mask)> {
    let alpha = channel(&with_channels(image.clone(), 4)?, 3)?;
    let colors = image.channels().min(3);
    Ok((with_channels(image, colors)?, alpha))
}

/// Gives pictures an alpha.
#[node(id = "core.image.join_alpha", category = "image/channels", search = ["transparency", "cut out", "mask to alpha"])]
#[output(image = "RGBA")]
pub fn join_alpha(
    ctx: Ctx,
    /// The colours; an alpha that is there already goes.
    image: Image,
    /// How opaque, as large as the picture: 1 is seen, 0 is not. To make masked areas transparent, invert the mask first.
    alpha: Mask,
) -> Result<Image> {
    let [_, height, width, _] = image.dims();
    let batch = same_size(["image", "alpha"], &image.dims(), &alpha.dims())?;
    let (colors, alpha) = (with_channels(image, 4)?, gray_of(alpha)?);
    draw(ctx, [batch, height, width, 4], |frame, y, out| {
        out.copy_from_slice(row(&colors, frame, y));
        let alphas = out.iter_mut().skip(3).step_by(4);
        alphas.zip(row(&alpha, frame, y)).for_each(|(to, from)| *to = *from);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    fn color() -> Image {
        Image::new([1, 1, 2, 4], vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]).unwrap()
    }

    #[test]
    fn channels_are_chosen() {
        assert_eq!(convert_image(color(), Channels::Rgb).unwrap().data(), [0.1, 0.2, 0.3, 0.5, 0.6, 0.7]);
        assert_eq!(convert_image(color(), Channels::Gray).unwrap().channels(), 1);
        assert_eq!(convert_image(color(), Channels::Rgba).unwrap(), color());
    }

    #[test]
    fn apart_and_together() {
        let host = TestHost::new();
        let (red, green, blue, alpha) = split_channels(color()).unwrap();
        assert_eq!((red.data(), alpha.data()), (&[0.1, 0.5][..], &[0.4, 0.8][..]));
        let again = join_channels(host.ctx(), red.clone(), green.clone(), blue.clone(), Some(alpha)).unwrap();
        assert_eq!(again, color());
        assert_eq!(join_channels(host.ctx(), red.clone(), green, blue, None).unwrap().channels(), 3);
        let small = Mask::new([1, 1, 1], vec![0.0]).unwrap();
        let error = join_channels(host.ctx(), red.clone(), small, red, None).unwrap_err();
        assert_eq!(error.to_string(), "input `green`: `red` is [1, 1, 2] and `green` is [1, 1, 1]: their sizes differ");
    }

    #[test]
    fn alpha_off_and_on() {
        let host = TestHost::new();
        let (colors, alpha) = split_alpha(color()).unwrap();
        assert_eq!((colors.data(), alpha.data()), (&[0.1, 0.2, 0.3, 0.5, 0.6, 0.7][..], &[0.4, 0.8][..]));
        assert_eq!(join_alpha(host.ctx(), colors, alpha).unwrap(), color());
        let gray = Image::new([1, 1, 1, 1], vec![0.5]).unwrap();
        let (same, opaque) = split_alpha(gray.clone()).unwrap();
        assert_eq!((same, opaque.data()), (gray.clone(), &[1.0][..]));
        let two = Mask::new([2, 1, 1], vec![0.0, 1.0]).unwrap();
        let both = join_alpha(host.ctx(), gray, two).unwrap();
        assert_eq!(both.data(), [0.5, 0.5, 0.5, 0.0, 0.5, 0.5, 0.5, 1.0]);
    }
}
