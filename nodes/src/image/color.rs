//! Colours and channels of pixels.

use super::pixels::check_size;
use selfsame_sdk::prelude::*;

/// How bright a colour looks: Rec. 601 luma, as Pillow and OpenCV turn colours into gray. Grays stay exactly what they are.
pub fn luma(red: f32, green: f32, blue: f32) -> f32 {
    if red == green && green == blue {
        return red;
    }
    0.299 * red + 0.587 * green + 0.114 * blue
}

/// A colour as a pixel of a number of channels: gray of the same luma, without alpha, or whole.
pub fn pixel(Color([r, g, b, a]): Color, channels: usize) -> Vec<f32> {
    match channels {
        1 => vec![luma(r, g, b)],
        3 => vec![r, g, b],
        _ => vec![r, g, b, a],
    }
}

/// Red, green, blue and alpha of a pixel of 1, 3 or 4 channels.
pub fn rgba(pixel: &[f32]) -> [f32; 4] {
    match *pixel {
        [r, g, b, a] => [r, g, b, a],
        [r, g, b] => [r, g, b, 1.0],
        _ => {
            let gray = pixel.first().copied().unwrap_or_default();
            [gray, gray, gray, 1.0]
        }
    }
}

/// Writes a colour into a pixel of 1, 3 or 4 channels, as gray or without alpha if that is what it has.
pub fn write(pixel: &mut [f32], [r, g, b, a]: [f32; 4]) {
    match pixel {
        [gray] => *gray = luma(r, g, b),
        [to_r, to_g, to_b, alpha @ ..] => {
            [*to_r, *to_g, *to_b] = [r, g, b];
            alpha.fill(a);
        }
        _ => {}
    }
}

/// Pictures with another number of channels: gray becomes three equal colours, colours become their luma; a new alpha
/// is 1, and one that goes is thrown away.
///
/// # Errors
/// If no picture has that many channels, or as [`check_size`].
pub fn with_channels(image: Image, channels: usize) -> Result<Image> {
    let [batch, height, width, from] = image.dims();
    if from == channels {
        return Ok(image);
    }
    let mut data = vec![0.0; check_size([batch, height, width, channels])?];
    for (to, pixel) in data.chunks_exact_mut(channels).zip(image.data().chunks_exact(from)) {
        match (to, pixel) {
            ([gray], [same, ..]) if from == 1 => *gray = *same,
            (to, pixel) => write(to, rgba(pixel)),
        }
    }
    Image::new([batch, height, width, channels], data)
}

/// Gray pictures of one channel that show one of the channels.
///
/// # Errors
/// Never for a channel that the pictures have.
pub fn channel(image: &Image, index: usize) -> Result<Mask> {
    let [batch, height, width, channels] = image.dims();
    Mask::new([batch, height, width], image.data().iter().copied().skip(index).step_by(channels).collect())
}

/// Colours times alpha, so that filters weigh what can be seen; pictures without alpha stay.
pub fn premultiply(image: Image) -> Image {
    each_with_alpha(image, |color, alpha| color * alpha)
}

/// Takes [`premultiply`] back. Where nothing can be seen the colour is black.
pub fn unpremultiply(image: Image) -> Image {
    each_with_alpha(image, |color, alpha| if alpha > 0.0 { color / alpha } else { 0.0 })
}

fn each_with_alpha(image: Image, change: impl Fn(f32, f32) -> f32) -> Image {
    if image.channels() != 4 {
        return image;
    }
    let dims = image.dims();
    let mut data = image.into_tensor().into_data();
    for pixel in data.chunks_exact_mut(4) {
        if let [colors @ .., alpha] = pixel {
            colors.iter_mut().for_each(|color| *color = change(*color, *alpha));
        }
    }
    Image::new(dims, data).expect("the values are as many as before")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_come_and_go() {
        let color = Image::new([1, 1, 1, 4], vec![1.0, 0.5, 0.25, 0.5]).unwrap();
        assert_eq!(with_channels(color.clone(), 3).unwrap().data(), [1.0, 0.5, 0.25]);
        assert_eq!(with_channels(color.clone(), 1).unwrap().data(), [luma(1.0, 0.5, 0.25)]);
        let gray = Image::new([1, 1, 2, 1], vec![0.25, 0.75]).unwrap();
        assert_eq!(with_channels(gray.clone(), 1).unwrap(), gray);
        let wide = with_channels(gray, 4).unwrap();
        assert_eq!(wide.data(), [0.25, 0.25, 0.25, 1.0, 0.75, 0.75, 0.75, 1.0]);
        assert_eq!(channel(&color, 2).unwrap().data(), [0.25]);
    }

    #[test]
    fn premultiplied_and_back() {
        let image = Image::new([1, 1, 2, 4], vec![1.0, 0.5, 0.0, 0.5, 1.0, 1.0, 1.0, 0.0]).unwrap();
        let there = premultiply(image);
        assert_eq!(there.data(), [0.5, 0.25, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(unpremultiply(there).data(), [1.0, 0.5, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0]);
    }
}
