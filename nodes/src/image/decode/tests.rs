use super::*;
use image::ImageEncoder;
use image::codecs::{bmp::BmpEncoder, gif::GifEncoder, png::PngEncoder, tiff::TiffEncoder};
use png::{BitDepth, ColorType};

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/images/", $name))
    };
}

/// The fields that `tests/images/make.py` paints.
const FIELDS: [[u8; 3]; 4] = [[200, 30, 60], [20, 180, 40], [10, 60, 220], [240, 240, 200]];

/// The pixel in the middle of each quarter, as bytes.
fn quarters(image: &Image) -> [[u8; 3]; 4] {
    let [_, height, width, _] = image.dims();
    let at = |x: usize, y: usize| {
        let start = ((y * height / 4) * width + x * width / 4) * 3;
        [0, 1, 2].map(|c| (image.data()[start + c] * 255.0).round() as u8)
    };
    [at(1, 1), at(3, 1), at(1, 3), at(3, 3)]
}

fn assert_near(got: [[u8; 3]; 4], wanted: [[u8; 3]; 4], tolerance: u8) {
    let far = got.iter().flatten().zip(wanted.iter().flatten()).any(|(a, b)| a.abs_diff(*b) > tolerance);
    assert!(!far, "got {got:?}, wanted {wanted:?}");
}

fn message(bytes: &[u8]) -> String {
    decode(bytes).expect_err("should not be readable").message
}

/// A PNG of samples packed as the file holds them.
fn png(size: (u32, u32), color: ColorType, depth: BitDepth, data: &[u8], palette: &[u8], trns: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, size.0, size.1);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if !palette.is_empty() {
        encoder.set_palette(palette.to_vec());
    }
    if !trns.is_empty() {
        encoder.set_trns(trns.to_vec());
    }
    encoder.write_header().unwrap().write_image_data(data).unwrap();
    bytes
}

/// Values and alphas of a row of gray pixels.
fn gray_row(bytes: &[u8]) -> (Vec<f32>, Option<Vec<f32>>) {
    let Decoded { image, alpha, warnings } = decode(bytes).unwrap();
    assert!(warnings.is_empty());
    assert!(image.data().chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2]));
    (image.data().iter().step_by(3).copied().collect(), alpha.map(|alpha| alpha.data().to_vec()))
}

#[test]
fn png_of_every_depth() {
    let gray = |depth: BitDepth, width: u32, data: &[u8], trns: &[u8]| {
        gray_row(&png((width, 1), ColorType::Grayscale, depth, data, &[], trns))
    };
    assert_eq!(gray(BitDepth::One, 4, &[0b0110_0000], &[]), (vec![0.0, 1.0, 1.0, 0.0], None));
    assert_eq!(gray(BitDepth::Two, 4, &[0b0001_1011], &[]), (vec![0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0], None));
    assert_eq!(gray(BitDepth::Four, 2, &[0x3f], &[]), (vec![0.2, 1.0], None));
    assert_eq!(gray(BitDepth::Eight, 2, &[51, 255], &[]), (vec![0.2, 1.0], None));
    let sixteen = gray(BitDepth::Sixteen, 3, &[0, 1, 0x80, 0, 0xff, 0xff], &[]);
    assert_eq!(sixteen, (vec![1.0 / 65_535.0, 32_768.0 / 65_535.0, 1.0], None));
    // One gray level may be transparent.
    assert_eq!(gray(BitDepth::Eight, 2, &[51, 255], &[0, 51]), (vec![0.2, 1.0], Some(vec![0.0, 1.0])));
}

