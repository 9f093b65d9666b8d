//! What a face does: how lids, brows and mouth differ from their rest.

use crate::rng::Rng;

/// A face that is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expression {
    /// Its place in [`Expression::NAMES`].
    pub name: usize,
    /// Corners of the mouth up (positive) or down, -1..1.
    pub smile: f32,
    /// How far the mouth is open, 0..1.
    pub open: f32,
    /// How round the mouth is, 0..1.
    pub round: f32,
    /// How far each eye is open, 0..1.3, the one at the left of a frontal picture first.
    pub lids: [f32; 2],
    /// How far the brows are raised, -0.5..1.
    pub raise: f32,
    /// Inner ends of the brows up (positive) or down, -1..1.
    pub worry: f32,
}

impl Expression {
    /// What captions call them.
    pub const NAMES: [&'static str; 7] = ["calm", "smiling", "laughing", "surprised", "sad", "angry", "winking"];

    /// The face that is called so, as somebody makes it this time.
    pub fn sample(rng: &mut Rng, name: usize) -> Self {
        let much = rng.range(0.75, 1.1);
        let calm = Expression {
            name,
            smile: rng.near(0.08, 0.08),
            open: 0.0,
            round: 0.0,
            lids: [rng.near(0.97, 0.06); 2],
            raise: rng.near(0.0, 0.12),
            worry: 0.0,
        };
        match Self::NAMES[name] {
            "smiling" => Expression { smile: 0.75 * much, lids: [0.88; 2], raise: 0.15, ..calm },
            "laughing" => Expression { smile: 0.95 * much, open: 0.75 * much, lids: [0.62; 2], raise: 0.3, ..calm },
            "surprised" => {
                Expression { smile: -0.05, open: 0.85 * much, round: 1.0, lids: [1.28; 2], raise: 0.9, ..calm }
            }
            "sad" => Expression { smile: -0.5 * much, lids: [0.78; 2], worry: 0.9 * much, raise: 0.1, ..calm },
            "angry" => Expression { smile: -0.3 * much, lids: [0.82; 2], worry: -much, raise: -0.4, ..calm },
            "winking" => {
                let shut = rng.below(2);
                let mut lids = [0.95; 2];
                lids[shut] = 0.0;
                Expression { smile: 0.6 * much, lids, raise: 0.2, ..calm }
            }
            _ => calm,
        }
    }
}
