//! Whether a picture shows the person, and nobody else.

use super::findings::{As, Bar, Findings, Table, known, of_each, or, shown, spread};
use super::lab::{Known, Lab, Shipped, Trouble, draw, shipped, with};
use super::sheet::Sheet;
use super::statistics::{mean, quantile, share};
use crate::cli::exit::Stop;
use mini_world::caption::caption;
use mini_world::style::Style;
use selfsame_nodes::image::bytes::Bytes;

pub const GRAPH: Shipped = shipped!("instantid.ron");

/// How far somebody must be ahead of everybody else.
const MARGIN: f64 = 0.3;

/// What is compared, with the arguments that make it. With both weights 0 the base is left, to the bit.
const WAYS: [(&str, &[&str]); 4] = [
    ("InstantID", &[]),
    ("IdentityNet alone", &["likeness=0"]),
    ("Image Adapter alone", &["pose=0"]),
    ("without (the base)", &["likeness=0", "pose=0"]),
];

/// Not made by any network: another picture of the person, drawn by the world with everything that the prompt says.
const CEILING: &str = "drawn by the world";

/// A face against the photographs of all people.
#[derive(Clone, Copy)]
struct Score {
    own: f64,
    /// The most similar one of the others; none if there are no others.
    other: Option<f64>,
    /// All others, in the mean.
    others: Option<f64>,
}

impl Score {
    fn margin(&self) -> f64 {
        self.own - self.other.unwrap_or(0.0)
    }
}

pub fn run(lab: &Lab) -> Result<(Findings, Sheet), Stop> {
    let (rows, sheet) = lab.each_shown("people: with and without InstantID", |person| {
        let (pictures, scores) = one(lab, person)?;
        Ok(Some((std::iter::once(person.somebody.photo.clone()).chain(pictures).map(Some), scores)))
    })?;
    let names = WAYS.iter().map(|(name, _)| *name).chain([CEILING]);
    let all: Vec<(&str, Vec<Option<Score>>)> =
        names.enumerate().map(|(way, name)| (name, of_each(&rows, |row| row[way]))).collect();

    let mut findings = Findings { sheet: Some(sheet_text()), ..Findings::default() };
    let mut table = Table::new([
        "",
        "cosine to the photograph",
        "5 % lie below",
        "most similar other person",
        "0.3 ahead of all others",
        "ahead of all others",
        "no face found",
    ]);
    for (name, scores) in &all {
        let own = own(scores);
        let found = known(&own);
        let others: Vec<f64> = scores.iter().flatten().filter_map(|score| score.other).collect();
        let missing = own.len() - found.len();
        let cells = [
            spread(&found),
            shown(quantile(&found, 0.05), As::Number),
            shown(mean(&others), As::Number),
            shown(ahead(scores, MARGIN), As::Percent),
            shown(ahead(scores, 0.0), As::Percent),
            missing.to_string(),
        ];
        table.add(name, cells);
        findings.values.insert((*name).to_owned(), own);
    }
    let [with, _, _, without, world] = [0, 1, 2, 3, 4].map(|way| &all[way].1);
    // Somebody else, for the judge, is as far from a person as a picture without InstantID should be.
    let others: Vec<f64> = world.iter().flatten().filter_map(|score| score.others).collect();
    let own_cosine = |scores: &[Option<Score>]| {
        Bar::at_least("identity cosine with InstantID", mean(&or(&own(scores), 0.0)), 0.6, As::Number)
    };
    let wrong_cosine = |cosines: &[f64]| Bar::at_most("identity cosine without", mean(cosines), 0.2, As::Number);
    let are_ahead = |scores: &[Option<Score>]| {
        Bar::at_least("people 0.3 ahead of the best wrong identity", ahead(scores, MARGIN), 0.95, As::Percent)
    };
    findings.bars = vec![
        own_cosine(with).below(own_cosine(world)),
        wrong_cosine(&known(&own(without))).below(wrong_cosine(&others)),
        are_ahead(with).below(are_ahead(world)),
    ];
    findings.tables.push(table);
    Ok((findings, sheet))
}

/// The pictures of each way and the world's, and what the judge says of them.
fn one(lab: &Lab, person: Known) -> Result<(Vec<Bytes>, Vec<Option<Score>>), Trouble> {
    let asked = lab.asked(person, Style::Photo);
    let common =
        [format!("face={}", person.somebody.path.display()), format!("prompt={}", caption(&asked)), lab.noise(person)];
    let mut pictures = Vec::new();
    for (_, way) in WAYS {
        pictures.push(lab.picture(GRAPH, &with(&common, way))?);
    }
    pictures.push(draw(&asked)?);
    let scores = pictures.iter().map(|picture| score(lab, person, picture)).collect::<Result<_, Stop>>()?;
    Ok((pictures, scores))
}

fn score(lab: &Lab, person: Known, picture: &Bytes) -> Result<Option<Score>, Stop> {
    let Some(seen) = lab.largest(picture)? else { return Ok(None) };
    let others = lab.known().filter(|other| other.somebody.index != person.somebody.index);
    let others: Vec<f64> = others.map(|other| seen.cosine(other.seen)).collect();
    let other = others.iter().copied().max_by(f64::total_cmp);
    Ok(Some(Score { own: seen.cosine(person.seen), other, others: mean(&others) }))
}

fn own(scores: &[Option<Score>]) -> Vec<Option<f64>> {
    scores.iter().map(|score| score.map(|score| score.own)).collect()
}

/// The share of people who are ahead by so much; a face that was not found is not.
fn ahead(scores: &[Option<Score>], margin: f64) -> Option<f64> {
    share(scores.iter().map(|score| score.is_some_and(|score| score.margin() >= margin)))
}

fn sheet_text() -> String {
    let ways: Vec<&str> = WAYS.iter().map(|(name, _)| *name).collect();
    format!("From left to right: the photograph; {}; {CEILING}.", ways.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn being_ahead_of_everybody_else() {
        let score = |own, other| Some(Score { own, other: Some(other), others: None });
        let scores = [score(0.9, 0.5), score(0.6, 0.5), score(0.4, 0.5), None];
        assert_eq!(ahead(&scores, MARGIN), Some(0.25));
        assert_eq!(ahead(&scores, 0.0), Some(0.5));
        // Nobody else is there: the cosine itself counts.
        assert_eq!(ahead(&[Some(Score { own: 0.4, other: None, others: None })], MARGIN), Some(1.0));
        assert_eq!(own(&scores), [Some(0.9), Some(0.6), Some(0.4), None]);
        assert_eq!(ahead(&[], MARGIN), None);
    }
}
