//! The mouth.

use super::{Brush, Paint, Part};
use crate::maths::{Vec3, bump, bump2, cover, mix, scale, step, times};

/// Inside of a mouth.
const INSIDE: Vec3 = [0.30, 0.07, 0.08];

/// Tongue.
const TONGUE: Vec3 = [0.76, 0.32, 0.34];

/// Teeth.
const TEETH: Vec3 = [0.97, 0.96, 0.93];

impl Brush<'_> {
    /// The mouth, at a place on the front.
    pub(super) fn mouth(&self, paint: &mut Paint, x: f32, y: f32) {
        let m = &self.face.mouth;
        let u = x / m.width;
        if u.abs() > 1.3 {
            return;
        }
        let dy = y - m.y - m.curve * ((u * u).min(1.1) - 0.4);
        let bulge = (1.0 - u * u).max(0.0);
        let wide = cover((1.0 - u.abs()) * m.width, self.width);
        let (gap_top, gap_bottom) = (0.55 * m.open * bulge, -1.35 * m.open * bulge);
        let bow = 1.0 - 0.5 * self.person.identity.lip_bow * bump(u / 0.20);
        let top = gap_top + m.upper * bulge * (1.35 - 0.35 * bulge) * bow;
        let bottom = gap_bottom - m.lower * bulge * (1.25 - 0.25 * bulge);

        let dark = times(self.skin, [0.62, 0.47, 0.45]);
        paint.tint(dark, 0.65 * bump2((u.abs() - 1.03) / 0.16, dy / 0.055));
        let lips = cover((top - dy).min(dy - bottom), self.width) * wide;
        let shade = if dy > 0.5 * (gap_top + gap_bottom) { 0.88 } else { 1.04 };
        paint.lay(scale(self.lips, shade), 0.95 * lips, Part::Lip);
        paint.gloss += 0.25 * lips * bump2(u / 0.6, (dy - gap_bottom + m.lower * 0.45) / (m.lower * 0.5));

        if m.open > 0.005 {
            let gap = cover((gap_top - dy).min(dy - gap_bottom), self.width) * wide;
            paint.lay(INSIDE, gap, Part::Mouth);
            let tongue = bump2(u / 0.75, (dy - gap_bottom) / (m.open * 1.0));
            paint.tint(TONGUE, gap * step(0.0, 0.4, tongue));
            let teeth = cover(dy - gap_top + 0.52 * m.open * (0.35 + 0.65 * bulge), self.width);
            paint.lay(TEETH, gap * teeth * cover((0.93 - u.abs()) * m.width, self.width), Part::Teeth);
            paint.gloss = mix(paint.gloss, 0.1, gap);
        } else {
            let line = cover(0.011 - (dy - 0.006 * bump(u / 0.3)).abs(), self.width)
                * cover((1.02 - u.abs()) * m.width, self.width);
            paint.lay(times(dark, [0.62, 0.45, 0.48]), 0.9 * line, Part::Mouth);
        }
    }
}
