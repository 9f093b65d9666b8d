//! Where the features of a face lie on its front, for an identity and an expression.
//!
//! Coordinates are those of a head that looks straight ahead: x to the right of the picture, y upwards from the line of the eyes,
//! z towards the viewer; the unit is about half the height of a head.

use crate::identity::Identity;
use crate::maths::{Vec3, bump, bump2, mix, step};
use crate::scene::{Expression, Pose};

/// The features of a face in numbers.
#[derive(Clone, Copy, Debug)]
pub struct Face {
    /// The eye at the left of a frontal picture, then the other.
    pub eyes: [Eye; 2],
    /// How far the head reaches above the eyes, and below.
    pub up: f32,
    /// See `up`.
    pub down: f32,
    /// Height of the tip of the nose.
    pub nose_y: f32,
    /// The mouth.
    pub mouth: Mouth,
}

/// An eye.
#[derive(Clone, Copy, Debug)]
pub struct Eye {
    /// Its centre.
    pub at: [f32; 2],
    /// -1 for the eye at the left, 1 for the other: outwards is this way.
    pub side: f32,
    /// Half its width.
    pub width: f32,
    /// Height of the upper lid over the centre, as a share of the half width.
    pub upper: f32,
    /// Depth of the lower lid, likewise.
    pub lower: f32,
    /// Where the iris is: outwards is positive; shares of the half width.
    pub iris: [f32; 2],
    /// Middle of the brow, over the centre of the eye.
    pub brow_y: f32,
    /// Slant of the brow; the outer end up is positive.
    pub brow_tilt: f32,
}

/// A mouth.
#[derive(Clone, Copy, Debug)]
pub struct Mouth {
    /// Height of its middle.
    pub y: f32,
    /// Half its width.
    pub width: f32,
    /// How much higher the corners are than the middle.
    pub curve: f32,
    /// Half the height of the opening.
    pub open: f32,
    /// Thickness of the lips.
    pub upper: f32,
    /// See `upper`.
    pub lower: f32,
}

impl Face {
    /// The face that somebody makes.
    pub fn new(id: &Identity, expression: &Expression, pose: &Pose) -> Self {
        let h = id.height;
        let eye = |i: usize| {
            let side = [-1.0, 1.0][i];
            let lid = expression.lids[i];
            let open = id.eye_open * (1.0 - 0.15 * id.hooded);
            Eye {
                at: [side * id.eye_apart, 0.0],
                side,
                width: id.eye_width,
                upper: open * lid,
                lower: open * (0.42 + 0.13 * lid) * if lid < 0.1 { 0.25 } else { 1.0 },
                iris: [0.28 * pose.gaze[0] * side, 0.04 + 0.12 * pose.gaze[1]],
                brow_y: id.brow_gap * h + 0.09 * expression.raise + 0.02 * (lid - 1.0),
                brow_tilt: id.brow_tilt - 0.42 * expression.worry,
            }
        };
        let nose_y = -id.nose_length * h;
        let smile = expression.smile;
        let mouth = Mouth {
            y: nose_y - id.mouth_drop * h - 0.03 * expression.open,
            width: id.mouth_width * (1.0 + 0.22 * smile.max(0.0)) * (1.0 - 0.38 * expression.round),
            curve: 0.165 * smile,
            open: 0.145 * expression.open * (1.0 + 0.25 * expression.round),
            upper: id.lip_upper * (1.0 - 0.2 * smile.max(0.0)),
            lower: id.lip_lower * (1.0 - 0.15 * smile.max(0.0)),
        };
        let down = (1.03 + id.chin_length) * h + 0.05 * expression.open;
        Face { eyes: [eye(0), eye(1)], up: 1.08 * h, down, nose_y, mouth }
    }

