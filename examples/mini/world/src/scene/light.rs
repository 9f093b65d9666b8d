//! Light: where it comes from, and its colour.

use crate::maths::{Vec3, unit};

/// The light of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Light {
    /// Its side, as captions name it.
    pub side: Side,
    /// How far up it is, in -0.3..1.
    pub up: f32,
    /// Its warmth, from cold (-1) to warm (1).
    pub warm: f32,
    /// How soft it is, 0..1.
    pub soft: f32,
}

/// Where light comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// From the front.
    Front,
    /// From the left of the picture.
    Left,
    /// From its right.
    Right,
    /// From behind.
    Back,
}

impl Light {
    /// Towards the light.
    pub fn direction(&self) -> Vec3 {
        unit(match self.side {
            Side::Front => [0.18, 0.35 + 0.4 * self.up, 1.0],
            Side::Left => [-1.0, 0.25 + 0.6 * self.up, 0.55],
            Side::Right => [1.0, 0.25 + 0.6 * self.up, 0.55],
            Side::Back => [0.35, 0.5 + 0.5 * self.up, -0.75],
        })
    }

    /// Its colour, about 1.
    pub fn colour(&self) -> Vec3 {
        [1.0 + 0.10 * self.warm, 1.0 + 0.01 * self.warm, 1.0 - 0.16 * self.warm]
    }
}
