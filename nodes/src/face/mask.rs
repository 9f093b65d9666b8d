//! Masks of faces.

use super::any::{face_size, keypoints_of, tilt};
use super::crop::Shape;
use crate::image::pixels::{draw, mask_of};
use crate::wires::{Face, Region};
use selfsame_sdk::prelude::*;

/// Makes a mask for each face: where it is, and some more around it. For an Image Adapter or IdentityNet that works on one
/// person, for inpainting a face, or for everything but a face.
#[node(id = "core.face.mask", name = "FaceMask", category = "face", search = ["region", "area", "several people", "inpaint", "voronoi"])]
#[output(masks = "a mask for each face, in their order")]
pub fn face_mask(
    ctx: Ctx,
    /// Faces, whose boxes count, or key points.
    #[param(ty = "FACE|KEYPOINTS")]
    faces: Vec<Value>,
    /// Width of the masks; faces move along. 0 takes the width of the first face's picture.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    width: usize,
    /// Height of the masks; faces move along. 0 takes the height of the first face's picture.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    height: usize,
    /// How many times as wide and high as the face each mask is.
    #[param(default = 1.75, hard = 0.1..=100.0, soft = 0.5..=4.0, step = 0.05)]
    expand: f64,
    /// The shape of each mask.
    #[param(default = "ellipse")]
    shape: Shape,
    /// How wide the border is in which a mask falls from 1 to 0, as a fraction of the face's width, half of it inside.
    #[param(default = 0.2, hard = 0.0..=10.0, soft = 0.0..=1.0, step = 0.05)]
    feather: f64,
    /// Gives every pixel to the nearest face only, so that masks do not overlap.
    #[param(default = true)]
    split: bool,
) -> Result<Vec<Mask>> {
    let areas = faces.iter().map(|face| area(face, [width, height])).collect::<Result<Vec<_>>>().input("faces")?;
    let first = areas.first().map(|area| area.region.picture);
    let size = first.map(|own| [if width == 0 { own[0] } else { width }, if height == 0 { own[1] } else { height }]);
    let Some(size) = size else { return Err(Error::input("faces", "there is no face")) };
    let mask = |index: usize| {
        let Area { region, aspect } = areas[index];
        let soft = (feather * region.side).max(1.0);
        let mask = draw(ctx, [1, size[1], size[0], 1], |_, y, out| {
            for (x, value) in out.iter_mut().enumerate() {
                let place = [x as f64 + 0.5, y as f64 + 0.5];
                if split && nearest(&areas, place) != index {
                    continue;
                }
                let [across, down] = region.from_picture(place);
                let distance = border([across, down / aspect], region.side / 2.0, expand, shape);
                *value = (0.5 - distance / soft).clamp(0.0, 1.0) as f32;
            }
        })?;
        mask_of(mask)
    };
    (0..areas.len()).map(mask).collect()
}

/// Where a face is: a square as wide as the face, and how many times as high as that the face is.
#[derive(Clone, Copy)]
struct Area {
    region: Region,
    aspect: f64,
}

/// The area of a FACE or KEYPOINTS on a canvas; a side of 0 is its own.
fn area(value: &Value, size: [usize; 2]) -> Result<Area> {
    let points = keypoints_of(value)?;
    let own = points.canvas();
    let canvas = [0, 1].map(|axis| if size[axis] == 0 { own[axis] } else { size[axis] });
    let factor = [0, 1].map(|axis| canvas[axis] as f64 / own[axis] as f64);
    let (center, [width, height], angle) = match value.downcast::<Face>() {
        // A box is upright however the face is tilted.
        Some(face) => {
            let [left, top, right, bottom] = face.bbox.map(f64::from);
            ([(left + right) / 2.0, (top + bottom) / 2.0], [right - left, bottom - top], 0.0)
        }
        // Boxes of detectors are about a third higher than wide.
        None => {
            let size = face_size(&points.points());
            (points.center(), [size, 1.33 * size], tilt(&points.points()))
        }
    };
    let [width, height] = [width * factor[0], height * factor[1]];
    if !(width.is_finite() && height.is_finite() && width > 0.0 && height > 0.0) {
        bail!("a face of {width} x {height} px has no area");
    }
    let center = [center[0] * factor[0], center[1] * factor[1]];
    Ok(Area { region: Region { picture: canvas, center, side: width, angle }, aspect: height / width })
}

