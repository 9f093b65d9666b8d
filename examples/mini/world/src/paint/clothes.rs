//! Neck and clothes.

use super::{Brush, Paint, Part};
use crate::maths::{Vec3, blend, bump, cover, noise2, scale, step};
use crate::palette::NAMED;
use crate::scene::Garment;

/// What is worn under a jacket, and the stripes of shirts.
const WHITE: Vec3 = [0.93, 0.92, 0.90];

impl Brush<'_> {
    fn cloth(&self) -> Vec3 {
        NAMED[self.person.clothes.colour].1
    }

    pub(super) fn neck(&self, [x, y, z]: Vec3) -> Paint {
        let chin = -self.face.down;
        let mut paint = Paint { colour: self.skin, part: Part::Neck, gloss: 0.1, open: 1.0 };
        // The shadow of the chin.
        paint.open = 1.0 - 0.40 * step(chin - 0.42, chin - 0.02, y + 0.1 * x.abs() - 0.05 * z);
        if self.person.clothes.garment == Garment::Turtleneck {
            let top = chin - 0.12;
            let rib = 0.94 + 0.06 * libm::sinf(x * 60.0);
            paint.lay(scale(self.cloth(), rib), cover(top - y, self.width), Part::Cloth);
        }
        paint
    }

    pub(super) fn body(&self, [x, y, z]: Vec3) -> Paint {
        let mut paint = Paint { colour: self.skin, part: Part::Neck, gloss: 0.1, open: 1.0 };
        let cloth = scale(self.cloth(), 0.90 + 0.2 * noise2(x * 2.2 + y, y * 1.6, 51));
        let is_front = z > -0.24;
        let collar = -1.33 - if is_front { 0.16 * bump(x / 0.62) } else { 0.0 };
        match self.person.clothes.garment {
            Garment::Turtleneck => paint.lay(cloth, 1.0, Part::Cloth),
            Garment::Shirt => {
                paint.lay(cloth, cover(collar - y, self.width), Part::Cloth);
                paint.tint(scale(cloth, 0.72), cover(0.035 - (collar - 0.05 - y).abs(), self.width));
            }
            Garment::StripedShirt => {
                let wave = (y / 0.24 - (y / 0.24).floor() - 0.5).abs() - 0.25;
                let stripes = blend(cloth, WHITE, cover(wave * 0.24, self.width));
                paint.lay(stripes, cover(collar - y, self.width), Part::Cloth);
            }
            Garment::Jacket => {
                paint.lay(WHITE, cover(collar - y, self.width), Part::Cloth);
                let opening = if is_front { 0.40 - 0.42 * (-1.3 - y) } else { 0.0 };
                paint.lay(cloth, cover(x.abs() - opening.max(0.02), self.width), Part::Cloth);
                let lapel = opening.max(0.02) + 0.15 * bump((y + 1.75) / 0.6);
                paint.tint(scale(cloth, 0.6), 0.9 * cover(0.022 - (x.abs() - lapel).abs(), self.width));
            }
        }
        if paint.part == Part::Neck {
            paint.open = 0.86;
        }
        paint
    }
}
