//! What faces and key points have in common.

use crate::wires::{Face, Keypoints};
use selfsame_sdk::prelude::*;

/// The key points of a FACE or KEYPOINTS.
///
/// # Errors
/// If it is neither, or has points that cannot be drawn.
pub fn keypoints_of(value: &Value) -> Result<Keypoints> {
    if let Some(points) = value.downcast::<Keypoints>() {
        return Ok((*points).clone());
    }
    match value.downcast::<Face>() {
        Some(face) => Keypoints::of(&face),
        None => Err(Error::new(format!("expected FACE|KEYPOINTS, got {value}"))),
    }
}

/// How large a face with these points is: about the width of its box, in pixels.
///
/// The larger of two measures counts, as one of them shrinks when the face turns away. The factors make both 112 px for
/// ArcFace's template of a 112 px crop.
pub fn face_size(points: &[[f64; 2]; 5]) -> f64 {
    let [left_eye, right_eye, _, left_mouth, right_mouth] = *points;
    let middle = |a: [f64; 2], b: [f64; 2]| [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
    let distance = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    let across = distance(left_eye, right_eye) * (112.0 / 35.238);
    let down = distance(middle(left_eye, right_eye), middle(left_mouth, right_mouth)) * (112.0 / 40.686);
    across.max(down)
}

/// How far a face is tilted: the angle of its eyes, in radians, clockwise.
pub fn tilt(points: &[[f64; 2]; 5]) -> f64 {
    let [[x1, y1], [x2, y2], ..] = *points;
    (y2 - y1).atan2(x2 - x1)
}

/// Checks that a face was found in a picture of this size.
///
/// # Errors
/// If not; both sizes are named.
pub fn check_picture(face: &Face, image: &Image) -> Result<()> {
    let size = [image.width(), image.height()];
    if face.picture == size {
        return Ok(());
    }
    let [width, height] = face.picture;
    let message =
        format!("the face is from a picture of {width} x {height} px, the picture is {} x {}", size[0], size[1]);
    Err(Error::input("image", message).hint("give the picture in which the face was found"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::testing::face;

    #[test]
    fn measures() {
        let template =
            [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]];
        assert!((face_size(&template) - 112.0).abs() < 0.1);
        assert!((tilt(&template).to_degrees() + 0.317).abs() < 0.01);
        let side = [[50.0, 10.0], [50.0, 10.0], [70.0, 30.0], [50.0, 50.0], [50.0, 50.0]];
        assert!((face_size(&side) - 40.0 * 112.0 / 40.686).abs() < 1e-9);
    }

    #[test]
    fn other_things() {
        assert_eq!(keypoints_of(&Value::Int(1)).unwrap_err().message, "expected FACE|KEYPOINTS, got the integer 1");
        let image = Image::new([1, 1, 2, 1], vec![0.0; 2]).unwrap();
        let error = check_picture(&face([0.0; 4]), &image).unwrap_err();
        assert_eq!(error.message, "the face is from a picture of 100 x 100 px, the picture is 2 x 1");
    }
}
