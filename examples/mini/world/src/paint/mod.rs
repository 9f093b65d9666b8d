//! What colour every place of a person has, before light falls on it.

mod brows;
mod clothes;
mod eyes;
mod hair;
mod mouth;
mod skin;

pub use skin::beard_at;

use crate::camera::Camera;
use crate::face::Face;
use crate::maths::{Vec3, blend, scale};
use crate::mesh::Kind;
use crate::palette;
use crate::raster::Sample;
use crate::scene::Person;

/// What a place belongs to; styles draw lines where this changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What is behind people.
    Background,
    /// Face.
    Skin,
    /// Where hair would be on a bald head.
    Scalp,
    /// Ears.
    Ear,
    /// Neck and chest.
    Neck,
    /// White of an eye.
    Eye,
    /// Iris.
    Iris,
    /// Pupil.
    Pupil,
    /// Edge of a lid, with the lashes.
    Lash,
    /// Brow.
    Brow,
    /// Nostril.
    Nostril,
    /// Lip.
    Lip,
    /// Inside of the mouth.
    Mouth,
    /// Teeth.
    Teeth,
    /// Beard.
    Beard,
    /// Hair.
    Hair,
    /// Clothes.
    Cloth,
    /// Frame of glasses.
    Frame,
}

impl Part {
    /// Whether it is of the face, between the hair and the neck.
    pub fn is_face(self) -> bool {
        !matches!(
            self,
            Part::Background | Part::Scalp | Part::Ear | Part::Neck | Part::Hair | Part::Cloth | Part::Frame
        )
    }
}

/// A painted place.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    /// Red, green and blue in 0..1.
    pub colour: Vec3,
    /// What it is of.
    pub part: Part,
    /// How strongly it mirrors the light, 0..1.
    pub gloss: f32,
    /// How much of the light from all around reaches it, 0..1.
    pub open: f32,
}

impl Paint {
    /// Lays a colour over it, so much of it in 0..1; half and more also changes what it is of.
    fn lay(&mut self, colour: Vec3, much: f32, part: Part) {
        self.colour = blend(self.colour, colour, much);
        if much > 0.5 {
            self.part = part;
        }
    }

    /// Changes the colour only.
    fn tint(&mut self, colour: Vec3, much: f32) {
        self.colour = blend(self.colour, colour, much);
    }
}

/// Everything that painting somebody takes.
pub struct Brush<'a> {
    person: &'a Person,
    face: &'a Face,
    /// Width of a sample in units of the head.
    width: f32,
    skin: Vec3,
    hair: Vec3,
    brow: Vec3,
    beard: Vec3,
    lips: Vec3,
    iris: Vec3,
}

impl<'a> Brush<'a> {
    /// For somebody seen by a camera.
    pub fn new(person: &'a Person, face: &'a Face, camera: &Camera) -> Self {
        let id = &person.identity;
        let skin = palette::skin(id.tone, id.undertone);
        let own = palette::hair(id.hair_colour, 0.0, 0.0);
        Brush {
            person,
            face,
            width: 1.0 / camera.scale,
            skin,
            hair: palette::hair(id.hair_colour, id.dye[0], id.dye[1]),
            // Brows and beards are darker than hair, and seldom dyed.
            brow: blend(scale(own, 0.62), scale(skin, 0.35), 0.25),
            beard: blend(scale(own, 0.74), scale(skin, 0.7), 0.08),
            lips: palette::lips(id.lip_colour, skin),
            iris: palette::iris(id.iris),
        }
    }

    /// The paint at a sample of this person.
    pub fn paint(&self, sample: &Sample) -> Paint {
        match sample.kind {
            Kind::Head => self.head(sample.coords),
            Kind::Ear => self.ear(sample.coords),
            Kind::Neck => self.neck(sample.coords),
            Kind::Body => self.body(sample.coords),
            Kind::Hair => self.hair(sample),
            Kind::Frame => {
                let colour = self.person.glasses.map_or([0.0; 3], |glasses| glasses.colour);
                Paint { colour, part: Part::Frame, gloss: 0.5, open: 1.0 }
            }
            Kind::None => Paint { colour: [0.0; 3], part: Part::Background, gloss: 0.0, open: 1.0 },
        }
    }
}
