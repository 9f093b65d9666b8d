//! Scenes at random.

use super::{Clothes, Expression, Garment, Glasses, Light, Person, Pose, Scene, Side};
use crate::background::Background;
use crate::identity::Identity;
use crate::palette::NAMED;
use crate::rng::Rng;
use crate::style::Style;

/// The purpose of the random numbers of scenes.
const PURPOSE: u64 = 0x5c;

impl Scene {
    /// A picture of one or two people, given from left to right; whatever else it shows is up to `seed`.
    pub fn sample(people: &[Identity], seed: u64) -> Self {
        let mut rng = Rng::new(seed, PURPOSE);
        let r = &mut rng;
        let background = Background::ALL[r.below(Background::ALL.len())].coloured(r);
        let style = Style::ALL[r.below(Style::ALL.len())];
        let side = [Side::Front, Side::Left, Side::Right, Side::Back][r.weighted(&[3.0, 2.0, 2.0, 0.8])];
        let light = Light {
            side,
            up: r.range(-0.2, 1.0),
            warm: [-0.8, 0.0, 0.8][r.below(3)] + r.near(0.0, 0.2),
            soft: r.unit(),
        };
        let count = people.len();
        let people = people.iter().enumerate().map(|(i, identity)| Person::sample(r, *identity, i, count)).collect();
        Scene { people, light, background, style, seed }
    }

    /// The plainest picture of somebody: from the front, calm, in even light before grey.
    pub fn plain(identity: Identity, style: Style) -> Self {
        let mut rng = Rng::new(0, PURPOSE);
        let pose = Pose { at: [0.5, 0.46], size: 0.30, ..Pose::default() };
        let clothes = Clothes { garment: Garment::Shirt, colour: 4 };
        let expression = Expression { smile: 0.2, ..Expression::sample(&mut rng, 0) };
        let person = Person { identity, pose, expression, clothes, glasses: None };
        let light = Light { side: Side::Left, up: 0.8, warm: 0.1, soft: 0.8 };
        Scene { people: vec![person], light, background: Background::Plain(8), style, seed: 0 }
    }
}

impl Person {
    fn sample(r: &mut Rng, identity: Identity, place: usize, of: usize) -> Self {
        let pose = if of == 1 {
            let size = r.range(0.23, 0.35);
            Pose { at: [r.near(0.5, 0.5 - size), r.near(0.47, 0.10)], size, ..Pose::turned(r) }
        } else {
            let across = (place as f32 + 0.5) / of as f32;
            let size = r.range(0.17, 0.22);
            Pose { at: [across + r.near(0.0, 0.03), r.near(0.48, 0.09)], size, ..Pose::turned(r) }
        };
        let name = r.weighted(&[2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 0.6]);
        Person {
            identity,
            pose,
            expression: Expression::sample(r, name),
            clothes: Clothes { garment: Garment::ALL[r.below(Garment::ALL.len())], colour: r.below(NAMED.len()) },
            glasses: r.chance(0.15).then(|| Glasses::sample(r)),
        }
    }
}

impl Pose {
    /// Turned somehow, in the middle.
    fn turned(r: &mut Rng) -> Self {
        Pose {
            yaw: r.near(0.0, 42.0),
            pitch: r.near(0.0, 20.0),
            roll: r.near(0.0, 16.0),
            gaze: [r.near(0.0, 0.7), r.near(0.0, 0.4)],
            ..Pose::default()
        }
    }
}

impl Glasses {
    fn sample(r: &mut Rng) -> Self {
        let colours = [[0.08, 0.08, 0.1], [0.35, 0.2, 0.1], [0.7, 0.55, 0.25], [0.55, 0.1, 0.12], [0.1, 0.2, 0.45]];
        Glasses {
            square: r.unit(),
            tall: r.range(0.65, 1.0),
            thick: r.range(0.020, 0.038),
            colour: colours[r.below(5)],
        }
    }
}
