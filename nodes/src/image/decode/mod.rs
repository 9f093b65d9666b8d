//! The bytes of a picture file to pixels. What a file is, its content says; its name is not looked at.
//!
//! Read are PNG, JPEG, WebP, TIFF, BMP, and GIF; of several pictures in a file (animations, pages), the first one. The
//! EXIF orientation is applied. Colours are taken as sRGB: a profile that says otherwise is warned about, not applied.

mod jpeg;
mod profile;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use selfsame_sdk::{Error, Image, Mask, Result, Status, bail};
use std::io::Cursor;

/// The extensions of files that [`decode`] reads.
pub const EXTENSIONS: [&str; 8] = ["png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp", "gif"];

/// The most pixels of a side.
const MAX_SIDE: u32 = 16_384;

/// The most memory for the pixels of a file before they become f32: the largest picture with four 16-bit channels.
const MAX_BYTES: u64 = MAX_SIDE as u64 * MAX_SIDE as u64 * 8;

/// A picture from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The colours `[1,H,W,3]`; gray is repeated. Where the picture is transparent they are what the file holds.
    pub image: Image,
    /// The opacity `[1,H,W]`, 1 is opaque; none if the file has no such channel.
    pub alpha: Option<Mask>,
    /// What is probably not as meant, though there is a picture.
    pub warnings: Vec<String>,
}

/// What a reader of one format gives.
struct Raw {
    pixels: DynamicImage,
    orientation: Orientation,
    profile: Option<Vec<u8>>,
    damage: Option<String>,
}

/// Reads a picture.
///
/// # Errors
/// If the bytes are no picture of a known format, end too early, or the picture is larger than 16384 pixels a side.
pub fn decode(bytes: &[u8]) -> Result<Decoded> {
    let raw = match recognize(bytes)? {
        ImageFormat::Jpeg => jpeg::decode(bytes)?,
        format => decode_with(bytes, format)?,
    };
    let Raw { mut pixels, orientation, profile, damage } = raw;
    pixels.apply_orientation(orientation);
    let mut warnings: Vec<String> = damage.into_iter().collect();
    if let Some(name) = profile.and_then(|profile| profile::other_than_srgb(&profile)) {
        warnings.push(format!("the colour profile {name:?} is not applied, the colours are taken as sRGB"));
    }
    let [height, width] = [pixels.height(), pixels.width()].map(|side| side as usize);
    let (colors, alpha) = to_f32(pixels)?;
    Ok(Decoded {
        image: Image::new([1, height, width, 3], colors)?,
        alpha: alpha.map(|alpha| Mask::new([1, height, width], alpha)).transpose()?,
        warnings,
    })
}

fn recognize(bytes: &[u8]) -> Result<ImageFormat> {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    const KNOWN: &str = "expected PNG, JPEG, WebP, TIFF, BMP or GIF";
    let unsupported = |what: String| Err(Error::with(Status::Unsupported, what));
    if bytes.is_empty() {
        bail!("the file is empty; {KNOWN}");
    }
    match image::guess_format(bytes) {
        Ok(format @ (Png | Jpeg | WebP | Tiff | Bmp | Gif)) => Ok(format),
        Ok(other) => unsupported(format!("{other:?} pictures cannot be read; {KNOWN}")),
        Err(_) if bytes.get(4..8) == Some(b"ftyp") => {
            unsupported(format!("HEIC pictures and videos cannot be read; {KNOWN}"))
        }
        Err(_) => {
            let start = String::from_utf8_lossy(bytes.get(..24).unwrap_or(bytes));
            bail!("this is no picture: the file starts with {start:?}; {KNOWN}")
        }
    }
}

