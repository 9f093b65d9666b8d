//! Cutting a face out to work on it, and putting it back.

use super::any::{check_picture, tilt};
use super::sample::{at, shrunk};
use crate::image::color::{rgba, write};
use crate::image::pixels::{common_batch, draw, mask_of, row};
use crate::wires::{Face, Keypoints, Region};
use selfsame_sdk::prelude::*;

/// Cuts a square around a face and brings it to a size: to restore small faces, paint it anew and put it back with FacePaste.
///
/// Where the square leaves the picture, its border pixels go on.
#[node(id = "core.face.crop", name = "FaceCrop", category = "face", search = ["restore", "detailer", "zoom", "cut", "upright"])]
#[output(image = "the square", region = "where it was, for FacePaste", face = "the face, in the square")]
pub fn face_crop(
    ctx: Ctx,
    /// The picture in which the face was found.
    image: Image,
    /// The face.
    face: Face,
    /// How many times as long as the longer side of the face's box the square is.
    #[param(default = 1.9, hard = 0.5..=20.0, soft = 1.0..=4.0, step = 0.1)]
    margin: f64,
    /// Side of the result.
    #[param(default = 1024, hard = 8..=4096, unit = "px")]
    size: usize,
    /// Turns the face upright, by its eyes.
    #[param(default = true)]
    upright: bool,
) -> Result<(Image, Region, Face)> {
    check_picture(&face, &image)?;
    let [left, top, right, bottom] = face.bbox.map(f64::from);
    let side = (right - left).max(bottom - top) * margin;
    // Written so that a NaN is refused too.
    if !(side.is_finite() && side >= 1.0) {
        return Err(Error::input("face", format!("the box {:?} of the face holds no pixel", face.bbox)));
    }
    let angle = if upright { tilt(&Keypoints::of(&face).input("face")?.points()) } else { 0.0 };
    let center = [(left + right) / 2.0, (top + bottom) / 2.0];
    let region = Region { picture: face.picture, center, side, angle };
    let face = inside(face, &region, size);
    Ok((cut(ctx, image, &region, size)?, region, face))
}

/// A face in the pixels of a square of it, `size` pixels wide. Its box is as large as before, about its new middle.
fn inside(face: Face, region: &Region, size: usize) -> Face {
    let factor = size as f64 / region.side;
    let place = |[x, y]: [f32; 2]| {
        region.from_picture([f64::from(x), f64::from(y)]).map(|value| ((value + 1.0) / 2.0 * size as f64) as f32)
    };
    let [left, top, right, bottom] = face.bbox;
    let [x, y] = place([(left + right) / 2.0, (top + bottom) / 2.0]);
    let half = [right - left, bottom - top].map(|side| (f64::from(side) * factor / 2.0) as f32);
    let bbox = [x - half[0], y - half[1], x + half[0], y + half[1]];
    Face { picture: [size, size], bbox, kps: face.kps.map(|points| points.map(place)), ..face }
}

/// The square of a picture, `size` pixels wide.
fn cut(ctx: Ctx, image: Image, region: &Region, size: usize) -> Result<Image> {
    // Antialiased: the whole picture becomes smaller first.
    let (image, factor) = shrunk(ctx, image, size as f64 / region.side)?;
    let [batch, _, _, channels] = image.dims();
    draw(ctx, [batch, size, size, channels], |frame, y, out| {
        for (x, pixel) in out.chunks_exact_mut(channels).enumerate() {
            let place = [x, y].map(|i| (i as f64 + 0.5) / size as f64 * 2.0 - 1.0);
            let [x, y] = region.to_picture(place);
            at(&image, frame, [x * factor[0], y * factor[1]], pixel);
        }
    })
}

/// What of a square is put back.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An ellipse inside it.
    Ellipse,
    /// All of it but a border.
    Box,
}

