//! Hair as numbers: families set them, and people of a family differ in all of them.

use crate::maths::mix;
use crate::rng::Rng;

/// Lengths are in units of about half a head; heights count from the eyes upwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hair {
    /// Height of the hairline over the forehead.
    pub line: f32,
    /// How far below the hairline a fringe hangs.
    pub fringe: f32,
    /// To which side the fringe falls, -1..1.
    pub part: f32,
    /// Height at which the hair ends at the sides.
    pub side_end: f32,
    /// Height at which it ends at the back.
    pub back_end: f32,
    /// Half the angle of the open face, in degrees.
    pub opening: f32,
    /// Thickness on the crown.
    pub top: f32,
    /// Thickness over the forehead, on top of that of the crown.
    pub quiff: f32,
    /// Thickness at the sides.
    pub side: f32,
    /// How much wider it gets towards its ends.
    pub flare: f32,
    /// Depth of curls.
    pub curl: f32,
    /// Depth of waves.
    pub wave: f32,
    /// Height of spikes.
    pub spike: f32,
    /// How narrow the hair on the crown is, 0..1: a mohawk at 1.
    pub crest: f32,
    /// Radius of a bun.
    pub bun: f32,
    /// Length of a ponytail.
    pub tail: f32,
    /// How much scalp shines through, 0..1.
    pub thin: f32,
}

/// The families: bald, buzz cut, crop, quiff, side part, spikes, mohawk, afro, curls, bob, bowl cut, long straight, long wavy, bun, ponytail.
const FAMILIES: usize = 15;

/// How often each family is seen at the masculine and at the feminine end.
const MASCULINE: [f32; FAMILIES] = [1.0, 1.2, 2.0, 1.8, 1.8, 1.0, 0.5, 1.0, 1.0, 0.1, 0.3, 0.4, 0.4, 0.3, 0.1];
const FEMININE: [f32; FAMILIES] = [0.05, 0.15, 0.5, 0.2, 0.5, 0.2, 0.1, 1.2, 1.2, 2.2, 0.5, 2.2, 2.2, 1.4, 1.4];

impl Hair {
    /// Hair of a family that suits a place between feminine (0) and masculine (1), and an age in 0..1.
    pub fn sample(rng: &mut Rng, masculine: f32, age: f32) -> Self {
        let weights: [f32; FAMILIES] = std::array::from_fn(|i| mix(FEMININE[i], MASCULINE[i], masculine));
        let family = rng.weighted(&weights);
        let plain = Hair {
            line: rng.near(0.60, 0.09) + 0.12 * age * masculine,
            fringe: 0.0,
            part: rng.range(-1.0, 1.0),
            side_end: rng.near(-0.10, 0.10),
            back_end: -0.55,
            opening: rng.near(62.0, 6.0),
            top: rng.near(0.13, 0.05),
            quiff: 0.0,
            side: rng.near(0.06, 0.03),
            flare: 0.0,
            curl: 0.0,
            wave: 0.0,
            spike: 0.0,
            crest: 0.0,
            bun: 0.0,
            tail: 0.0,
            thin: 0.0,
        };
        let long = Hair {
            side_end: rng.range(-1.9, -1.0),
            back_end: -1.7,
            opening: rng.near(47.0, 8.0),
            side: rng.near(0.13, 0.05),
            flare: rng.near(0.12, 0.12),
            fringe: if rng.chance(0.35) { rng.range(0.2, 0.36) } else { rng.range(0.0, 0.08) },
            ..plain
        };
        let tied =
            Hair { top: rng.near(0.07, 0.02), side: 0.03, side_end: -0.05, fringe: rng.range(0.0, 0.15), ..plain };
        match family {
            0 => Hair { top: 0.008, side: 0.006, thin: rng.range(0.8, 1.0), ..plain },
            1 => Hair { top: 0.03, side: 0.02, thin: rng.range(0.15, 0.45), ..plain },
            2 => Hair { fringe: rng.range(0.0, 0.16), ..plain },
            3 => Hair { quiff: rng.range(0.14, 0.32), top: 0.14, side: 0.03, ..plain },
            4 => Hair {
                fringe: rng.range(0.08, 0.24),
                part: if rng.chance(0.5) { 1.0 } else { -1.0 },
                top: 0.17,
                side: 0.09,
                ..plain
            },
            5 => Hair { spike: rng.range(0.12, 0.26), top: 0.14, ..plain },
            6 => Hair {
                crest: 1.0,
                top: rng.range(0.28, 0.5),
                spike: rng.range(0.0, 0.12),
                side: 0.01,
                thin: 0.3,
                ..plain
            },
            7 => {
                let bulk = rng.range(0.28, 0.55);
                Hair {
                    top: bulk,
                    side: bulk * rng.range(0.8, 1.1),
                    curl: rng.range(0.08, 0.14),
                    side_end: -0.35,
                    quiff: 0.05,
                    ..plain
                }
            }
            8 => Hair {
                top: rng.range(0.2, 0.32),
                side: rng.range(0.14, 0.26),
                curl: rng.range(0.1, 0.17),
                side_end: rng.range(-0.9, -0.15),
                fringe: rng.range(0.0, 0.25),
                opening: rng.near(52.0, 6.0),
                ..plain
            },
            9 => Hair { side_end: rng.range(-0.95, -0.6), back_end: -0.9, flare: rng.range(0.02, 0.3), ..long },
            10 => Hair {
                fringe: rng.range(0.26, 0.38),
                part: 0.0,
                side_end: rng.range(-0.35, -0.1),
                side: 0.14,
                top: 0.17,
                ..plain
            },
            11 => long,
            12 => Hair { wave: rng.range(0.05, 0.1), side: long.side + 0.05, ..long },
            13 => Hair { bun: rng.range(0.26, 0.4), ..tied },
            _ => Hair { tail: rng.range(0.9, 1.7), ..tied },
        }
    }

    /// Every number, in an order of its own, each about 0..1.
    pub fn vector(&self) -> [f32; 17] {
        [
            (self.line - 0.5) / 0.3,
            self.fringe / 0.4,
            (self.part + 1.0) / 2.0,
            -self.side_end / 2.0,
            -self.back_end / 2.0,
            (self.opening - 35.0) / 35.0,
            self.top / 0.55,
            self.quiff / 0.35,
            self.side / 0.6,
            self.flare / 0.3,
            self.curl / 0.17,
            self.wave / 0.1,
            self.spike / 0.26,
            self.crest,
            self.bun / 0.4,
            self.tail / 1.7,
            self.thin,
        ]
    }
}
