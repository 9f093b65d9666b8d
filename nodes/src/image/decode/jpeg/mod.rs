//! JPEG files: baseline and progressive; gray, YCbCr, RGB, CMYK and YCCK.
//!
//! Decoders may differ by some levels, and the usual one of Rust does differ from libjpeg, by which the reference reads photographs.
//! So a file without faults is read here, to the bit as libjpeg does it ([`scans`], [`pixels`]). Any other is left to zune-jpeg, which
//! makes of damaged files what can be made.
//!
//! CMYK is taken as Adobe's programs write it, inverted, and becomes RGB as `(255 - c) * (255 - k) / 255` without a
//! profile: what browsers and Pillow do.

mod bits;
mod pixels;
mod scans;

use super::{Raw, check_size, ends_too_early};
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use selfsame_sdk::{Error, Result, bail};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Each block of 8 x 8 pixels takes at least one bit. Without this limit a tiny file could ask for gigabytes of gray.
const MAX_PIXELS_PER_BYTE: u64 = 8 * 64;

/// The largest picture that is read here: what is kept on the way takes some ten bytes for each pixel.
const MAX_PIXELS: u64 = 1 << 26;

/// Reads a JPEG file. A file that ends too early is an error. One that is damaged otherwise becomes what can be made of
/// it, with a note in [`Raw::damage`].
pub fn decode(bytes: &[u8]) -> Result<Raw> {
    let options = DecoderOptions::default().set_max_width(usize::MAX).set_max_height(usize::MAX);
    match decode_as(bytes, options.set_strict_mode(true))? {
        Ok(raw) if has_end(bytes) => Ok(raw),
        Ok(raw) => Ok(Raw { damage: Some("the JPEG file has no end; its last rows may be missing".to_owned()), ..raw }),
        Err(_) if !has_end(bytes) => Err(ends_too_early("JPEG")),
        Err(strict) => match decode_as(bytes, options.set_strict_mode(false))? {
            Ok(raw) => Ok(Raw { damage: Some(format!("the JPEG file is damaged: {}", in_words(&strict))), ..raw }),
            Err(lenient) => Err(Error::new(format!("cannot read the JPEG file: {}", in_words(&lenient)))),
        },
    }
}

/// The outer error is about the size, whatever the options are.
fn decode_as(bytes: &[u8], options: DecoderOptions) -> Result<Result<Raw, DecodeErrors>> {
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    if let Err(error) = decoder.decode_headers() {
        return Ok(Err(error));
    }
    let Some((width, height)) = decoder.dimensions() else {
        return Ok(Err(DecodeErrors::FormatStatic("no size is given")));
    };
    // A JPEG file says its size in 16 bits.
    let (width, height) = (width as u32, height as u32);
    check_size(width, height)?;
    if u64::from(width) * u64::from(height) > MAX_PIXELS_PER_BYTE * bytes.len() as u64 {
        bail!("the JPEG file has {} bytes, too few for its {width} x {height} pixels; it is damaged", bytes.len());
    }
    let gray = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let colors = if gray { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(colors));
    let exact = || {
        let picture = scans::read(bytes).filter(|picture| picture.size == [width, height].map(|side| side as usize))?;
        pixels::pixels(&picture).filter(|_| gray == (picture.components.len() == 1))
    };
    let is_exact = options.strict_mode() && u64::from(width) * u64::from(height) <= MAX_PIXELS;
    let samples = match is_exact.then(exact).flatten() {
        Some(samples) => samples,
        None => match decoder.decode() {
            Ok(samples) => samples,
            Err(error) => return Ok(Err(error)),
        },
    };
    let pixels = if gray {
        GrayImage::from_raw(width, height, samples).map(DynamicImage::from)
    } else {
        RgbImage::from_raw(width, height, samples).map(DynamicImage::from)
    };
    let Some(pixels) = pixels else {
        return Ok(Err(DecodeErrors::FormatStatic("the pixels do not fill the picture")));
    };
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    Ok(Ok(Raw {
        pixels,
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
        profile: decoder.icc_profile(),
        damage: None,
    }))
}

/// Whether there is an end-of-image marker after the last scan. In front of it, it may belong to a thumbnail.
fn has_end(bytes: &[u8]) -> bool {
    let is = |marker: u8| move |pair: &[u8]| pair == [0xff, marker];
    let scan = bytes.windows(2).rposition(is(0xda));
    scan.is_some_and(|start| bytes[start..].windows(2).any(is(0xd9)))
}

/// Without the quotation marks and the final dot that some of the decoder's messages have.
fn in_words(error: &DecodeErrors) -> String {
    error.to_string().trim_matches(['"', '.', ' ', '\n']).to_owned()
}

#[cfg(test)]
mod tests;
