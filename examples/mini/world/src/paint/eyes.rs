//! Eyes.

use super::{Brush, Paint, Part};
use crate::face::Eye;
use crate::maths::{Vec3, bump, bump2, cover, mix, scale, square, step, times};

/// White of eyes.
const WHITE: Vec3 = [0.965, 0.955, 0.945];

/// Pupils and lashes.
const BLACK: Vec3 = [0.06, 0.045, 0.05];

impl Brush<'_> {
    /// An eye, at a place on the front. All inside is in shares of the eye's half width; outwards is positive.
    pub(super) fn eye(&self, paint: &mut Paint, eye: &Eye, x: f32, y: f32) {
        let id = &self.person.identity;
        let (across, height) = ((x - eye.at[0]) / eye.width, (y - eye.at[1]) / eye.width);
        let out = across * eye.side;
        let dy = height - id.eye_tilt * out;
        if out.abs() > 1.6 || !(-1.1..1.5).contains(&dy) {
            return;
        }
        let width = self.width / eye.width;
        let bulge = 1.0 - out * out;
        let shut = step(0.25, 0.05, eye.upper);
        let upper = (eye.upper * (1.0 - 0.14 * out) - 0.24 * shut) * bulge;
        let lower = -eye.lower * bulge * (1.0 + 0.15 * out) - 0.24 * shut * bulge;
        let within = cover(1.0 - out.abs(), width);

        // The lid above, with its crease.
        let crease = upper + 0.10 + 0.17 * (1.0 - id.hooded) * (1.0 - 0.5 * shut);
        let fold = cover(0.028 - (dy - crease).abs(), width) * bump(out / 1.15) * within;
        paint.tint(scale(self.skin, 0.52), 0.75 * fold * mix(0.55, 1.0, id.hooded));
        paint.tint(times(self.skin, [0.93, 0.82, 0.82]), 0.5 * bump2(out / 1.3, (dy - upper - 0.05) / 0.28));

        let inside = cover((upper - dy).min(dy - lower), width) * within;
        if inside > 0.0 {
            let lit = 1.0 - 0.30 * step(0.26, 0.0, upper - dy);
            paint.lay(scale(WHITE, lit), inside, Part::Eye);
            paint.tint([0.85, 0.55, 0.52], 0.6 * inside * step(-0.72, -0.95, out));
            self.iris(paint, eye, [across, dy], inside, width);
            paint.gloss = mix(paint.gloss, 0.15, inside);
        }

        // Lids: the upper edge gets thicker outwards and ends in lashes.
        let thick = (0.055 + 0.055 * id.lashes) * (0.62 + 0.42 * out);
        let edge = cover(thick - (dy - upper - thick * 0.4).abs(), width) * cover(1.04 - out.abs(), width);
        paint.lay(BLACK, 0.93 * edge, Part::Lash);
        if id.lashes > 0.45 {
            let wing = (out - 0.82) / 0.42;
            let path = upper.max(-0.1) + 0.26 * id.lashes * wing * wing.max(0.0) + 0.05;
            let lash =
                cover(0.075 * (1.0 - wing) - (dy - path).abs(), width) * step(0.0, 0.1, wing) * step(1.02, 0.95, wing);
            paint.lay(BLACK, 0.9 * lash, Part::Lash);
        }
        let under = cover(0.028 - (dy - lower).abs(), width) * cover(0.96 - out.abs(), width);
        paint.tint(scale(self.skin, 0.38), 0.65 * under * (1.0 - shut));
    }

    fn iris(&self, paint: &mut Paint, eye: &Eye, [across, dy]: [f32; 2], inside: f32, width: f32) {
        let size = self.person.identity.iris_size;
        let (dx, dy) = ((across - eye.iris[0] * eye.side) / size, (dy - eye.iris[1]) / size);
        let away = (dx * dx + dy * dy).sqrt();
        let width = width / size;
        let iris = cover(1.0 - away, width) * inside;
        if iris == 0.0 {
            return;
        }
        // Dark at the rim, lighter below, where the light falls out.
        let light = mix(1.18, 0.42, step(0.55, 1.05, away)) * (1.0 - 0.30 * dy);
        paint.lay(scale(self.iris, light), iris, Part::Iris);
        paint.lay(BLACK, cover(0.42 - away, width) * inside, Part::Pupil);
        let spark = (square(dx + 0.32) + square(dy - 0.36)).sqrt();
        paint.tint([1.0; 3], 0.95 * cover(0.24 - spark, width) * inside);
        let glint = (square(dx - 0.36) + square(dy + 0.40)).sqrt();
        paint.tint([1.0; 3], 0.45 * cover(0.13 - glint, width) * inside);
    }
}
