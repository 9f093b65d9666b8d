//! Those who judge pictures: a recogniser that is not the one InstantID is given, and a critic of styles.

use crate::cli::exit::{Exit, OrStop, Stop};
use mini_world::background::Background;
use mini_world::scene::{Expression, Scene};
use mini_world::style::Style;
use selfsame_host::models::bundled_file;
use selfsame_nodes::face::recognise::{Preparation, embed, side};
use selfsame_nodes::face::warp::Rounding;
use selfsame_nodes::image::bytes::Bytes;
use selfsame_nodes::onnx::{Options, Session};
use selfsame_nodes::wires::{Face, similarity};
use selfsame_sdk::Tensor;
use std::path::{Path, PathBuf};

/// Pixels a side of the pictures that are judged: what Mini makes.
pub const SIDE: usize = 128;

/// Says who somebody is, without having had a say in how they were painted.
pub struct Judge(Session);

impl Judge {
    /// The one that comes with the program.
    pub const BUNDLED: &str = "judges/mini-judge.onnx";

    /// Opens a network of one's own, or the one that comes with the program.
    pub fn open(own: Option<&Path>) -> Result<Self, Stop> {
        let session = open(own, Self::BUNDLED, "--judge")?;
        if side(&session) != Some(112) {
            let message = format!(
                "{} is no recogniser: {}, expected f32 [N,3,112,112] and one output",
                name(&session),
                looks(&session)
            );
            return Err(Stop::new(Exit::Wrong, message));
        }
        Ok(Judge(session))
    }

    /// The embedding of a face in a picture, cut out by its key points as insightface does it.
    pub fn embed(&self, picture: &Bytes, face: &Face) -> Result<Vec<f32>, Stop> {
        embed(&self.0, picture, face, Rounding::Fine, Preparation::Arcface).or_stop(Exit::NodeFailed)
    }
}

/// A face in a picture.
#[derive(Clone)]
pub struct Seen {
    /// As the detector of the pack sees it.
    pub face: Face,
    /// Who it is, as the judge sees it.
    pub embedding: Vec<f32>,
}

impl Seen {
    /// How alike two faces are.
    pub fn cosine(&self, other: &Seen) -> f64 {
        similarity(&self.embedding, &other.embedding)
    }
}

/// Says what a picture shows besides who.
pub struct Critic(Session);

/// What can be said of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// The number of a style.
    pub style: usize,
    /// The place of an expression in [`Expression::NAMES`].
    pub expression: usize,
    /// The place of a background in [`Background::ALL`].
    pub background: usize,
}

impl Opinion {
    /// What is true of a scene of one person.
    pub fn of(scene: &Scene) -> Self {
        let is_same = |one: &Background| std::mem::discriminant(one) == std::mem::discriminant(&scene.background);
        Opinion {
            style: scene.style.number(),
            expression: scene.people.first().map_or(0, |person| person.expression.name),
            background: Background::ALL.iter().position(is_same).unwrap_or_default(),
        }
    }
}

impl Critic {
    /// The one that comes with the program.
    pub const BUNDLED: &str = "judges/mini-critic.onnx";

    /// What it gives, in this order: its outputs with how many there are to choose from.
    const OUTPUTS: [(&str, usize); 3] =
        [("style", Style::ALL.len()), ("expression", Expression::NAMES.len()), ("background", Background::ALL.len())];

    /// Opens a network of one's own, or the one that comes with the program.
    pub fn open(own: Option<&Path>) -> Result<Self, Stop> {
        let session = open(own, Self::BUNDLED, "--critic")?;
        let takes = session.inputs().iter().map(|port| port.dims.clone()).collect::<Vec<_>>();
        let is_picture =
            matches!(&takes[..], [dims] if dims.len() == 4 && dims[1..] == [Some(3), Some(SIDE), Some(SIDE)]);
        let gives = |name: &str| session.outputs().iter().any(|port| port.name == name);
        if !is_picture || !Self::OUTPUTS.iter().all(|(name, _)| gives(name)) {
            let message = format!(
                "{} is no critic: {}, expected f32 [N,3,{SIDE},{SIDE}] and the outputs style, expression, background",
                name(&session),
                looks(&session)
            );
            return Err(Stop::new(Exit::Wrong, message));
        }
        Ok(Critic(session))
    }

    /// What a picture of [`SIDE`] px shows.
    pub fn look(&self, picture: &Bytes) -> Result<Opinion, Stop> {
        let planes =
            |channel: usize| picture.data().iter().skip(channel).step_by(3).map(|x| f32::from(*x) / 127.5 - 1.0);
        let pixels: Vec<f32> = (0..3).flat_map(planes).collect();
        let input = Tensor::new([1, 3, SIDE, SIDE], pixels).or_stop(Exit::Wrong)?;
        let outputs = self.0.run(&[input]).or_stop(Exit::NodeFailed)?;
        let choose = |(name, count): (&str, usize)| {
            let port = self.0.outputs().iter().position(|port| port.name == name);
            let scores = port.and_then(|port| outputs.get(port)).map(Tensor::data).unwrap_or_default();
            if scores.len() != count {
                let message =
                    format!("{}: expected {count} numbers for {name}, got {}", self::name(&self.0), scores.len());
                return Err(Stop::new(Exit::Wrong, message));
            }
            Ok(greatest(scores))
        };
        let [style, expression, background] = Self::OUTPUTS;
        Ok(Opinion { style: choose(style)?, expression: choose(expression)?, background: choose(background)? })
    }
}

/// The place of the greatest number; 0 if there is none.
fn greatest(numbers: &[f32]) -> usize {
    (0..numbers.len()).max_by(|a, b| numbers[*a].total_cmp(&numbers[*b])).unwrap_or_default()
}

fn open(own: Option<&Path>, bundled: &str, flag: &str) -> Result<Session, Stop> {
    let options = Options::default();
    match (own, bundled_file(bundled)) {
        (Some(path), _) => Session::load(path, options).or_stop(Exit::Wrong),
        (None, Some(bytes)) => Session::from_bytes(&PathBuf::from(bundled), bytes, options).or_stop(Exit::Wrong),
        (None, None) => {
            Err(Stop::new(Exit::Wrong, format!("{bundled} is not part of this program: name a file with {flag}")))
        }
    }
}

fn name(session: &Session) -> String {
    session.path().display().to_string()
}

fn looks(session: &Session) -> String {
    let inputs: Vec<String> = session.inputs().iter().map(ToString::to_string).collect();
    format!("it takes {} and gives {} outputs", inputs.join(" and "), session.outputs().len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mini_world::identity::Identity;

    #[test]
    fn what_is_true_of_a_scene() {
        let mut scene = Scene::plain(Identity::new(1), Style::Neon);
        let plain = Opinion { style: 3, expression: 0, background: 0 };
        assert_eq!(Opinion::of(&scene), plain);
        scene.background = Background::Beach;
        assert_eq!(Opinion::of(&scene), Opinion { background: 2, ..plain });
    }

    #[test]
    fn the_greatest_number_counts() {
        assert_eq!((greatest(&[0.1, 3.0, -5.0]), greatest(&[])), (1, 0));
    }
}
