//! A face as a recogniser sees it.

use super::align::to_crop;
use super::any::check_picture;
use super::warp::{Rounding, affine};
use crate::image::bytes::Bytes;
use crate::wires::Face;
use selfsame_sdk::prelude::*;

/// Cuts a face out as a recogniser sees it: upright, scaled, its key points on ArcFace's template.
#[node(id = "core.face.aligned", category = "face", search = ["norm_crop", "ArcFace", "112", "align", "warp"])]
#[output(image = "the face, square, with three channels")]
pub fn aligned_face(
    /// The picture in which the face was found. Alpha is left out; of a batch, each picture is cut.
    image: Image,
    /// The face.
    face: Face,
    /// The side of the result: a multiple of 112, or of 128 (with some more around the face).
    #[param(default = 112, hard = 112..=4096, unit = "px")]
    size: usize,
    /// How pixels between pixels are found.
    #[param(default = "fine")]
    rounding: Rounding,
) -> Result<Image> {
    check_picture(&face, &image)?;
    let is_size = size.is_multiple_of(112) || size.is_multiple_of(128);
    let map = to_crop(&face.key_points().input("face")?, size).input(if is_size { "face" } else { "size" })?;
    let frames = Bytes::frames_as_read(image, 3)?;
    Bytes::into_image(frames.iter().map(|frame| affine(frame, map, [size, size], rounding)).collect::<Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::testing::face;

    #[test]
    fn the_eyes_go_to_their_places() {
        let face = face([20.0, 20.0, 60.0, 70.0]);
        let mut data = vec![0.0; 100 * 100];
        for [x, y] in &face.kps.unwrap()[..2] {
            for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                data[(*y as usize + dy) * 100 + *x as usize + dx] = 1.0;
            }
        }
        let image = Image::new([1, 100, 100, 1], data).unwrap();
        let out = aligned_face(image, face.clone(), 112, Rounding::Fine).unwrap();
        assert_eq!(out.dims(), [1, 112, 112, 3]);
        let at = |x: usize, y: usize| out.data()[(y * 112 + x) * 3];
        assert!(at(39, 52) > 0.4 && at(74, 52) > 0.4 && at(56, 52) == 0.0);
    }

    #[test]
    fn wrong_input() {
        let image = Image::new([1, 2, 2, 3], vec![0.0; 12]).unwrap();
        let of = |face: Face, size| aligned_face(image.clone(), face, size, Rounding::Coarse).unwrap_err().to_string();
        assert!(of(face([0.0; 4]), 112).starts_with("input `image`: the face is from a picture of 100 x 100 px"));
        let dot = Face { picture: [2, 2], ..face([1.0; 4]) };
        let boxed = Face { kps: None, ..dot.clone() };
        assert!(of(boxed, 112).starts_with("input `face`: the face has no key points"));
        assert!(of(dot.clone(), 112).starts_with("input `face`: key points"));
        assert!(of(dot, 113).starts_with("input `size`: a crop of 113 px"));
    }
}
