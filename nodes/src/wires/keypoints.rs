//! KEYPOINTS: five points of a face on a canvas.

use super::{Face, wire};
use selfsame_sdk::{Result, Type, bail};
use std::borrow::Cow;
use std::fmt;

/// How far from the canvas a point may lie, in pixels.
const MAX_DISTANCE: f64 = 65536.0;

/// Five points of a face, in pixels of a canvas.
#[derive(Clone, Debug, PartialEq)]
pub struct Keypoints {
    canvas: [usize; 2],
    points: [[f64; 2]; 5],
}

impl Keypoints {
    /// Points, x and y, on a canvas `[width, height]`: the eye at the picture's left, the other eye, the nose, the corner of
    /// the mouth at the picture's left, the other corner. They may lie beyond the canvas.
    ///
    /// # Errors
    /// If the canvas has no pixels, or a point is no number or absurdly far away.
    pub fn new(canvas: [usize; 2], points: [[f64; 2]; 5]) -> Result<Self> {
        if canvas.contains(&0) || canvas.iter().any(|side| *side > 16384) {
            bail!("a canvas of {} x {} px: expected sides of 1 to 16384 px", canvas[0], canvas[1]);
        }
        // Written so that a NaN is refused too.
        if !points.iter().flatten().all(|value| value.abs() <= MAX_DISTANCE) {
            bail!("key points {points:?}: expected numbers from -{MAX_DISTANCE} to {MAX_DISTANCE} px");
        }
        Ok(Keypoints { canvas, points })
    }

    /// The points of a face, on a canvas as large as its picture.
    ///
    /// # Errors
    /// As [`new`](Self::new), and if the face has no key points.
    pub fn of(face: &Face) -> Result<Self> {
        Self::new(face.picture, face.key_points()?.map(|point| point.map(f64::from)))
    }

    /// Width and height of the canvas.
    pub fn canvas(&self) -> [usize; 2] {
        self.canvas
    }

    /// The points.
    pub fn points(&self) -> [[f64; 2]; 5] {
        self.points
    }

    /// The same canvas with every point moved.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn moved(&self, to: impl Fn([f64; 2]) -> [f64; 2]) -> Result<Self> {
        Self::new(self.canvas, self.points.map(to))
    }

    /// Their mean.
    pub fn center(&self) -> [f64; 2] {
        [0, 1].map(|axis| self.points.iter().map(|point| point[axis]).sum::<f64>() / 5.0)
    }
}

impl fmt::Display for Keypoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y] = self.center();
        write!(f, "a face around x {x:.0}, y {y:.0} on {} x {} px", self.canvas[0], self.canvas[1])
    }
}

wire!(Keypoints, "KEYPOINTS", Type::Named(Cow::Borrowed("KEYPOINTS")), |_| 96);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        let points = |value: f64| [[value, 0.0]; 5];
        assert_eq!(Keypoints::new([8, 4], points(-3.0)).unwrap().center(), [-3.0, 0.0]);
        for value in [f64::NAN, f64::INFINITY, 1e9] {
            assert!(Keypoints::new([8, 4], points(value)).is_err());
        }
        assert!(Keypoints::new([0, 4], points(0.0)).is_err());
        assert!(Keypoints::new([8, 16385], points(0.0)).is_err());
    }
}
