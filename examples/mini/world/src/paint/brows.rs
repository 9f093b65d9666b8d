//! Brows.

use super::{Brush, Paint, Part};
use crate::face::Eye;
use crate::maths::{cover, noise2, scale, step};

impl Brush<'_> {
    /// The brow over an eye, at a place on the front.
    pub(super) fn brow(&self, paint: &mut Paint, eye: &Eye, x: f32, y: f32) {
        let id = &self.person.identity;
        // From the inner end (-1) to the outer (1).
        let u = ((x - eye.at[0]) * eye.side - 0.015) / id.brow_length;
        if u.abs() > 1.1 || (y - eye.brow_y).abs() > 0.3 {
            return;
        }
        let peak = u - 0.35;
        let line = eye.brow_y + id.brow_arch * (0.6 - peak * peak) + eye.brow_tilt * u * id.brow_length;
        let thick = id.brow_thick * (0.62 + 0.38 * step(-1.1, -0.6, u)) * (1.0 - 0.72 * step(0.0, 1.05, u));
        let grain = noise2(u * 9.0 + y * 20.0, y * 12.0 - u * 3.0, 31);
        let much = cover(thick - (y - line).abs(), self.width.max(0.018))
            * cover((1.0 - u.abs()) * id.brow_length, self.width.max(0.03));
        paint.lay(scale(self.brow, 0.8 + 0.4 * grain), 0.95 * much, Part::Brow);
    }
}
