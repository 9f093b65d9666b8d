//! Hair.

use super::{Brush, Paint, Part};
use crate::maths::{blend, cover, luma, mix, noise2, scale, step};
use crate::raster::Sample;

impl Brush<'_> {
    /// Hair: strands run down from the crown.
    pub(super) fn hair(&self, sample: &Sample) -> Paint {
        let hair = &self.person.identity.hair;
        let [turn, way, end] = sample.coords;
        let waves = 0.6 * hair.wave * noise2(way * 3.0, turn * 4.0, 40);
        let fine = noise2((turn + waves) * 70.0, way * 1.6, 41);
        let broad = noise2((turn + waves) * 24.0, way * 1.1, 42);
        let curls = noise2(turn * 30.0, way * 8.0, 43);
        let strand = mix(0.55 * broad + 0.45 * fine, curls, (hair.curl * 6.0).min(0.8));
        // Light hair scatters more light, so its strands differ less.
        let contrast = 0.62 - 0.34 * luma(self.hair);
        let mut colour = scale(self.hair, 0.95 + contrast * (strand - 0.5));
        // Towards the roots hair is darker, towards its ends lighter.
        colour = scale(colour, mix(0.88, 1.08, step(0.2, 2.2, way)));
        let mut open = 1.0;
        if sample.is_inside {
            open = 0.42;
        } else if end < -0.4 {
            // Hair behind the neck is in the shadow of the head.
            open = mix(1.0, 0.55, step(0.62, 0.95, turn.abs()) * step(1.4, 1.9, way));
        }
        let is_scalp = hair.thin > 0.6;
        if hair.thin > 0.0 && turn.abs() < 2.0 {
            let crest = if hair.crest > 0.0 { step(0.09, 0.13, turn.abs()).min(step(0.0, 0.5, way)) } else { 1.0 };
            let speckle = noise2(turn * 160.0, way * 60.0, 44);
            colour = blend(colour, self.skin, hair.thin * mix(0.0, 1.0, crest) * cover(hair.thin + 0.5 - speckle, 0.8));
        }
        let part = if is_scalp { Part::Scalp } else { Part::Hair };
        Paint { colour, part, gloss: if is_scalp { 0.3 } else { 0.34 * (0.35 + strand) }, open }
    }
}
