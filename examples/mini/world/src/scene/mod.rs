//! What a picture shows besides who: everything here is independent of identities.

mod expression;
mod light;
mod sample;

pub use expression::Expression;
pub use light::{Light, Side};

use crate::background::Background;
use crate::identity::Identity;
use crate::style::Style;

/// One picture, in full.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// One or two people, from left to right.
    pub people: Vec<Person>,
    /// Where the light comes from.
    pub light: Light,
    /// What is behind them.
    pub background: Background,
    /// How it is drawn.
    pub style: Style,
    /// The seed of everything that is only texture.
    pub seed: u64,
}

/// Somebody in a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Person {
    /// Who.
    pub identity: Identity,
    /// How the head is held.
    pub pose: Pose,
    /// The face that is made.
    pub expression: Expression,
    /// What is worn.
    pub clothes: Clothes,
    /// Glasses, if any: worn by anybody, no part of who somebody is.
    pub glasses: Option<Glasses>,
}

/// How a head is held, and where.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pose {
    /// Towards the right of the picture, in degrees.
    pub yaw: f32,
    /// Upwards, in degrees.
    pub pitch: f32,
    /// The crown towards the left of the picture, in degrees.
    pub roll: f32,
    /// Where the middle of the head is: across and down, 0..1 of the picture.
    pub at: [f32; 2],
    /// Half the height of a usual head, as a share of the picture's height.
    pub size: f32,
    /// Where the eyes look, beyond the head: right and up, -1..1.
    pub gaze: [f32; 2],
}

/// What is worn on the body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clothes {
    /// The cut.
    pub garment: Garment,
    /// The place of the colour in [`NAMED`](crate::palette::NAMED).
    pub colour: usize,
}

/// The cut of clothes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Garment {
    /// With a round neck.
    Shirt,
    /// With white stripes.
    StripedShirt,
    /// With a high collar.
    Turtleneck,
    /// Open, over something white.
    Jacket,
}

impl Garment {
    /// All of them.
    pub const ALL: [Garment; 4] = [Garment::Shirt, Garment::StripedShirt, Garment::Turtleneck, Garment::Jacket];
}

/// Glasses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Glasses {
    /// From round (0) to square (1).
    pub square: f32,
    /// Half the height of a lens, as a share of its half width.
    pub tall: f32,
    /// Thickness of the frame, in units of half a head.
    pub thick: f32,
    /// Red, green and blue of the frame, 0..1.
    pub colour: [f32; 3],
}
