//! Key points elsewhere, larger or smaller.

use super::any::face_size;
use crate::wires::Keypoints;
use selfsame_sdk::prelude::*;

/// Moves key points and scales them about their middle. The canvas stays.
#[node(id = "core.face.move_keypoints", category = "face/keypoints", search = ["shift", "scale", "translate", "zoom"])]
#[output(keypoints = "the points elsewhere")]
pub fn move_keypoints(
    /// What is moved.
    keypoints: Keypoints,
    /// How far to the right.
    #[param(default = 0.0, hard = -16384.0..=16384.0, unit = "px")]
    right: f64,
    /// How far down.
    #[param(default = 0.0, hard = -16384.0..=16384.0, unit = "px")]
    down: f64,
    /// How many times as large.
    #[param(default = 1.0, hard = 0.01..=100.0, soft = 0.25..=4.0, step = 0.05)]
    scale: f64,
) -> Result<Keypoints> {
    let [x, y] = keypoints.center();
    keypoints.moved(|point| [x + (point[0] - x) * scale + right, y + (point[1] - y) * scale + down]).input("keypoints")
}

/// Puts key points onto a canvas: where the face is, and how large. What is not set stays in proportion to the canvas.
#[node(id = "core.face.place_keypoints", category = "face/keypoints", search = ["fit", "position", "composition", "canvas", "full body"])]
#[output(keypoints = "the points on the canvas")]
pub fn place_keypoints(
    /// What is placed.
    keypoints: Keypoints,
    /// Width of the canvas; 0 keeps it.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    width: usize,
    /// Height of the canvas; 0 keeps it.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    height: usize,
    /// Where the middle of the face is, from the left, as a fraction of the width.
    #[param(hard = -1.0..=2.0, soft = 0.0..=1.0, step = 0.01)]
    x: Option<f64>,
    /// Where the middle of the face is, from above, as a fraction of the height.
    #[param(hard = -1.0..=2.0, soft = 0.0..=1.0, step = 0.01)]
    y: Option<f64>,
    /// How wide the face is, as a fraction of the shorter side: 0.4 is a portrait, 0.1 a whole body.
    #[param(hard = 0.001..=4.0, soft = 0.02..=1.0, step = 0.01)]
    face_width: Option<f64>,
) -> Result<Keypoints> {
    let old = keypoints.canvas();
    let canvas = [if width == 0 { old[0] } else { width }, if height == 0 { old[1] } else { height }];
    let shorter = |canvas: [usize; 2]| canvas[0].min(canvas[1]) as f64;
    let center = keypoints.center();
    let to = [x, y];
    let to = [0, 1].map(|axis| to[axis].unwrap_or(center[axis] / old[axis] as f64) * canvas[axis] as f64);
    let size = face_size(&keypoints.points());
    let scale = match face_width {
        Some(_) if size <= 0.0 => {
            return Err(Error::input("keypoints", "the key points are all in one place, so they have no width"));
        }
        Some(fraction) => fraction * shorter(canvas) / size,
        None => shorter(canvas) / shorter(old),
    };
    let place = |point: [f64; 2]| [0, 1].map(|axis| to[axis] + (point[axis] - center[axis]) * scale);
    Keypoints::new(canvas, keypoints.points().map(place)).input("keypoints")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::testing::face;

    fn points() -> Keypoints {
        Keypoints::of(&face([20.0, 20.0, 60.0, 70.0])).unwrap()
    }

    #[test]
    fn moved_and_scaled() {
        let moved = move_keypoints(points(), 5.0, -2.0, 2.0).unwrap();
        let [from, to] = [points().center(), moved.center()];
        assert!((to[0] - from[0] - 5.0).abs() < 1e-4 && (to[1] - from[1] + 2.0).abs() < 1e-4);
        assert!((face_size(&moved.points()) / face_size(&points().points()) - 2.0).abs() < 1e-9);
        assert!(move_keypoints(points(), 16384.0, 0.0, 100.0).is_ok());
        assert!(move_keypoints(move_keypoints(points(), 0.0, 0.0, 100.0).unwrap(), 0.0, 0.0, 100.0).is_err());
    }

    #[test]
    fn placed() {
        let placed = place_keypoints(points(), 400, 200, Some(0.25), Some(0.5), Some(0.4)).unwrap();
        assert_eq!(placed.canvas(), [400, 200]);
        assert!(placed.center().iter().all(|value| (value - 100.0).abs() < 1e-9));
        assert!((face_size(&placed.points()) - 80.0).abs() < 1e-9);
        // Nothing set: the same place in the new canvas, in proportion.
        let same = place_keypoints(points(), 200, 200, None, None, None).unwrap();
        assert_eq!(same.points(), points().points().map(|point| point.map(|value| 2.0 * value)));
        assert_eq!(place_keypoints(points(), 0, 0, None, None, None).unwrap(), points());
        let dot = Keypoints::new([8, 8], [[4.0; 2]; 5]).unwrap();
        assert!(place_keypoints(dot, 0, 0, None, None, Some(0.5)).unwrap_err().message.contains("no width"));
    }
}
