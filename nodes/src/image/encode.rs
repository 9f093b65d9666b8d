//! Pixels to the bytes of a picture file.

use image::ExtendedColorType;
use image::codecs::{jpeg::JpegEncoder, webp::WebPEncoder};
use png::text_metadata::ITXtChunk;
use selfsame_sdk::{Choice, ErrorExt, Image, Result, bail};

/// The format of a picture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Format {
    /// Without loss; keeps alpha.
    Png,
    /// Small; alpha is laid over white.
    Jpeg,
    /// Without loss, smaller than PNG; keeps alpha.
    Webp,
}

impl Format {
    /// The extension of such files.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Png => "png",
            Format::Jpeg => "jpg",
            Format::Webp => "webp",
        }
    }
}

/// Bits of one value of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// 0 to 255.
    Eight,
    /// 0 to 65535.
    Sixteen,
}

/// A text of more bytes than this is compressed.
const MAX_PLAIN_TEXT: usize = 1024;

/// One picture of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    values: &'a [f32],
    width: u32,
    height: u32,
    channels: usize,
}

/// The pictures of a batch, one by one.
///
/// # Errors
/// If a value is not a number, or a side does not fit into 32 bits.
pub fn frames(image: &Image) -> Result<Vec<Frame<'_>>> {
    let [_, height, width, channels] = image.dims();
    if let Some(at) = image.data().iter().position(|value| value.is_nan()) {
        let pixel = at / channels;
        bail!(
            "picture {} holds a value that is not a number (NaN) at x {}, y {}; something before this node went wrong",
            pixel / (height * width),
            pixel % width,
            pixel / width % height,
        );
    }
    let (width, height) = (u32::try_from(width)?, u32::try_from(height)?);
    Ok(image.frames().map(|values| Frame { values, width, height, channels }).collect())
}

/// 0..1 as 0..=255, values beyond clamped, halves away from 0.
fn to_byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// 0..1 as 0..=65535, values beyond clamped, halves away from 0.
fn to_word(value: f32) -> u16 {
    (value.clamp(0.0, 1.0) * 65_535.0).round() as u16
}