#[test]
fn png_with_alpha_and_palettes() {
    let la = png((2, 1), ColorType::GrayscaleAlpha, BitDepth::Eight, &[51, 0, 102, 255], &[], &[]);
    assert_eq!(gray_row(&la), (vec![0.2, 0.4], Some(vec![0.0, 1.0])));
    let la = png((1, 1), ColorType::GrayscaleAlpha, BitDepth::Sixteen, &[0, 1, 0, 2], &[], &[]);
    assert_eq!(gray_row(&la), (vec![1.0 / 65_535.0], Some(vec![2.0 / 65_535.0])));
    let rgb = png((1, 1), ColorType::Rgb, BitDepth::Sixteen, &[0, 1, 0, 2, 0xff, 0xff], &[], &[]);
    assert_eq!(decode(&rgb).unwrap().image.data(), [1.0 / 65_535.0, 2.0 / 65_535.0, 1.0]);
    let rgba = decode(&png((1, 1), ColorType::Rgba, BitDepth::Eight, &[51, 102, 153, 204], &[], &[])).unwrap();
    assert_eq!((rgba.image.data(), rgba.alpha.unwrap().data()), (&[0.2, 0.4, 0.6][..], &[0.8][..]));
    let palette = [255, 0, 0, 0, 255, 0, 0, 0, 255];
    let indexed = |trns: &[u8]| png((4, 1), ColorType::Indexed, BitDepth::Two, &[0b0001_1000], &palette, trns);
    let colors = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0];
    let opaque = decode(&indexed(&[])).unwrap();
    assert_eq!((opaque.image.data(), opaque.alpha), (&colors[..], None));
    // Fewer entries than colours: the others are opaque.
    let clear = decode(&indexed(&[0, 51])).unwrap();
    assert_eq!((clear.image.data(), clear.alpha.unwrap().data()), (&colors[..], &[0.0, 0.2, 1.0, 0.0][..]));
}

#[test]
fn interlaced_png() {
    let (values, alpha) = gray_row(file!("interlaced.png"));
    assert_eq!(values, (0..64).map(|i| i as f32 / 255.0).collect::<Vec<_>>());
    assert_eq!(alpha, None);
}

#[test]
fn jpeg_of_every_kind() {
    for bytes in [&file!("baseline.jpg")[..], file!("progressive.jpg")] {
        let Decoded { image, alpha, warnings } = decode(bytes).unwrap();
        assert_near(quarters(&image), FIELDS, 1);
        assert_eq!((alpha, warnings), (None, vec![]));
    }
    let gray = decode(file!("gray.jpg")).unwrap().image;
    assert_near(quarters(&gray), [[0; 3], [80; 3], [160; 3], [255; 3]], 1);
}

/// What Pillow reads: see `tests/images/make.py`.
#[test]
fn jpeg_of_printers_inks() {
    let cmyk = decode(file!("cmyk.jpg")).unwrap().image;
    assert_near(quarters(&cmyk), [[226, 51, 97], [27, 164, 57], [4, 84, 225], [127, 127, 127]], 2);
    let ycck = decode(file!("ycck.jpg")).unwrap().image;
    assert_near(quarters(&ycck), [[39, 0, 128], [195, 162, 50], [64, 225, 225], [0, 67, 0]], 2);
}

#[test]
fn webp_of_every_kind() {
    assert_near(quarters(&decode(file!("lossy.webp")).unwrap().image), FIELDS, 3);
    // Of an animation, the first picture.
    assert_near(quarters(&decode(file!("animated.webp")).unwrap().image), FIELDS, 0);
    let Decoded { image, alpha, .. } = decode(file!("alpha.webp")).unwrap();
    assert_near(quarters(&image), FIELDS, 0);
    let alpha = alpha.unwrap();
    let corners = [0, 15, 15 * 16, 255].map(|i| (alpha.data()[i] * 255.0).round() as u8);
    assert_eq!(corners, [255, 128, 0, 64]);
}