/// Which area's middle is nearest, measured in widths of the faces; the first of equal ones.
fn nearest(areas: &[Area], place: [f64; 2]) -> usize {
    let distance = |area: &Area| {
        let [x, y] = area.region.from_picture(place);
        x.hypot(y)
    };
    let pairs = areas.iter().enumerate().map(|(index, area)| (index, distance(area)));
    pairs.reduce(|best, next| if next.1 < best.1 { next } else { best }).map_or(0, |(index, _)| index)
}

/// How far outside its border a place is, in pixels; negative inside. The face goes from -1 to 1 along both axes.
fn border([x, y]: [f64; 2], half: f64, expand: f64, shape: Shape) -> f64 {
    let distance = match shape {
        Shape::Ellipse => x.hypot(y),
        Shape::Box => x.abs().max(y.abs()),
    };
    (distance - expand) * half
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::testing::face;
    use crate::wires::Keypoints;
    use selfsame_sdk::testing::TestHost;

    fn masks(faces: Vec<Value>, size: usize, expand: f64, shape: Shape, split: bool) -> Vec<Mask> {
        face_mask(TestHost::new().ctx(), faces, size, size, expand, shape, 0.0, split).unwrap()
    }

    fn one(bbox: [f32; 4]) -> Value {
        Value::object(face(bbox))
    }

    fn area_of(mask: &Mask) -> f64 {
        mask.data().iter().copied().map(f64::from).sum()
    }

    #[test]
    fn a_box_is_the_box() {
        let mask = masks(vec![one([20.0, 30.0, 40.0, 60.0])], 0, 1.0, Shape::Box, true).remove(0);
        assert_eq!(mask.dims(), [1, 100, 100]);
        assert!((area_of(&mask) - 600.0).abs() < 30.0, "{}", area_of(&mask));
        assert_eq!((mask.data()[45 * 100 + 30], mask.data()[45 * 100 + 45]), (1.0, 0.0));
        let large = masks(vec![one([20.0, 30.0, 40.0, 60.0])], 200, 1.0, Shape::Ellipse, true).remove(0);
        assert!((area_of(&large) / (std::f64::consts::PI * 600.0) - 1.0).abs() < 0.05, "{}", area_of(&large));
    }

    #[test]
    fn two_faces_share_no_pixel() {
        let faces = || vec![one([10.0, 30.0, 40.0, 60.0]), one([50.0, 30.0, 80.0, 60.0])];
        let split = masks(faces(), 0, 2.0, Shape::Ellipse, true);
        assert!(split[0].data().iter().zip(split[1].data()).all(|(a, b)| *a == 0.0 || *b == 0.0));
        assert_eq!((split[0].data()[45 * 100 + 44], split[1].data()[45 * 100 + 45]), (1.0, 1.0));
        let shared = masks(faces(), 0, 2.0, Shape::Ellipse, false);
        assert!(area_of(&shared[0]) > area_of(&split[0]));
    }

    #[test]
    fn key_points_will_do() {
        let points = Keypoints::of(&face([20.0, 20.0, 60.0, 70.0])).unwrap();
        let mask = masks(vec![Value::object(points)], 0, 1.0, Shape::Ellipse, true).remove(0);
        assert_eq!((mask.data()[45 * 100 + 40], mask.data()[0]), (1.0, 0.0));
        let dot = Keypoints::new([8, 8], [[4.0; 2]; 5]).unwrap();
        let error = face_mask(TestHost::new().ctx(), vec![Value::object(dot)], 0, 0, 1.0, Shape::Box, 0.0, true);
        assert_eq!(error.unwrap_err().to_string(), "input `faces`: a face of 0 x 0 px has no area");
        let error = face_mask(TestHost::new().ctx(), vec![], 8, 8, 1.0, Shape::Box, 0.0, true).unwrap_err();
        assert_eq!(error.to_string(), "input `faces`: there is no face");
    }
}
