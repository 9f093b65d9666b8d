//! What a picture shows, in words. Never who: no word of a caption says anything about an identity.

use crate::background::Background;
use crate::palette::NAMED;
use crate::rng::Rng;
use crate::scene::{Expression, Garment, Pose, Scene, Side};

/// The purpose of the random numbers of captions.
const PURPOSE: u64 = 0xca;

/// A picture whose style is not named.
const ANY_STYLE: &str = "picture";

/// Turned or tilted by fewer degrees than this, a head is held straight.
const STRAIGHT: f32 = 12.0;

/// The whole caption of a picture: style, people one after another, background, light.
pub fn caption(scene: &Scene) -> String {
    join(&clauses(scene))
}

/// The caption with clauses left out at random; the first one (style, and how many people) always stays, but may not name the style.
pub fn some_of_caption(scene: &Scene, seed: u64) -> String {
    let mut rng = Rng::new(seed, PURPOSE);
    let keep = if rng.chance(0.5) { 1.0 } else { 0.6 };
    let mut kept = clauses(scene);
    if rng.chance(0.1) {
        kept[0] = kept[0].replacen(scene.style.phrase(), ANY_STYLE, 1);
    }
    let mut is_first = true;
    kept.retain(|_| std::mem::take(&mut is_first) || rng.chance(keep));
    join(&kept)
}

/// Every word that captions have, in order.
pub fn words() -> Vec<&'static str> {
    let mut words = vec![ANY_STYLE, "a", "an", "of", "person", "two", "people", "wearing", "and", "glasses", "plain"];
    let phrases = crate::style::Style::ALL.iter().map(|style| style.phrase());
    let places = Background::ALL.iter().map(|background| place(*background));
    let garments = Garment::ALL.iter().map(|garment| noun(*garment));
    let lights = [
        "lit from the front",
        "lit from the left",
        "lit from the right",
        "lit from behind",
        "warm light",
        "cold light",
    ];
    let poses = ["looking left", "looking right", "looking up", "looking down", "facing the camera", "head tilted"];
    for phrase in phrases.chain(places).chain(garments).chain(lights).chain(poses) {
        words.extend(phrase.split(' '));
    }
    words.extend(Expression::NAMES);
    words.extend(NAMED.map(|(name, _)| name));
    words.sort_unstable();
    words.dedup();
    words
}

fn join(clauses: &[String]) -> String {
    clauses.join(", ")
}

fn clauses(scene: &Scene) -> Vec<String> {
    let who = if scene.people.len() == 1 { "a person" } else { "two people" };
    let mut clauses = vec![format!("a {} of {who}", scene.style.phrase())];
    for person in &scene.people {
        clauses.push(Expression::NAMES[person.expression.name].into());
        clauses.extend(pose(&person.pose).map(String::from));
        let colour = NAMED[person.clothes.colour].0;
        let glasses = if person.glasses.is_some() { " and glasses" } else { "" };
        let article = if colour == "orange" { "an" } else { "a" };
        clauses.push(format!("wearing {article} {colour} {}{glasses}", noun(person.clothes.garment)));
    }
    clauses.push(match scene.background {
        Background::Plain(colour) => format!("plain {} {}", NAMED[colour].0, place(scene.background)),
        other => place(other).into(),
    });
    clauses.push(match scene.light.side {
        Side::Front => "lit from the front".into(),
        Side::Left => "lit from the left".into(),
        Side::Right => "lit from the right".into(),
        Side::Back => "lit from behind".into(),
    });
    if scene.light.warm.abs() > 0.4 {
        clauses.push(if scene.light.warm > 0.0 { "warm light" } else { "cold light" }.into());
    }
    clauses
}

fn noun(garment: Garment) -> &'static str {
    match garment {
        Garment::Shirt => "shirt",
        Garment::StripedShirt => "striped shirt",
        Garment::Turtleneck => "turtleneck",
        Garment::Jacket => "jacket",
    }
}

/// Where somebody is; of a plain background, what it is called behind its colour.
fn place(background: Background) -> &'static str {
    match background {
        Background::Plain(_) => "background",
        Background::Forest => "in a forest",
        Background::Beach => "on a beach",
        Background::City => "in a city at night",
        Background::Mountains => "in the mountains",
        Background::Sunset => "at sunset",
        Background::Snow => "in the snow",
        Background::Meadow => "in a meadow",
        Background::Library => "in a library",
    }
}

fn pose(pose: &Pose) -> impl Iterator<Item = &'static str> {
    let side = match pose.yaw {
        yaw if yaw > STRAIGHT => "looking right",
        yaw if yaw < -STRAIGHT => "looking left",
        _ => "facing the camera",
    };
    let height = match pose.pitch {
        pitch if pitch > 8.0 => Some("looking up"),
        pitch if pitch < -8.0 => Some("looking down"),
        _ => None,
    };
    let tilt = (pose.roll.abs() > 8.0).then_some("head tilted");
    [Some(side), height, tilt].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;

    #[test]
    fn captions_use_known_words_only() {
        let known = words();
        for seed in 0..300 {
            let people: Vec<Identity> = (0..1 + seed % 2).map(Identity::new).collect();
            let scene = Scene::sample(&people, seed);
            let caption = caption(&scene);
            for word in caption.replace(',', "").split(' ') {
                assert!(known.contains(&word), "{word} of {caption}");
            }
            let some = some_of_caption(&scene, seed);
            let first = |text: &str| text.split(',').next().unwrap_or_default().to_owned();
            let nameless = first(&caption).replace(scene.style.phrase(), ANY_STYLE);
            assert!([first(&caption), nameless].contains(&first(&some)), "{some}");
            assert!(some.split(", ").skip(1).all(|clause| caption.contains(clause)), "{some}");
        }
    }

    #[test]
    fn captions_say_nothing_of_identities() {
        let scene = |seed| caption(&Scene::sample(&[Identity::new(seed)], 5));
        assert_eq!(scene(1), scene(2));
    }
}
