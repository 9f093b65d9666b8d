//! Who somebody is: everything that stays the same from picture to picture.

use crate::hair::Hair;
use crate::maths::{mix, step};
use crate::palette;
use crate::rng::Rng;

/// The purpose of the random numbers of identities.
const PURPOSE: u64 = 0x1d;

/// A person. Lengths are in units of about half a head, angles in radians; what has no unit lies in 0..1 unless it says more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Identity {
    /// Half the width of the head.
    pub width: f32,
    /// Height of the head, as a factor.
    pub height: f32,
    /// Width of cheekbones, of jaw and of chin, added to the width as a share, -0.2..0.3.
    pub cheek: f32,
    /// See `cheek`.
    pub jaw: f32,
    /// See `cheek`.
    pub chin: f32,
    /// Length added to the chin.
    pub chin_length: f32,
    /// How full the cheeks are.
    pub fullness: f32,
    /// How far the brow stands out.
    pub brow_ridge: f32,
    /// Skin from light to dark.
    pub tone: f32,
    /// Skin from rosy (-1) to golden (1).
    pub undertone: f32,
    /// Redness of the cheeks.
    pub blush: f32,
    /// How many freckles.
    pub freckles: f32,
    /// Wrinkles.
    pub age: f32,
    /// How dark a beauty mark is; and where.
    pub mole: f32,
    /// Place of the beauty mark: across, upwards.
    pub mole_at: [f32; 2],
    /// Half the width of an eye.
    pub eye_width: f32,
    /// Height of an eye as a share of its width.
    pub eye_open: f32,
    /// Distance of the eyes' centres from the middle.
    pub eye_apart: f32,
    /// Slant of the eyes; the outer corner up is positive.
    pub eye_tilt: f32,
    /// How far the upper lid hangs.
    pub hooded: f32,
    /// Radius of the irises as a share of the eye's half width.
    pub iris_size: f32,
    /// Colour of the irises, from brown to grey.
    pub iris: f32,
    /// Length of the lashes.
    pub lashes: f32,
    /// Thickness of the brows.
    pub brow_thick: f32,
    /// Half the length of a brow.
    pub brow_length: f32,
    /// How arched the brows are.
    pub brow_arch: f32,
    /// Slant of the brows; the outer end up is positive.
    pub brow_tilt: f32,
    /// Height of the brows over the eyes.
    pub brow_gap: f32,
    /// From the eyes down to the tip of the nose.
    pub nose_length: f32,
    /// Half the width of the nose at its wings, and at its bridge.
    pub nose_width: f32,
    /// See `nose_width`.
    pub nose_bridge: f32,
    /// How far the tip stands out.
    pub nose_out: f32,
    /// A hump (positive) or hollow (negative) of the bridge, -1..1.
    pub nose_hump: f32,
    /// Half the width of the mouth.
    pub mouth_width: f32,
    /// From the tip of the nose down to the mouth.
    pub mouth_drop: f32,
    /// Thickness of the lips.
    pub lip_upper: f32,
    /// See `lip_upper`.
    pub lip_lower: f32,
    /// Depth of the notch in the upper lip.
    pub lip_bow: f32,
    /// Colour of the lips, from natural to plum.
    pub lip_colour: f32,
    /// Size of the ears.
    pub ear: f32,
    /// How far the ears stand off.
    pub ear_out: f32,
    /// Breadth of neck and shoulders, as a factor.
    pub build: f32,
    /// Hair, without its colour.
    pub hair: Hair,
    /// Colour of the hair, from black to white.
    pub hair_colour: f32,
    /// Dye: which, and how much of it.
    pub dye: [f32; 2],
    /// Beard on the upper lip, on the chin, and along the jaw.
    pub moustache: f32,
    /// See `moustache`.
    pub goatee: f32,
    /// See `moustache`.
    pub beard: f32,
    /// How far the beard stands out.
    pub beard_length: f32,
}