#[test]
fn bmp_gif_and_tiff() {
    let pixels = [200, 30, 60, 20, 180, 40];
    let colors = pixels.map(|value| f32::from(value) / 255.0);
    let mut bmp = Vec::new();
    BmpEncoder::new(&mut bmp).encode(&pixels, 2, 1, image::ExtendedColorType::Rgb8).unwrap();
    assert_eq!(decode(&bmp).unwrap().image.data(), colors);
    let mut gif = Vec::new();
    GifEncoder::new(&mut gif).encode(&pixels, 2, 1, image::ExtendedColorType::Rgb8).unwrap();
    assert_eq!(decode(&gif).unwrap().image.data(), colors);
    let mut tiff = Cursor::new(Vec::new());
    TiffEncoder::new(&mut tiff).write_image(&pixels, 2, 1, image::ExtendedColorType::Rgb8).unwrap();
    assert_eq!(decode(tiff.get_ref()).unwrap().image.data(), colors);

    let sixteen = decode(file!("gray16.tif")).unwrap().image;
    let corners = [0, 15, 15 * 16, 255].map(|i: usize| sixteen.data()[3 * i] * 65_535.0);
    assert_eq!(corners.map(f32::round), [0.0, 1.0, 32_768.0, 65_535.0]);
    let inks = decode(file!("cmyk.tif")).unwrap().image;
    assert_near(quarters(&inks), [[226, 51, 97], [27, 164, 57], [4, 84, 225], [127, 127, 127]], 1);
}

/// A TIFF of one gray f32.
fn float_tiff(value: f32) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let rgb: Vec<u8> = [value; 3].iter().flat_map(|v| v.to_ne_bytes()).collect();
    TiffEncoder::new(&mut file).write_image(&rgb, 1, 1, image::ExtendedColorType::Rgb32F).unwrap();
    file.into_inner()
}

#[test]
fn floats_are_clamped() {
    assert_eq!(gray_row(&float_tiff(0.25)), (vec![0.25], None));
    assert_eq!(gray_row(&float_tiff(7.0)), (vec![1.0], None));
    assert_eq!(message(&float_tiff(f32::NAN)), "the picture holds values that are not numbers (NaN)");
}