/// Reads every format but JPEG.
fn decode_with(bytes: &[u8], format: ImageFormat) -> Result<Raw> {
    let name = format!("{format:?}").to_uppercase();
    let failed = |error: ImageError| match error {
        ImageError::Limits(_) => Error::new(format!("the {name} picture needs more memory than {MAX_BYTES} bytes")),
        ImageError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => ends_too_early(&name),
        other => Error::from(other),
    };
    if format == ImageFormat::WebP && riff_length(bytes) > bytes.len() as u64 {
        return Err(ends_too_early(&name)); // the decoder would make up the pixels that are not there
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    // A picture with unreadable side information is still a picture.
    let orientation = match decoder.exif_metadata() {
        // Some programs keep the mark of JPEG files in front.
        Ok(Some(exif)) if exif.starts_with(b"Exif\0\0") => Orientation::from_exif_chunk(&exif[6..]),
        _ => decoder.orientation().ok(),
    };
    let profile = decoder.icc_profile().ok().flatten();
    let pixels = DynamicImage::from_decoder(decoder).map_err(failed)?;
    Ok(Raw { pixels, orientation: orientation.unwrap_or(Orientation::NoTransforms), profile, damage: None })
}

/// How long a WebP file says that it is: `RIFF`, the length of what follows, `WEBP`.
fn riff_length(bytes: &[u8]) -> u64 {
    let length = bytes.get(4..8).and_then(|length| <[u8; 4]>::try_from(length).ok());
    length.map_or(0, |length| u64::from(u32::from_le_bytes(length)) + 8)
}

fn ends_too_early(name: &str) -> Error {
    Error::new(format!("the {name} file ends too early; is it a broken download or copy?"))
}

fn check_size(width: u32, height: u32) -> Result<()> {
    if width == 0 || height == 0 {
        bail!("the picture has no pixels: it is {width} x {height}");
    }
    if width > MAX_SIDE || height > MAX_SIDE {
        bail!("the picture has {width} x {height} pixels, more than {MAX_SIDE} a side; make it smaller first");
    }
    Ok(())
}

/// RGB, and alpha if there is any, 0..1.
fn to_f32(pixels: DynamicImage) -> Result<(Vec<f32>, Option<Vec<f32>>)> {
    let byte = |value: u8| f32::from(value) / 255.0;
    let word = |value: u16| f32::from(value) / 65_535.0;
    Ok(match pixels {
        DynamicImage::ImageLuma8(p) => split(p.as_raw(), 1, byte),
        DynamicImage::ImageLumaA8(p) => split(p.as_raw(), 2, byte),
        DynamicImage::ImageRgb8(p) => split(p.as_raw(), 3, byte),
        DynamicImage::ImageRgba8(p) => split(p.as_raw(), 4, byte),
        DynamicImage::ImageLuma16(p) => split(p.as_raw(), 1, word),
        DynamicImage::ImageLumaA16(p) => split(p.as_raw(), 2, word),
        DynamicImage::ImageRgb16(p) => split(p.as_raw(), 3, word),
        DynamicImage::ImageRgba16(p) => split(p.as_raw(), 4, word),
        // TIFF alone may hold numbers beyond 0..1, or none at all.
        float => {
            let has_alpha = float.color().has_alpha();
            let rgba = float.into_rgba32f();
            if rgba.as_raw().iter().any(|value| value.is_nan()) {
                bail!("the picture holds values that are not numbers (NaN)");
            }
            let (colors, alpha) = split(rgba.as_raw(), 4, |value| value.clamp(0.0, 1.0));
            (colors, alpha.filter(|_| has_alpha))
        }
    })
}

/// Interleaved samples of 1 to 4 channels as RGB and alpha.
fn split<T: Copy>(samples: &[T], channels: usize, unit: impl Fn(T) -> f32) -> (Vec<f32>, Option<Vec<f32>>) {
    let colors = match channels {
        1 | 2 => samples.chunks_exact(channels).flat_map(|pixel| [unit(pixel[0]); 3]).collect(),
        3 => samples.iter().map(|sample| unit(*sample)).collect(),
        _ => samples.chunks_exact(4).flat_map(|pixel| [unit(pixel[0]), unit(pixel[1]), unit(pixel[2])]).collect(),
    };
    let alpha = || samples.iter().skip(channels - 1).step_by(channels).map(|sample| unit(*sample)).collect();
    (colors, matches!(channels, 2 | 4).then(alpha))
}

#[cfg(test)]
mod tests;