    /// The head without its features: `[sin, cos]` of the longitude (0 is the front, to the right of the picture is positive) and of the latitude.
    pub fn skull(&self, id: &Identity, longitude: [f32; 2], latitude: [f32; 2]) -> Vec3 {
        let [around, front] = longitude;
        let [s, c] = latitude;
        let y = s * if s > 0.0 { self.up } else { self.down };
        let h = s * 1.05;
        let wide = 1.0
            + 0.06 * bump((h - 0.5) / 0.6)
            + id.cheek * bump((h + 0.20) / 0.5)
            + id.jaw * bump((h + 0.66) / 0.44)
            + id.chin * bump((h + 1.0) / 0.38);
        let deep = if front > 0.0 {
            0.80 * (1.0 + 0.05 * bump((h - 0.45) / 0.5) + 0.16 * bump((h + 0.95) / 0.45))
        } else {
            0.95 * (1.0 - 0.6 * step(-0.2, -0.95, h))
        };
        [id.width * c * wide * around, y, c * front * deep]
    }

    /// How far the surface stands out at a place on the front.
    pub fn relief(&self, id: &Identity, x: f32, y: f32) -> f32 {
        let mut z = 0.0;
        for eye in &self.eyes {
            let (dx, dy) = ((x - eye.at[0]) / 0.27, y - eye.at[1]);
            z -= 0.075 * bump2(dx, (dy - 0.01) / 0.19);
            z += (0.015 + 0.035 * id.brow_ridge) * bump2(dx / 1.1, (dy - 0.23) / 0.14);
            // Cheeks, higher when smiling.
            let cheek = 0.30 + 0.12 * (0.13 - self.mouth.curve);
            z += (0.03 + 0.06 * id.fullness) * bump2((x - eye.side * 0.42) / 0.30, (y + cheek) / 0.28);
            // Wings of the nose.
            z += 0.06 * bump2((x - eye.side * id.nose_width * 0.72) / 0.10, (y - self.nose_y - 0.01) / 0.11);
        }
        z + self.nose(id, x, y) + self.lips(x, y) + 0.05 * bump2(x / 0.24, (y + self.down - 0.12) / 0.17)
    }

    fn nose(&self, id: &Identity, x: f32, y: f32) -> f32 {
        let from = 0.08;
        let t = (from - y) / (from - self.nose_y);
        if t <= 0.0 {
            return 0.0;
        }
        let (width, height) = if t < 1.0 {
            let ridge = 0.06 + (id.nose_out - 0.06) * t + 0.05 * id.nose_hump * bump((t - 0.45) / 0.4);
            (mix(id.nose_bridge * 1.5, id.nose_width * 0.82, t * t), ridge * step(0.0, 0.25, t))
        } else {
            // Under the tip it goes straight back.
            (id.nose_width * 0.82, id.nose_out * step(1.0 + 0.11 / (from - self.nose_y), 1.0, t))
        };
        height * bump(x / (width * 1.45))
    }

    fn lips(&self, x: f32, y: f32) -> f32 {
        let m = &self.mouth;
        let (u, dy) = (x / m.width, y - m.y);
        let upper = 0.045 * bump2(u / 1.15, (dy - m.open - m.upper * 0.6) / (m.upper * 2.0));
        let lower = 0.055 * bump2(u / 1.0, (dy + m.open + m.lower * 0.55) / (m.lower * 1.7));
        0.04 * bump2(u / 1.5, dy / 0.28) + upper + lower
    }

    /// The surface over a place on the front.
    pub fn over(&self, id: &Identity, x: f32, y: f32) -> Vec3 {
        let s = (y / if y > 0.0 { self.up } else { self.down }).clamp(-1.0, 1.0);
        let c = (1.0 - s * s).sqrt();
        let [half, ..] = self.skull(id, [1.0, 0.0], [s, c]);
        let around = (x / half.max(1e-3)).clamp(-1.0, 1.0);
        let [_, _, z] = self.skull(id, [around, (1.0 - around * around).sqrt()], [s, c]);
        [x, y, z + self.relief(id, x, y)]
    }

    /// The five key points in the order of insightface: the eyes, the tip of the nose, the corners of the mouth; left in the picture first.
    pub fn key_points(&self, id: &Identity) -> [Vec3; 5] {
        let eye = |i: usize| self.over(id, self.eyes[i].at[0], self.eyes[i].at[1]);
        let corner = |side: f32| self.over(id, side * self.mouth.width, self.mouth.y + self.mouth.curve * 0.6);
        [eye(0), eye(1), self.over(id, 0.0, self.nose_y + 0.03), corner(-1.0), corner(1.0)]
    }
}