/// An EXIF block with nothing but an orientation.
fn exif(orientation: u8, big_endian: bool) -> Vec<u8> {
    if big_endian {
        [&b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"[..], &[orientation], &[0; 6]].concat()
    } else {
        [&b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[orientation], &[0; 7]].concat()
    }
}

/// Which field stands in each quarter after an orientation (EXIF 2.3, 4.6.4 A: where row 0 and column 0 belong).
const TURNED: [[usize; 4]; 8] =
    [[0, 1, 2, 3], [1, 0, 3, 2], [3, 2, 1, 0], [2, 3, 0, 1], [0, 2, 1, 3], [2, 0, 3, 1], [3, 1, 2, 0], [1, 3, 0, 2]];

#[test]
fn all_orientations_of_jpeg_and_png() {
    let plain = file!("baseline.jpg");
    for (orientation, turned) in (1..).zip(TURNED) {
        let wanted = turned.map(|field| FIELDS[field]);
        for big_endian in [false, true] {
            let exif = exif(orientation, big_endian);
            let length = (exif.len() as u16 + 8).to_be_bytes();
            let jpeg = [&plain[..2], &[0xff, 0xe1], &length, b"Exif\0\0", &exif, &plain[2..]].concat();
            assert_near(quarters(&decode(&jpeg).unwrap().image), wanted, 1);

            let mut png = Vec::new();
            let mut encoder = PngEncoder::new(&mut png);
            encoder.set_exif_metadata(exif).unwrap();
            let pixels: Vec<u8> = FIELDS.concat();
            encoder.write_image(&pixels, 2, 2, image::ExtendedColorType::Rgb8).unwrap();
            let image = decode(&png).unwrap().image;
            let bytes: Vec<u8> = image.data().iter().map(|v| (v * 255.0).round() as u8).collect();
            assert_eq!(bytes, wanted.concat(), "orientation {orientation}");
        }
    }
}

#[test]
fn sides_change_places_when_a_picture_is_turned() {
    let mut png = Vec::new();
    let mut encoder = PngEncoder::new(&mut png);
    encoder.set_exif_metadata(exif(6, true)).unwrap();
    encoder.write_image(&[10, 20, 30], 3, 1, image::ExtendedColorType::L8).unwrap();
    assert_eq!(decode(&png).unwrap().image.dims(), [1, 3, 1, 3]);
}

#[test]
fn a_foreign_profile_is_warned_about() {
    let mut png = Vec::new();
    let mut encoder = PngEncoder::new(&mut png);
    encoder.set_icc_profile(b"not really a profile".to_vec()).unwrap();
    encoder.write_image(&[10], 1, 1, image::ExtendedColorType::L8).unwrap();
    let wanted = "the colour profile \"without a name\" is not applied, the colours are taken as sRGB";
    assert_eq!(decode(&png).unwrap().warnings, [wanted]);
}

#[test]
fn what_is_no_picture() {
    const KNOWN: &str = "expected PNG, JPEG, WebP, TIFF, BMP or GIF";
    assert_eq!(message(b""), format!("the file is empty; {KNOWN}"));
    assert_eq!(
        message(b"<!DOCTYPE html><html><body>Not found"),
        format!("this is no picture: the file starts with \"<!DOCTYPE html><html><bo\"; {KNOWN}")
    );
    assert_eq!(message(b"\0\0\0\x18ftypheic"), format!("HEIC pictures and videos cannot be read; {KNOWN}"));
    assert_eq!(message(b"\0\0\0\x18ftypavif"), format!("Avif pictures cannot be read; {KNOWN}"));
}

#[test]
fn files_that_end_too_early() {
    let png = png((8, 8), ColorType::Grayscale, BitDepth::Eight, &(0..64).collect::<Vec<u8>>(), &[], &[]);
    assert_eq!(message(&png[..png.len() / 2]), "the PNG file ends too early; is it a broken download or copy?");
    let jpeg = file!("progressive.jpg");
    assert_eq!(message(&jpeg[..jpeg.len() / 2]), "the JPEG file ends too early; is it a broken download or copy?");
    let webp = file!("lossy.webp");
    assert_eq!(message(&webp[..webp.len() / 2]), "the WEBP file ends too early; is it a broken download or copy?");
    // Whatever is cut off, it is an error, a warning, or the whole picture, and never a panic.
    for whole in
        [&png[..], jpeg, webp, file!("baseline.jpg"), file!("cmyk.jpg"), file!("gray16.tif"), file!("cmyk.tif")]
    {
        let picture = decode(whole).unwrap().image;
        for length in 0..whole.len() {
            if let Ok(decoded) = decode(&whole[..length]) {
                let sound = decoded.image == picture || !decoded.warnings.is_empty();
                assert!(sound, "{length} of {} bytes", whole.len());
            }
        }
    }
}

#[test]
fn damaged_files_do_not_panic() {
    for whole in [
        &file!("baseline.jpg")[..],
        file!("progressive.jpg"),
        file!("cmyk.jpg"),
        file!("alpha.webp"),
        file!("cmyk.tif"),
        file!("interlaced.png"),
        file!("lossy.webp"),
    ] {
        for at in 0..whole.len() {
            for value in [0, 0x7f, 0xff] {
                let mut bytes = whole.to_vec();
                bytes[at] = value;
                // Errors and pictures are both fine.
                let _ = decode(&bytes);
            }
        }
    }
}

#[test]
fn sizes_beyond_the_limit() {
    let mut png = png((1, 1), ColorType::Grayscale, BitDepth::Eight, &[0], &[], &[]);
    png[16..24].copy_from_slice(&[0, 0, 0x40, 1, 0, 0, 0, 1]);
    let crc = {
        let mut crc = flate2::Crc::new();
        crc.update(&png[12..29]);
        crc.sum()
    };
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    assert_eq!(message(&png), "the picture has 16385 x 1 pixels, more than 16384 a side; make it smaller first");
    let mut jpeg = file!("baseline.jpg").to_vec();
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xff, 0, 16]);
    assert_eq!(message(&jpeg), "the picture has 16 x 65535 pixels, more than 16384 a side; make it smaller first");
}
