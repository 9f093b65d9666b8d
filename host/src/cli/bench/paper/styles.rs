//! Whether pictures of a person still are what the prompt says: style, expression, background.

use super::findings::{As, Bar, Findings, Table, known, of_each, shown, spread};
use super::judges::Opinion;
use super::lab::{Known, Lab, Shipped, Trouble, draw, shipped};
use super::sheet::Sheet;
use super::statistics::share;
use crate::cli::exit::Stop;
use mini_world::caption::caption;
use mini_world::scene::Scene;
use mini_world::style::Style;
use selfsame_nodes::image::bytes::Bytes;

pub const GRAPH: Shipped = shipped!("styles.ron");

/// How much of the base's accuracy must be left.
const BAR: f64 = 0.9;

/// Who draws: the base alone, the base with InstantID, the world.
const DRAWN: [&str; 3] = ["the base", "with InstantID", "drawn by the world"];

/// What the critic is right about, in one picture.
#[derive(Clone, Copy)]
struct Right {
    style: bool,
    expression: bool,
    background: bool,
}

impl Right {
    const NONE: Right = Right { style: false, expression: false, background: false };
}

/// Looks at one clause of the prompt.
type Clause = fn(Right) -> bool;

/// Of one person, for each style: what is right in each drawing, and how similar the one with InstantID is to the photograph.
struct Row {
    right: Vec<[Right; 3]>,
    cosine: Vec<Option<f64>>,
}

pub fn run(lab: &Lab) -> Result<(Findings, Sheet), Stop> {
    let (rows, sheet) = lab.each_shown("styles", |person| {
        let (pictures, row) = one(lab, person)?;
        Ok(Some((std::iter::once(person.somebody.photo.clone()).chain(pictures).map(Some), row)))
    })?;
    // Who shows no face in the photograph counts as failed: nothing was drawn.
    let rights = |style: usize, drawn: usize| {
        rows.iter().map(move |row| row.as_ref().map_or(Right::NONE, |row| row.right[style][drawn]))
    };
    let styles = 0..Style::ALL.len();
    let all = |drawn: usize| styles.clone().flat_map(move |style| rights(style, drawn));

    let mut findings = Findings::default();
    let mut by_style =
        Table::new(["style"].into_iter().chain(DRAWN).chain(["cosine to the photograph", "no face found"]));
    for style in styles.clone() {
        let cosines = of_each(&rows, |row| row.cosine[style]);
        let found = known(&cosines);
        let accuracy = (0..3).map(|drawn| shown(share(rights(style, drawn).map(|right| right.style)), As::Percent));
        let name = Style::ALL[style].phrase();
        by_style.add(name, accuracy.chain([spread(&found), (cosines.len() - found.len()).to_string()]));
        findings.values.insert(format!("cosine, {name}"), cosines);
    }
    let mut by_clause = Table::new(["right, of all styles"].into_iter().chain(DRAWN).chain(["share of the base's"]));
    let clauses: [(&str, Clause); 3] = [
        ("style", |right| right.style),
        ("expression", |right| right.expression),
        ("background", |right| right.background),
    ];
    for (name, clause) in clauses {
        let accuracy = [0, 1, 2].map(|drawn| share(all(drawn).map(clause)));
        let kept = of_the_base(accuracy[1], accuracy[0]);
        by_clause.add(name, accuracy.into_iter().chain([kept]).map(|value| shown(value, As::Percent)));
        if name == "style" {
            let bar = |value| Bar::at_least("style accuracy with InstantID, of the base's", value, BAR, As::Percent);
            findings.bars.push(bar(kept).below(bar(accuracy[2])));
        }
    }
    findings.tables = vec![by_style, by_clause];
    findings.sheet = Some("From left to right: the photograph, and the person in all styles.".to_owned());
    Ok((findings, sheet))
}

/// One accuracy as a share of another one.
fn of_the_base(accuracy: Option<f64>, base: Option<f64>) -> Option<f64> {
    accuracy.zip(base.filter(|base| *base > 0.0)).map(|(accuracy, base)| accuracy / base)
}

/// The pictures of all styles with InstantID, and what is right in them.
fn one(lab: &Lab, person: Known) -> Result<(Vec<Bytes>, Row), Trouble> {
    let scenes = Style::ALL.map(|style| lab.asked(person, style));
    let [photo, ..] = &scenes;
    let set = [
        format!("face={}", person.somebody.path.display()),
        format!("styles={}", Style::ALL.map(Style::phrase).join("\n")),
        format!("subject={}", subject(photo)),
        lab.noise(person),
    ];
    let with = lab.pictures(GRAPH, &set, scenes.len())?;
    let base = lab.pictures(GRAPH, &super::lab::with(&set, &["likeness=0", "pose=0"]), scenes.len())?;
    let (mut right, mut cosine) = (Vec::new(), Vec::new());
    for ((scene, base), with) in scenes.iter().zip(&base).zip(&with) {
        let truth = Opinion::of(scene);
        let look = |picture: &Bytes| -> Result<Right, Stop> { Ok(compare(lab.critic.look(picture)?, truth)) };
        right.push([look(base)?, look(with)?, look(&draw(scene)?)?]);
        cosine.push(lab.largest(with)?.map(|seen| seen.cosine(person.seen)));
    }
    Ok((with, Row { right, cosine }))
}

fn compare(opinion: Opinion, truth: Opinion) -> Right {
    Right {
        style: opinion.style == truth.style,
        expression: opinion.expression == truth.expression,
        background: opinion.background == truth.background,
    }
}

/// The words of a caption of one person behind the style: `a person, smiling, on a beach`. The graph puts `a watercolour painting of` before
/// them.
fn subject(scene: &Scene) -> String {
    let caption = caption(scene);
    let style = format!("a {} of ", scene.style.phrase());
    caption.strip_prefix(&style).unwrap_or(&caption).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mini_world::identity::Identity;

    #[test]
    fn prompts_are_captions() {
        let scenes = [Style::Photo, Style::Pencil].map(|style| Scene::plain(Identity::new(1), style));
        let [photo, pencil] = scenes.each_ref().map(subject);
        assert!(photo == pencil && photo.starts_with("a person, calm, "), "{photo}");
        assert_eq!(format!("a pencil drawing of {pencil}"), caption(&scenes[1]));
    }

    #[test]
    fn accuracy_is_compared_to_the_base() {
        assert_eq!(of_the_base(Some(0.45), Some(0.5)), Some(0.9));
        assert_eq!((of_the_base(Some(0.5), Some(0.0)), of_the_base(None, Some(0.5))), (None, None));
        let truth = Opinion { style: 1, expression: 2, background: 3 };
        let right = compare(Opinion { expression: 0, ..truth }, truth);
        assert!(right.style && !right.expression && right.background);
    }
}