/// Puts a square back where FaceCrop cut it out, with a soft border.
#[node(id = "core.face.paste", name = "FacePaste", category = "face", search = ["restore", "detailer", "composite", "blend", "back"])]
#[output(image = "the picture with the new face", mask = "where it is new")]
pub fn face_paste(
    ctx: Ctx,
    /// The picture from which the square was cut.
    image: Image,
    /// The new square, of any size.
    crop: Image,
    /// Where it was, from FaceCrop.
    region: Region,
    /// What of it is put back.
    #[param(default = "ellipse")]
    shape: Shape,
    /// How much of each side is left out, as a fraction of the square's side.
    #[param(default = 0.1, hard = 0.0..=0.49, step = 0.01, slider)]
    inset: f64,
    /// How wide the border is in which both pictures mix, as a fraction of the square's side; at least one pixel.
    #[param(default = 0.08, hard = 0.0..=0.5, step = 0.01, slider)]
    feather: f64,
) -> Result<(Image, Mask)> {
    if region.picture != [image.width(), image.height()] {
        let [width, height] = region.picture;
        let got = format!("{} x {}", image.width(), image.height());
        let message = format!("the square was cut from a picture of {width} x {height} px, this one is {got}");
        return Err(Error::input("image", message));
    }
    // Written so that a NaN is refused too.
    if !(region.side > 0.0
        && [region.side, region.center[0], region.center[1], region.angle].iter().all(|x| x.is_finite()))
    {
        return Err(Error::input("region", format!("it is no square: {region:?}")));
    }
    let (crop, _) = shrunk(ctx, crop.clone(), region.side / crop.width().min(crop.height()) as f64)?;
    let batch = common_batch(["image", "crop"], &image.dims(), &crop.dims())?;
    let [_, height, width, channels] = image.dims();
    let feather = feather.max(1.0 / region.side);
    let cover = |x: usize, y: usize| {
        let place = region.from_picture([x as f64 + 0.5, y as f64 + 0.5]);
        (place, opacity(place, shape, inset, feather))
    };
    let pasted = draw(ctx, [batch, height, width, channels], |frame, y, out| {
        out.copy_from_slice(row(&image, frame, y));
        let mut new = vec![0.0; crop.channels()];
        for (x, pixel) in out.chunks_exact_mut(channels).enumerate() {
            let (place, opacity) = cover(x, y);
            if opacity > 0.0 {
                let size = [crop.width(), crop.height()];
                at(&crop, frame, [0, 1].map(|axis| (place[axis] + 1.0) / 2.0 * size[axis] as f64), &mut new);
                mix(pixel, &new, opacity);
            }
        }
    })?;
    let mask = draw(ctx, [1, height, width, 1], |_, y, out| {
        out.iter_mut().enumerate().for_each(|(x, value)| *value = cover(x, y).1);
    })?;
    Ok((pasted, mask_of(mask)?))
}

/// How much of the square is seen at a place of it, -1..1 along both axes.
fn opacity([x, y]: [f64; 2], shape: Shape, inset: f64, feather: f64) -> f32 {
    if x.abs() > 1.0 || y.abs() > 1.0 {
        return 0.0;
    }
    let distance = match shape {
        Shape::Ellipse => x.hypot(y),
        Shape::Box => x.abs().max(y.abs()),
    };
    // The border ends at the inset, and mixes inwards from there. Lengths count half the side.
    ((1.0 - 2.0 * inset - distance) / (2.0 * feather)).clamp(0.0, 1.0) as f32
}

