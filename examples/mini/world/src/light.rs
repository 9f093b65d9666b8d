//! Light on a painted surface.

use crate::maths::{Vec3, add, blend, dot, mix, scale, square, step, times, unit};
use crate::paint::{Paint, Part};
use crate::scene::{Light, Side};

/// What skin in the shade is multiplied with: light that has gone through it is red.
const SKIN_SHADE: Vec3 = [1.02, 0.88, 0.84];

/// What everything else in the shade is multiplied with: the sky is blue.
const SHADE: Vec3 = [0.92, 0.95, 1.06];

/// A light, prepared.
pub struct Lamp {
    towards: Vec3,
    halfway: Vec3,
    colour: Vec3,
    wrap: f32,
    is_behind: bool,
}

impl Lamp {
    /// Of a scene's light.
    pub fn new(light: &Light) -> Self {
        let towards = light.direction();
        Lamp {
            towards,
            halfway: unit(add(towards, [0.0, 0.0, 1.0])),
            colour: light.colour(),
            wrap: mix(0.10, 0.55, light.soft),
            is_behind: light.side == Side::Back,
        }
    }

    /// How much light a surface gets (about 0.3..1.2), and the colour it then has.
    pub fn shine(&self, paint: &Paint, normal: Vec3) -> (f32, Vec3) {
        let n = unit(normal);
        let facing = ((dot(n, self.towards) + self.wrap) / (1.0 + self.wrap)).max(0.0);
        let around = if self.is_behind { 0.74 } else { 0.57 } + 0.09 * n[1] + 0.05 * n[2];
        let level = (around + 0.60 * facing) * paint.open;
        let is_skin =
            matches!(paint.part, Part::Skin | Part::Scalp | Part::Ear | Part::Neck | Part::Lip | Part::Nostril);
        let shade = if is_skin { SKIN_SHADE } else { SHADE };
        let tint = blend(shade, self.colour, step(0.35, 1.0, level));
        let mut colour = scale(times(paint.colour, tint), level);
        // Blinn's highlight with exponent 12.
        let sharp = square(square(dot(n, self.halfway).max(0.0)));
        let sharp = sharp * sharp * sharp;
        colour = add(colour, scale(self.colour, 0.34 * paint.gloss * sharp * paint.open));
        if self.is_behind {
            let rim = step(0.62, 0.05, n[2]) * (0.5 + 0.5 * n[1]).max(0.0);
            colour = add(colour, scale(times(self.colour, blend(paint.colour, [1.0; 3], 0.5)), 0.75 * rim));
        }
        (level, colour)
    }
}
