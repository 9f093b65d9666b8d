//! Skin: the head with its features, ears, neck.

use super::{Brush, Paint, Part};
use crate::face::Face;
use crate::identity::Identity;
use crate::maths::{Vec3, bump, bump2, cell, cover, mix, noise2, scale, square, step, times};

/// Where skin is redder than elsewhere, it is this much.
const RED: Vec3 = [1.02, 0.74, 0.72];

impl Brush<'_> {
    /// The head at its own coordinates.
    pub(super) fn head(&self, [x, y, z]: Vec3) -> Paint {
        let mut paint =
            Paint { colour: self.skin, part: Part::Skin, gloss: 0.12 + 0.26 * self.person.identity.tone, open: 1.0 };
        self.shadow_of_hair(&mut paint, x, y);
        if z < 0.05 {
            return paint;
        }
        let id = &self.person.identity;
        self.complexion(&mut paint, x, y);
        let much = beard_at(id, self.face, x, y);
        if much > 0.0 {
            let grain = noise2(x * 42.0, y * 24.0, 11);
            let dense = (0.35 + 0.75 * id.beard_length.max(much * much)) * (0.75 + 0.4 * grain);
            paint.lay(scale(self.beard, 0.85 + 0.3 * grain), (much * dense).min(1.0), Part::Beard);
        }
        self.nose(&mut paint, x, y);
        self.mouth(&mut paint, x, y);
        for eye in &self.face.eyes {
            self.eye(&mut paint, eye, x, y);
            self.brow(&mut paint, eye, x, y);
        }
        paint
    }

    fn shadow_of_hair(&self, paint: &mut Paint, x: f32, y: f32) {
        let hair = &self.person.identity.hair;
        if hair.thin > 0.5 {
            return;
        }
        let fall = hair.fringe * (1.0 + 0.9 * hair.part * (x * 1.6).clamp(-1.0, 1.0));
        let from = hair.line - fall;
        paint.open *= 1.0 - 0.34 * step(from - 0.20, from - 0.01, y);
        if hair.side_end < -0.4 {
            paint.open *= 1.0 - 0.35 * step(0.42, 0.72, x.abs());
        }
    }

    fn complexion(&self, paint: &mut Paint, x: f32, y: f32) {
        let id = &self.person.identity;
        let red = times(self.skin, RED);
        let across = x.abs();
        let lift = 0.35 * self.face.mouth.curve;
        paint.tint(red, 0.75 * id.blush * bump2((across - 0.43) / 0.27, (y + 0.33 - lift) / 0.2));
        paint.tint(red, 0.35 * bump2(x / 0.16, (y - self.face.nose_y) / 0.12));
        // Under the brows and beside the nose there is less light.
        paint.open *= 1.0 - 0.20 * bump2((across - id.eye_apart * 0.8) / 0.28, (y - 0.07) / 0.2);
        paint.open *= 1.0 - 0.22 * bump2(x / (id.nose_width * 1.5), (y - self.face.nose_y + 0.11) / 0.1);
        paint.open *= 1.0 - 0.22 * bump2(x / 0.3, (y - self.face.mouth.y + 0.16) / 0.06);
        if id.freckles > 0.0 {
            let near = bump2((across - 0.30) / 0.42, (y + 0.22) / 0.27);
            paint.tint(times(self.skin, [0.72, 0.56, 0.45]), freckles(x, y) * (2.2 * id.freckles * near).min(0.85));
        }
        if id.mole > 0.0 {
            let away = (square(x - id.mole_at[0]) + square(y - id.mole_at[1])).sqrt();
            paint.tint(scale(self.skin, 0.32), id.mole * cover(0.030 - away, self.width));
        }
        if id.age > 0.3 {
            self.wrinkles(paint, x, y, (id.age - 0.3) / 0.7);
        }
    }

    fn wrinkles(&self, paint: &mut Paint, x: f32, y: f32, much: f32) {
        let across = x.abs();
        let line = |distance: f32, wide: f32| (1.0 - distance.abs() / wide).max(0.0);
        let m = &self.face.mouth;
        // From the wings of the nose to beside the mouth.
        let down = ((self.face.nose_y - y) / (self.face.nose_y - m.y + 0.1)).clamp(0.0, 1.0);
        let fold = mix(self.person.identity.nose_width * 1.3, m.width * 1.22, down);
        let inside = step(0.0, 0.12, down) * step(1.0, 0.8, down);
        paint.tint(scale(self.skin, 0.62), 0.75 * much * inside * line(across - fold, 0.03));
        // On the forehead, and under the eyes.
        for height in [0.40, 0.49] {
            let wavy = height + 0.015 * bump(across / 0.3);
            paint.tint(scale(self.skin, 0.66), 0.55 * much * line(y - wavy, 0.022) * bump(across / 0.48));
        }
        let id = &self.person.identity;
        let bag = -id.eye_width * 0.85 - 0.02 + 0.4 * square(across - id.eye_apart);
        paint.tint(scale(self.skin, 0.68), 0.6 * much * line(y - bag, 0.022) * bump((across - id.eye_apart) / 0.2));
    }

    fn nose(&self, paint: &mut Paint, x: f32, y: f32) {
        let wide = self.person.identity.nose_width;
        let dark = times(self.skin, [0.42, 0.28, 0.26]);
        let across = x.abs() - wide * 0.50;
        let dy = y - self.face.nose_y + 0.072 - 0.05 * across;
        let away = (square(across / (wide * 0.36)) + square(dy / 0.030)).sqrt();
        paint.lay(dark, 0.85 * cover((1.0 - away) * 0.030, self.width), Part::Nostril);
        // The crease round a wing.
        let (ax, ay) = (x.abs() - wide * 0.62, y - self.face.nose_y - 0.005);
        let ring = (square(ax / (wide * 0.46)) + square(ay / 0.095)).sqrt();
        let outside = step(-0.2, 0.6, ax / wide);
        paint.tint(scale(dark, 1.2), 0.5 * outside * cover(0.010 - (ring - 1.0).abs() * 0.08, self.width));
    }

    pub(super) fn ear(&self, [x, y, z]: Vec3) -> Paint {
        let inner = bump2((z - 0.25) / 0.8, (y - 0.15) / 0.75) * step(0.1, 0.6, x.abs());
        let colour = times(self.skin, [1.0, 0.93, 0.91]);
        Paint { colour, part: Part::Ear, gloss: 0.1, open: 1.0 - 0.5 * inner }
    }
}

