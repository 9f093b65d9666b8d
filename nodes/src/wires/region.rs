//! REGION: a square of a picture, which may be tilted.

use super::wire;
use selfsame_sdk::Type;
use std::borrow::Cow;
use std::fmt;

/// A square of a picture: where something was cut out, so that it can be put back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Width and height of the picture.
    pub picture: [usize; 2],
    /// Its middle, in pixels.
    pub center: [f64; 2],
    /// Length of its sides in pixels.
    pub side: f64,
    /// How far it is turned clockwise, in radians.
    pub angle: f64,
}

impl Region {
    /// Where a place of the square, -1..1 along both of its axes, is in the picture.
    pub fn to_picture(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let (sin, cos) = self.angle.sin_cos();
        let half = self.side / 2.0;
        [self.center[0] + half * (x * cos - y * sin), self.center[1] + half * (x * sin + y * cos)]
    }

    /// Where a place of the picture is in the square, -1..1 along both of its axes if it is inside.
    pub fn from_picture(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let (sin, cos) = self.angle.sin_cos();
        let half = self.side / 2.0;
        let [x, y] = [x - self.center[0], y - self.center[1]];
        [(x * cos + y * sin) / half, (y * cos - x * sin) / half]
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y] = self.center;
        write!(f, "{:.0} px around x {x:.0}, y {y:.0}, turned by {:.0} degrees", self.side, self.angle.to_degrees())
    }
}

wire!(Region, "REGION", Type::Named(Cow::Borrowed("REGION")), |_| 64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let region = Region { picture: [100, 80], center: [30.0, 40.0], side: 20.0, angle: 0.5 };
        let [x, y] = region.from_picture(region.to_picture([0.25, -0.75]));
        assert!((x - 0.25).abs() < 1e-12 && (y + 0.75).abs() < 1e-12);
        let upright = Region { angle: 0.0, ..region };
        assert_eq!(upright.to_picture([1.0, -1.0]), [40.0, 30.0]);
        // A quarter clockwise: its right is the picture's lower side.
        let quarter = Region { angle: std::f64::consts::FRAC_PI_2, ..region };
        let [x, y] = quarter.to_picture([1.0, 0.0]);
        assert!((x - 30.0).abs() < 1e-12 && (y - 50.0).abs() < 1e-12);
    }
}
