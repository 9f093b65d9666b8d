//! How the two weights act: the Image Adapter's (likeness) and IdentityNet's (pose).

use super::findings::{As, Bar, Findings, Table, of_each, or, spread};
use super::lab::{Lab, Shipped, shipped};
use super::sheet::Sheet;
use super::statistics::{Rise, share};
use crate::cli::exit::Stop;
use mini_world::caption::caption;
use mini_world::style::Style;

pub const GRAPH: Shipped = shipped!("weight-grid.ron");

/// Both weights take these values, as the graph makes them of `count` and `most`.
const WEIGHTS: [f64; 4] = [0.0, 0.4, 0.8, 1.2];

pub fn run(lab: &Lab) -> Result<(Findings, Sheet), Stop> {
    let mut sheet = Sheet::default();
    let rows = lab.each("weight grid", |person| {
        let set = [
            format!("face={}", person.somebody.path.display()),
            format!("prompt={}", caption(&lab.asked(person, Style::Photo))),
            format!("count={}", WEIGHTS.len()),
            format!("most={}", WEIGHTS[WEIGHTS.len() - 1]),
            lab.noise(person),
        ];
        let pictures = lab.pictures(GRAPH, &set, WEIGHTS.len() * WEIGHTS.len())?;
        let cosine = |picture| Ok(lab.largest(picture)?.map(|seen| seen.cosine(person.seen)));
        let cosines = pictures.iter().map(cosine).collect::<Result<Vec<Option<f64>>, Stop>>()?;
        if sheet.is_empty() {
            pictures.chunks(WEIGHTS.len()).for_each(|row| sheet.add(row.iter().cloned().map(Some)));
        }
        Ok(Some(cosines))
    })?;
    // Likeness changes slowest.
    let cosines = |likeness: usize, pose: usize| of_each(&rows, |row| row[likeness * WEIGHTS.len() + pose]);
    // A face that was not found is nobody's.
    let at = |likeness: usize, pose: usize| or(&cosines(likeness, pose), 0.0);
    let every = 0..WEIGHTS.len();
    let mut findings = Findings::default();
    let mut table = Table::new([String::new()].into_iter().chain(WEIGHTS.map(|pose| format!("pose {pose:.1}"))));
    for likeness in every.clone() {
        table.add(&format!("likeness {:.1}", WEIGHTS[likeness]), every.clone().map(|pose| spread(&at(likeness, pose))));
    }
    let mut rises = Table::new(["the other weight", "likeness grows", "pose grows"]);
    let mut all = Vec::new();
    for other in every.clone() {
        let likeness: Vec<_> = every.clone().map(|likeness| at(likeness, other)).collect();
        let pose: Vec<_> = every.clone().map(|pose| at(other, pose)).collect();
        let lines = [Rise::of(&likeness), Rise::of(&pose)];
        rises.add(&format!("{:.1}", WEIGHTS[other]), lines.map(in_words));
        all.extend(lines);
    }
    let monotone = share(all.iter().map(|rise| rise.is_some_and(|rise| rise.is_monotone)));
    findings.bars = vec![Bar::at_least("lines of the grid that rise up to saturation", monotone, 1.0, As::Percent)];
    findings.tables = vec![table, rises];
    findings.remarks = vec![
        "A line is saturated from the first weight on whose mean lies below the line's highest by no more than the standard error of the \
         difference, everybody compared to themselves. Up to there each step must rise; a line that is level from the beginning does not \
         rise. A face that was not found counts as 0."
            .to_owned(),
    ];
    for likeness in every.clone() {
        for pose in every.clone() {
            let name = format!("likeness {:.1}, pose {:.1}", WEIGHTS[likeness], WEIGHTS[pose]);
            findings.values.insert(name, cosines(likeness, pose));
        }
    }
    findings.sheet = Some("The first person: likeness grows downwards, pose to the right.".to_owned());
    Ok((findings, sheet))
}

fn in_words(rise: Option<Rise>) -> String {
    let Some(rise) = rise else { return "-".to_owned() };
    let top = WEIGHTS[rise.saturated];
    let first = match (rise.is_monotone, rise.saturated) {
        (true, _) => format!("rises up to {top:.1}"),
        (false, 0) => "is level from the beginning".to_owned(),
        (false, _) => format!("does not rise with every step up to {top:.1}"),
    };
    if rise.falls_again { format!("{first}, then falls") } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_in_words() {
        let rise = Rise { saturated: 2, is_monotone: true, falls_again: false };
        assert_eq!(in_words(Some(rise)), "rises up to 0.8");
        assert_eq!(in_words(Some(Rise { falls_again: true, ..rise })), "rises up to 0.8, then falls");
        let level = Rise { saturated: 0, is_monotone: false, falls_again: false };
        assert_eq!(in_words(Some(level)), "is level from the beginning");
        assert_eq!(in_words(None), "-");
    }
}
