//! Whether one person becomes another one evenly.

use super::findings::{As, Bar, Findings, Table, of_each, spread};
use super::lab::{Known, Lab, Shipped, Trouble, shipped};
use super::sheet::{Sheet, Strip};
use super::statistics::{crossings, mean, share};
use crate::cli::exit::Stop;
use mini_world::caption::caption;
use mini_world::style::Style;

pub const GRAPH: Shipped = shipped!("interpolation.ron");

/// Pictures from one person to the other, both ends included.
const COUNT: usize = 9;

/// For each picture of a way, the cosines to the photographs of the person it begins and of the one it ends with; none where no face was
/// found.
type Curves = Vec<Option<[f64; 2]>>;

pub fn run(lab: &Lab) -> Result<(Findings, Sheet), Stop> {
    let (ways, sheet) = lab.each_shown("interpolation", |person| one(lab, person))?;
    let at = |place: usize, end: usize| -> Vec<f64> {
        ways.iter().flatten().filter_map(|way| Some(way[place]?[end])).collect()
    };

    let mut findings = Findings::default();
    let mut table = Table::new(["way", "cosine to the first person", "cosine to the second person", "no face found"]);
    for place in 0..COUNT {
        let missing = ways.iter().filter(|way| way.as_ref().is_none_or(|way| way[place].is_none())).count();
        let cells = [spread(&at(place, 0)), spread(&at(place, 1)), missing.to_string()];
        table.add(&format!("{:.3}", place as f64 / (COUNT - 1) as f64), cells);
    }
    let differences: Option<Vec<f64>> =
        (0..COUNT).map(|place| Some(mean(&at(place, 0))? - mean(&at(place, 1))?)).collect();
    let of_means = differences.map(|differences| crossings(&differences) as f64);
    let once = share(ways.iter().map(|way| way.as_ref().is_some_and(|way| crosses(way) == Some(1))));
    findings.bars = vec![
        Bar::exactly("crossings of the mean curves, from the first person to the second", of_means, 1.0, As::Count),
        Bar::at_least("pairs whose curves cross once, in this direction", once, 1.0, As::Percent),
    ];
    let crossed = of_each(&ways, |way| crosses(way).map(|count| count as f64));
    findings.values.insert("crossings".to_owned(), crossed);
    findings.tables.push(table);
    findings.sheet = Some("Each row: one person becomes another one.".to_owned());
    Ok((findings, sheet))
}

/// The pictures on the way from somebody to the next person, and what the judge says of them; none if there is nobody else.
fn one(lab: &Lab, person: Known) -> Result<Option<(Strip, Curves)>, Trouble> {
    let Some(other) = lab.next(person) else { return Ok(None) };
    let set = [
        format!("face={}", person.somebody.path.display()),
        format!("to={}", other.somebody.path.display()),
        format!("prompt={}", caption(&lab.asked(person, Style::Photo))),
        format!("count={COUNT}"),
        lab.noise(person),
    ];
    let pictures = lab.pictures(GRAPH, &set, COUNT)?;
    let look = |picture| Ok(lab.largest(picture)?.map(|seen| [person, other].map(|end| seen.cosine(end.seen))));
    let curves = pictures.iter().map(look).collect::<Result<Curves, Stop>>()?;
    Ok(Some((pictures.into_iter().map(Some).collect(), curves)))
}

/// How often the two curves cross, if they begin with the first person; none if a face was not found.
fn crosses(way: &Curves) -> Option<usize> {
    let differences: Option<Vec<f64>> = way.iter().map(|ends| ends.map(|[first, second]| first - second)).collect();
    differences.map(|differences| crossings(&differences))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_that_cross() {
        let way = |ends: &[[f64; 2]]| ends.iter().map(|ends| Some(*ends)).collect::<Curves>();
        assert_eq!(crosses(&way(&[[0.9, 0.1], [0.5, 0.4], [0.2, 0.8]])), Some(1));
        assert_eq!(crosses(&way(&[[0.9, 0.1], [0.4, 0.5], [0.6, 0.5], [0.2, 0.8]])), Some(3));
        assert_eq!(crosses(&way(&[[0.1, 0.9], [0.8, 0.2]])), Some(0));
        assert_eq!(crosses(&vec![Some([0.9, 0.1]), None]), None);
    }
}