/// Lays a pixel over another one. Alpha of the new one counts; that of the old one stays.
fn mix(old: &mut [f32], new: &[f32], opacity: f32) {
    let [r, g, b, alpha] = rgba(new);
    let [old_r, old_g, old_b, old_alpha] = rgba(old);
    let part = |old: f32, new: f32| old + (new - old) * opacity * alpha;
    write(old, [part(old_r, r), part(old_g, g), part(old_b, b), old_alpha]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::testing::face;
    use selfsame_sdk::testing::TestHost;

    /// A picture that differs everywhere, smooth enough to be cut and pasted without loss.
    fn waves(channels: usize) -> Image {
        let value = |i: usize| {
            let (x, y, c) = ((i / channels) % 100, i / channels / 100, i % channels);
            0.5 + 0.4 * ((x as f32 * 0.05).sin() * (y as f32 * 0.04 + c as f32).cos())
        };
        Image::new([1, 100, 100, channels], (0..100 * 100 * channels).map(value).collect()).unwrap()
    }

    #[test]
    fn what_is_cut_and_pasted_is_the_same_picture() {
        let host = TestHost::new();
        let mut tilted = face([20.0, 30.0, 60.0, 70.0]);
        tilted.kps.as_mut().unwrap()[1][1] += 8.0;
        for (channels, size) in [(3, 300), (1, 40), (4, 64)] {
            let (crop, region, inside) =
                face_crop(host.ctx(), waves(channels), tilted.clone(), 1.5, size, true).unwrap();
            assert_eq!((crop.dims(), region.side), ([1, size, size, channels], 60.0));
            // The face in the square lies where it lay in the picture, and its eyes are level.
            assert_eq!(inside.picture, [size, size]);
            let (there, here) = (tilted.kps.unwrap(), inside.kps.unwrap());
            for (there, here) in there.iter().zip(here) {
                let back = region.to_picture(here.map(|value| f64::from(value) / size as f64 * 2.0 - 1.0));
                assert!(back.iter().zip(there).all(|(a, b)| (a - f64::from(*b)).abs() < 1e-4));
            }
            assert!((here[0][1] - here[1][1]).abs() < 1e-3);
            assert!((inside.bbox[2] - inside.bbox[0] - size as f32 / 1.5).abs() < 1e-3);
            assert!((region.angle.to_degrees() - 26.565).abs() < 0.01);
            let (out, mask) = face_paste(host.ctx(), waves(channels), crop, region, Shape::Ellipse, 0.1, 0.1).unwrap();
            let worst = out.data().iter().zip(waves(channels).data()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 0.02, "{channels} {worst}");
            assert_eq!((mask.data()[50 * 100 + 40], mask.data()[0]), (1.0, 0.0));
        }
    }

    #[test]
    fn outside_the_shape_nothing_changes() {
        let host = TestHost::new();
        let white = Image::new([1, 8, 8, 3], vec![1.0; 192]).unwrap();
        let region = Region { picture: [100, 100], center: [50.0, 50.0], side: 40.0, angle: 0.0 };
        let (out, mask) = face_paste(host.ctx(), waves(3), white, region, Shape::Box, 0.25, 0.0).unwrap();
        let covered = mask.data().iter().filter(|value| **value == 1.0).count();
        assert!((18 * 18..=20 * 20).contains(&covered), "{covered}");
        for (i, (got, old)) in out.data().chunks(3).zip(waves(3).data().chunks(3)).enumerate() {
            match mask.data()[i] {
                0.0 => assert_eq!(got, old),
                1.0 => assert!(got.iter().all(|x| *x > 0.999)),
                _ => {}
            }
        }
    }

    #[test]
    fn wrong_input() {
        let host = TestHost::new();
        let flat = face([20.0, 30.0, 20.0, 30.0]);
        let error = face_crop(host.ctx(), waves(3), flat, 1.5, 64, false).unwrap_err();
        assert!(error.to_string().starts_with("input `face`: the box"), "{error}");
        let region = Region { picture: [9, 9], center: [4.0, 4.0], side: 4.0, angle: 0.0 };
        let error = face_paste(host.ctx(), waves(3), waves(3), region, Shape::Box, 0.1, 0.1).unwrap_err();
        assert!(error.message.ends_with("a picture of 9 x 9 px, this one is 100 x 100"), "{error}");
        let region = Region { picture: [100, 100], side: f64::NAN, ..region };
        let error = face_paste(host.ctx(), waves(3), waves(3), region, Shape::Box, 0.1, 0.1).unwrap_err();
        assert!(error.to_string().starts_with("input `region`: it is no square"), "{error}");
    }
}