impl Identity {
    /// The person of a seed.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed, PURPOSE);
        let r = &mut rng;
        // Two things that many features have to do with, so that people look like people; neither is ever told.
        let masculine = step(0.1, 0.9, r.unit());
        let age = r.unit() * r.unit();
        let m = |feminine: f32, manly: f32| mix(feminine, manly, masculine);
        let tone = r.unit() * mix(r.unit(), 1.0, 0.6);
        let fair = (1.0 - 1.6 * tone).max(0.0);
        let hair_colour = hair_colour(r, fair, age);
        let dyed = r.chance(0.07);
        let bearded = r.chance(0.62 * masculine * masculine);
        let kind = r.below(5);
        let mut beard = |kinds: [bool; 5]| if bearded && kinds[kind] { r.range(0.55, 1.0) } else { 0.0 };
        let (moustache, goatee, jaw_beard) = (
            beard([true, true, true, true, false]),
            beard([false, true, true, true, true]),
            beard([false, false, true, true, true]),
        );
        Identity {
            width: r.near(m(0.74, 0.77), 0.085),
            height: r.near(1.0, 0.075),
            cheek: r.near(0.03, 0.09),
            jaw: r.near(m(0.0, 0.14), 0.17),
            chin: r.near(m(-0.04, 0.14), 0.22),
            chin_length: r.near(m(-0.02, 0.03), 0.09),
            fullness: r.unit(),
            brow_ridge: r.near(m(0.15, 0.6), 0.3).clamp(0.0, 1.0),
            tone,
            undertone: r.range(-1.0, 1.0),
            blush: r.near(m(0.5, 0.3), 0.4).clamp(0.0, 1.0),
            freckles: if r.chance(0.12 + 0.3 * fair) { r.range(0.4, 1.0) } else { 0.0 },
            age,
            mole: if r.chance(0.2) { r.range(0.6, 1.0) } else { 0.0 },
            mole_at: [r.range(0.2, 0.5) * if r.chance(0.5) { 1.0 } else { -1.0 }, r.range(-0.72, -0.22)],
            eye_width: r.near(m(0.232, 0.208), 0.042),
            eye_open: r.near(m(0.56, 0.47), 0.16),
            eye_apart: r.near(0.372, 0.058),
            eye_tilt: r.near(m(0.10, 0.02), 0.22),
            hooded: r.unit(),
            iris_size: r.near(0.54, 0.07),
            iris: if r.chance(0.25 + 0.7 * fair) { r.range(0.2, 1.0) } else { r.range(0.0, 0.28) },
            lashes: r.near(m(0.8, 0.15), 0.3).clamp(0.0, 1.0),
            brow_thick: r.near(m(0.032, 0.062), 0.026),
            brow_length: r.near(0.225, 0.045),
            brow_arch: r.near(m(0.065, 0.035), 0.05),
            brow_tilt: r.near(-0.04, 0.15),
            brow_gap: r.near(m(0.265, 0.225), 0.06),
            nose_length: r.near(0.40, 0.085),
            nose_width: r.near(m(0.155, 0.185), 0.060),
            nose_bridge: r.near(m(0.065, 0.085), 0.03),
            nose_out: r.near(m(0.20, 0.25), 0.09),
            nose_hump: r.near(m(-0.15, 0.15), 0.8),
            mouth_width: r.near(m(0.28, 0.30), 0.075),
            mouth_drop: r.near(0.245, 0.045),
            lip_upper: r.near(m(0.086, 0.064), 0.034),
            lip_lower: r.near(m(0.112, 0.088), 0.042),
            lip_bow: r.unit(),
            lip_colour: m(r.unit() * r.unit(), 0.0).max(0.0) + 0.1 * r.unit(),
            ear: r.near(0.23, 0.06),
            ear_out: r.unit(),
            build: r.near(m(0.90, 1.10), 0.12),
            hair: Hair::sample(r, masculine, age),
            hair_colour,
            dye: [r.unit(), if dyed { r.range(0.75, 1.0) } else { 0.0 }],
            moustache,
            goatee,
            beard: jaw_beard,
            beard_length: r.unit() * r.unit(),
        }
    }

    /// Every number that makes the person, each about 0..1: what is closest here looks most alike.
    pub fn vector(&self) -> Vec<f32> {
        let spread = |value: f32, centre: f32, radius: f32| 0.5 + 0.5 * (value - centre) / radius;
        let mut vector = vec![
            spread(self.width, 0.755, 0.1),
            spread(self.height, 1.0, 0.075),
            spread(self.cheek, 0.03, 0.09),
            spread(self.jaw, 0.07, 0.24),
            spread(self.chin, 0.05, 0.31),
            spread(self.chin_length, 0.0, 0.12),
            self.fullness,
            self.brow_ridge,
            self.tone,
            spread(self.undertone, 0.0, 1.0),
            self.blush,
            self.freckles,
            self.age,
            self.mole,
            spread(self.mole_at[0], 0.0, 0.5),
            spread(self.mole_at[1], -0.47, 0.25),
            spread(self.eye_width, 0.22, 0.055),
            spread(self.eye_open, 0.515, 0.2),
            spread(self.eye_apart, 0.372, 0.058),
            spread(self.eye_tilt, 0.06, 0.26),
            self.hooded,
            spread(self.iris_size, 0.54, 0.07),
            self.iris,
            self.lashes,
            spread(self.brow_thick, 0.047, 0.041),
            spread(self.brow_length, 0.225, 0.045),
            spread(self.brow_arch, 0.05, 0.065),
            spread(self.brow_tilt, -0.04, 0.15),
            spread(self.brow_gap, 0.245, 0.08),
            spread(self.nose_length, 0.4, 0.085),
            spread(self.nose_width, 0.17, 0.075),
            spread(self.nose_bridge, 0.075, 0.04),
            spread(self.nose_out, 0.225, 0.115),
            spread(self.nose_hump, 0.0, 0.95),
            spread(self.mouth_width, 0.29, 0.085),
            spread(self.mouth_drop, 0.245, 0.045),
            spread(self.lip_upper, 0.075, 0.045),
            spread(self.lip_lower, 0.1, 0.054),
            self.lip_bow,
            self.lip_colour,
            spread(self.ear, 0.23, 0.06),
            self.ear_out,
            spread(self.build, 1.0, 0.22),
        ];
        vector.extend(self.hair.vector());
        vector.extend([self.hair_colour, self.dye[0] * self.dye[1], self.dye[1]]);
        vector.extend([self.moustache, self.goatee, self.beard, self.beard_length]);
        vector
    }
}

/// Dark for most; fair skin has more that is not; the old are grey.
fn hair_colour(r: &mut Rng, fair: f32, age: f32) -> f32 {
    let own = if r.chance(0.15 + 0.65 * fair) { r.range(0.2, 0.9) } else { r.range(0.0, 0.22) };
    if r.unit() < (age - 0.35) * 2.0 { palette::WHITE_HAIR } else { own }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_one_person() {
        assert_eq!(Identity::new(7), Identity::new(7));
        assert_ne!(Identity::new(7), Identity::new(8));
    }

    #[test]
    fn vectors_are_about_0_to_1_and_use_their_range() {
        let people: Vec<Vec<f32>> = (0..2000).map(|seed| Identity::new(seed).vector()).collect();
        for i in 0..people[0].len() {
            let values = people.iter().map(|vector| vector[i]);
            let (low, high) = (values.clone().fold(f32::MAX, f32::min), values.fold(f32::MIN, f32::max));
            assert!(low >= -0.3 && high <= 1.3 && high - low > 0.3, "number {i}: {low}..{high}");
        }
    }
}
