//! Key points as pictures.

use super::any::keypoints_of;
use super::skeleton;
use crate::image::bytes::Bytes;
use crate::wires::Keypoints;
use selfsame_sdk::prelude::*;

/// Draws key points as IdentityNet reads them, to the pixel as InstantID does.
///
/// Sticks and dots have a fixed size in pixels, so draw at the size at which the picture is made.
#[node(id = "core.face.draw_keypoints", category = "face/keypoints", search = ["kps", "skeleton", "pose", "FaceKeypointsPreprocessor"])]
#[output(image = "coloured sticks and dots on black")]
pub fn draw_keypoints(
    ctx: Ctx,
    /// Faces or key points. None at all gives a black picture, if the size is set.
    #[param(ty = "FACE|KEYPOINTS")]
    faces: Vec<Value>,
    /// Width of the picture; points move along. 0 takes the width of the canvas of the points.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    width: usize,
    /// Height of the picture; points move along. 0 takes the height of the canvas of the points.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    height: usize,
    /// Draws each face on a picture of its own, a batch; otherwise all on one.
    #[param(default = false)]
    separate: bool,
) -> Result<Image> {
    let all = faces.iter().map(keypoints_of).collect::<Result<Vec<_>>>().input("faces")?;
    let own = all.first().map(Keypoints::canvas).unwrap_or_default();
    let canvas = [if width == 0 { own[0] } else { width }, if height == 0 { own[1] } else { height }];
    if canvas.contains(&0) {
        return Err(Error::input("faces", "there is no face, so width and height must be set"));
    }
    let all = all.iter().map(|points| on_canvas(points, canvas)).collect::<Result<Vec<_>>>().input("faces")?;
    if !separate || all.is_empty() {
        return Bytes::into_image(vec![skeleton::draw(canvas, &all)?]);
    }
    let drawn = all.iter().map(|points| {
        ctx.check_cancelled()?;
        skeleton::draw(canvas, [points])
    });
    Bytes::into_image(drawn.collect::<Result<_>>()?)
}

/// The same points on a canvas of another size, stretched with it.
///
/// # Errors
/// If they then lie absurdly far away.
pub fn on_canvas(points: &Keypoints, canvas: [usize; 2]) -> Result<Keypoints> {
    let from = points.canvas();
    if from == canvas {
        return Ok(points.clone());
    }
    let factor = [0, 1].map(|axis| canvas[axis] as f64 / from[axis] as f64);
    Keypoints::new(canvas, points.points().map(|[x, y]| [x * factor[0], y * factor[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::testing::face;
    use selfsame_sdk::testing::TestHost;

    fn values() -> Vec<Value> {
        let one = face([10.0, 20.0, 60.0, 80.0]);
        let other = Keypoints::of(&face([60.0, 60.0, 100.0, 100.0])).unwrap();
        vec![Value::object(one), Value::object(other)]
    }

    #[test]
    fn together_and_alone() {
        let host = TestHost::new();
        let draw = |faces, size, separate| draw_keypoints(host.ctx(), faces, size, size, separate).unwrap();
        let all = draw(values(), 0, false);
        assert_eq!(all.dims(), [1, 100, 100, 3]);
        let each = draw(values(), 0, true);
        assert_eq!(each.dims(), [2, 100, 100, 3]);
        let lit = |frame: &[f32]| frame.chunks(3).filter(|pixel| pixel.iter().any(|x| *x > 0.0)).count();
        let counts: Vec<usize> = each.frames().map(lit).collect();
        assert!(lit(all.data()) > counts[0] && counts[0] > 0 && counts[1] > 0);
        // The nose of the first face, its blue dot.
        let pixel = |image: &Image, x: usize, y: usize| image.data()[(y * image.width() + x) * 3..][..3].to_vec();
        assert_eq!(pixel(&all, 35, 56), [0.0, 0.0, 1.0]);
        assert_eq!(pixel(&draw(values(), 200, false), 70, 112), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn nobody_is_black() {
        let host = TestHost::new();
        let black = draw_keypoints(host.ctx(), vec![], 3, 2, true).unwrap();
        assert_eq!((black.dims(), black.data().iter().sum::<f32>()), ([1, 2, 3, 3], 0.0));
        let error = draw_keypoints(host.ctx(), vec![], 3, 0, false).unwrap_err();
        assert_eq!(error.to_string(), "input `faces`: there is no face, so width and height must be set");
    }
}