impl Frame<'_> {
    fn bytes(&self) -> Vec<u8> {
        self.values.iter().map(|value| to_byte(*value)).collect()
    }

    /// As a PNG file: gray, RGB or RGBA, with texts (keyword and text) inside.
    ///
    /// # Errors
    /// If a keyword is empty, longer than 79 characters or not Latin-1.
    pub fn png(&self, depth: Depth, texts: &[(String, String)]) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(match self.channels {
            1 => png::ColorType::Grayscale,
            3 => png::ColorType::Rgb,
            _ => png::ColorType::Rgba,
        });
        let data = match depth {
            Depth::Eight => self.bytes(),
            Depth::Sixteen => {
                encoder.set_depth(png::BitDepth::Sixteen);
                self.values.iter().flat_map(|value| to_word(*value).to_be_bytes()).collect()
            }
        };
        let mut writer = encoder.write_header()?;
        for (keyword, text) in texts {
            let mut chunk = ITXtChunk::new(keyword, text);
            chunk.compressed = text.len() > MAX_PLAIN_TEXT;
            writer.write_text_chunk(&chunk).context(|| format!("cannot write the text {keyword:?}"))?;
        }
        writer.write_image_data(&data)?;
        writer.finish()?;
        Ok(bytes)
    }

    /// As a JPEG file, gray or RGB, of a quality from 1 to 100. Alpha is laid over white.
    ///
    /// # Errors
    /// If a side has more than 65535 pixels.
    pub fn jpeg(&self, quality: u8) -> Result<Vec<u8>> {
        let (data, color) = match self.channels {
            1 => (self.bytes(), ExtendedColorType::L8),
            3 => (self.bytes(), ExtendedColorType::Rgb8),
            _ => (self.over_white(), ExtendedColorType::Rgb8),
        };
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, quality).encode(&data, self.width, self.height, color)?;
        Ok(bytes)
    }

    /// As a WebP file without loss.
    ///
    /// # Errors
    /// If a side has more than 16384 pixels.
    pub fn webp(&self) -> Result<Vec<u8>> {
        let color = match self.channels {
            1 => ExtendedColorType::L8,
            3 => ExtendedColorType::Rgb8,
            _ => ExtendedColorType::Rgba8,
        };
        let mut bytes = Vec::new();
        WebPEncoder::new_lossless(&mut bytes).encode(&self.bytes(), self.width, self.height, color)?;
        Ok(bytes)
    }

    fn over_white(&self) -> Vec<u8> {
        let pixels = self.values.chunks_exact(4).flat_map(|pixel| {
            let alpha = pixel[3].clamp(0.0, 1.0);
            [pixel[0], pixel[1], pixel[2]].map(|color| to_byte(color.clamp(0.0, 1.0) * alpha + (1.0 - alpha)))
        });
        pixels.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::decode::decode;
    use crate::image::png_text::read_text;

    fn rgba() -> Image {
        Image::new([1, 1, 2, 4], vec![1.0, 0.0, 0.2, 0.0, 1.0, 0.5, 0.0, 1.0]).unwrap()
    }

    #[test]
    fn rounding_is_to_the_nearest_and_halves_go_up() {
        assert_eq!([0.5, 0.0, 1.0, -3.0, 7.0, f32::INFINITY].map(to_byte), [128, 0, 255, 0, 255, 255]);
        assert!((0..=255).all(|i| to_byte(f32::from(i) / 255.0) == i));
        assert!((0..=65_535).all(|i| to_word(f32::from(i) / 65_535.0) == i));
    }

    #[test]
    fn png_and_webp_come_back_as_they_were() {
        for channels in [1, 3, 4] {
            let values: Vec<f32> = (0..2 * 3 * channels).map(|i| (i * 10) as f32 / 255.0).collect();
            let image = Image::new([1, 2, 3, channels], values).unwrap();
            let frame = frames(&image).unwrap()[0];
            for file in [frame.png(Depth::Eight, &[]).unwrap(), frame.webp().unwrap()] {
                let back = decode(&file).unwrap();
                let pixels = image.data().chunks_exact(channels);
                let colors: Vec<f32> =
                    pixels.clone().flat_map(|p| if channels == 1 { [p[0]; 3] } else { [p[0], p[1], p[2]] }).collect();
                assert_eq!(back.image.data(), colors);
                assert_eq!(back.alpha.is_some(), channels == 4);
                if let Some(alpha) = back.alpha {
                    assert_eq!(alpha.data(), pixels.map(|p| p[3]).collect::<Vec<_>>());
                }
            }
        }
    }

    #[test]
    fn sixteen_bits_are_kept() {
        let values = vec![0.0, 1.0 / 65_535.0, 32_768.0 / 65_535.0];
        let image = Image::new([1, 1, 3, 1], values.clone()).unwrap();
        let file = frames(&image).unwrap()[0].png(Depth::Sixteen, &[]).unwrap();
        let back = decode(&file).unwrap().image;
        assert_eq!(back.data().iter().step_by(3).copied().collect::<Vec<_>>(), values);
    }

    #[test]
    fn texts_short_and_long() {
        let texts = [("graph", "Graph(version: 1)".to_owned()), ("long", "größer ".repeat(1000))];
        let texts = texts.map(|(keyword, text)| (keyword.to_owned(), text));
        let image = rgba();
        let file = frames(&image).unwrap()[0].png(Depth::Eight, &texts).unwrap();
        assert!(file.len() < 1000, "{} bytes: the long text should be compressed", file.len());
        assert_eq!(read_text(&file), texts);
        let bad = [("x".repeat(80), String::new())];
        let message = frames(&image).unwrap()[0].png(Depth::Eight, &bad).unwrap_err().message;
        assert!(message.starts_with("cannot write the text \"xxx"), "{message}");
    }

    #[test]
    fn jpeg_lies_over_white() {
        let image = rgba();
        let back = decode(&frames(&image).unwrap()[0].jpeg(100).unwrap()).unwrap();
        assert_eq!(back.alpha, None);
        let wanted = [1.0, 1.0, 1.0, 1.0, 0.5, 0.0];
        for (got, wanted) in back.image.data().iter().zip(wanted) {
            assert!((got - wanted).abs() < 0.05, "{:?}", back.image.data());
        }
    }

    #[test]
    fn what_is_not_a_number_is_named() {
        let mut values = vec![0.0; 2 * 2 * 3 * 3];
        values[18 + 3 * 3 + 2 * 3 + 1] = f32::NAN;
        let image = Image::new([2, 2, 3, 3], values).unwrap();
        let message = frames(&image).unwrap_err().message;
        assert!(message.starts_with("picture 1 holds a value that is not a number (NaN) at x 2, y 1;"), "{message}");
    }
}