/// Small dots at random places.
fn freckles(x: f32, y: f32) -> f32 {
    let (u, v) = (x / 0.052, y / 0.052);
    let (cx, cy) = (u.floor() as i32, v.floor() as i32);
    let (px, py) = (cell(cx, cy, 21), cell(cx, cy, 22));
    let away = (square(u - cx as f32 - 0.25 - 0.5 * px) + square(v - cy as f32 - 0.25 - 0.5 * py)).sqrt();
    let size = 0.18 + 0.22 * cell(cx, cy, 23);
    if cell(cx, cy, 24) < 0.62 { ((size - away) * 5.0 + 0.5).clamp(0.0, 1.0) } else { 0.0 }
}

/// How much beard grows at a place on the front, 0..1.
pub fn beard_at(id: &Identity, face: &Face, x: f32, y: f32) -> f32 {
    if id.moustache + id.goatee + id.beard == 0.0 {
        return 0.0;
    }
    let m = &face.mouth;
    let across = x.abs();
    let line = m.y + m.curve * (square(across / m.width).min(1.4) - 0.4);
    let top = face.nose_y - 0.10 - 0.25 * (across - 0.05).max(0.0);
    let moustache = step(top + 0.03, top - 0.03, y)
        * step(line - 0.06, line + 0.0, y)
        * step(m.width * 1.22, m.width * 0.95, across);
    let goatee = step(0.34, 0.24, across) * step(line + 0.03, line - 0.05, y);
    // From the corners of the mouth the edge rises to before the ears.
    let edge = mix(line - 0.02, 0.02, step(m.width * 0.95, id.width * 0.93, across));
    let beard = step(edge + 0.05, edge - 0.05, y);
    let much = (id.moustache * moustache).max(id.goatee * goatee).max(id.beard * beard);
    let lips = m.open * 1.3 + m.lower + 0.02;
    let dy = y - line + m.open * 0.4 + 0.01;
    let outside = step(0.85, 1.1, (square(across / (m.width * 1.0)) + square(dy / lips)).sqrt());
    much * outside
}
