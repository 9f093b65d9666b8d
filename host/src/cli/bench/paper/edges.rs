//! Whether another ControlNet beside IdentityNet does its work, and leaves the person alone.

use super::findings::{As, Findings, Table, known, of_each, shown, spread};
use super::lab::{Known, Lab, Shipped, Trouble, draw, shipped, with};
use super::sheet::{Sheet, Strip};
use super::statistics::mean;
use crate::cli::exit::{Exit, OrStop, Stop};
use mini_world::caption::caption;
use selfsame_nodes::control::canny::{Aperture, edges};
use selfsame_nodes::image::bytes::Bytes;

pub const GRAPH: Shipped = shipped!("instantid-canny.ron");

/// Canny's thresholds, as the graph has them.
const THRESHOLDS: [f64; 2] = [100.0, 200.0];

/// How many pixels an edge may be off.
const NEAR: i64 = 1;

/// What is compared, with the arguments that make it.
const WAYS: [(&str, &[&str]); 2] = [("with edges", &[]), ("without", &["edges=0"])];

/// Of one way: the share of edges that are there, and how similar the person is to the photograph.
#[derive(Clone, Copy)]
struct Kept {
    edges: Option<f64>,
    cosine: Option<f64>,
}

pub fn run(lab: &Lab) -> Result<(Findings, Sheet), Stop> {
    let (rows, sheet) = lab.each_shown("edges", |person| one(lab, person))?;
    let mut table = Table::new(["", "edges kept", "cosine to the photograph", "no face found"]);
    let mut findings = Findings::default();
    for (way, (name, _)) in WAYS.into_iter().enumerate() {
        let (kept, cosines) = (of_each(&rows, |row| row[way].edges), of_each(&rows, |row| row[way].cosine));
        let found = known(&cosines);
        let missing = cosines.len() - found.len();
        table.add(name, [shown(mean(&known(&kept)), As::Percent), spread(&found), missing.to_string()]);
        findings.values.extend([(format!("{name}, edges"), kept), (format!("{name}, cosine"), cosines)]);
    }
    findings.tables.push(table);
    findings.remarks.push(
        "The edges are those of another person's photograph, whose pose is taken too. One is kept where the new picture has an edge no \
         further than a pixel away. They show another face, so that both cannot be had whole."
            .to_owned(),
    );
    findings.sheet =
        Some("From left to right: the photograph; the picture whose edges are taken; with edges; without.".to_owned());
    Ok((findings, sheet))
}

/// What is painted for somebody, and what was kept in each picture that was made.
type Painted = (Strip, Vec<Kept>);

/// Photograph, composition and what was made of them; none if there is nobody else, or no face in the
/// composition.
fn one(lab: &Lab, person: Known) -> Result<Option<Painted>, Trouble> {
    let Some(other) = lab.next(person) else { return Ok(None) };
    let scene = lab.scenes.clear(person.somebody.index, other.somebody.identity, 4);
    let composition = draw(&scene)?;
    if lab.faces(&composition)?.is_empty() {
        return Ok(None);
    }
    let common = [
        format!("face={}", person.somebody.path.display()),
        format!("picture={}", lab.keep(&composition)?.display()),
        format!("prompt={}", caption(&scene)),
        lab.noise(person),
    ];
    let (mut pictures, mut kept) = (vec![Some(person.somebody.photo.clone()), Some(composition.clone())], Vec::new());
    for (_, way) in WAYS {
        let picture = lab.picture(GRAPH, &with(&common, way))?;
        let cosine = lab.largest(&picture)?.map(|seen| seen.cosine(person.seen));
        let [given, there] = [&composition, &picture].map(|picture| edges(picture, THRESHOLDS, false, Aperture::Three));
        let edges = share_of(&given.or_stop(Exit::NodeFailed)?, &there.or_stop(Exit::NodeFailed)?);
        kept.push(Kept { edges, cosine });
        pictures.push(Some(picture));
    }
    Ok(Some((pictures, kept)))
}

/// The share of the edges of one picture that are near one of the other; none if there are none.
fn share_of(given: &Bytes, there: &Bytes) -> Option<f64> {
    let [width, height] = given.size().map(|side| side as i64);
    let is_edge = |picture: &Bytes, x: i64, y: i64| picture.pixel(x, y).is_some_and(|pixel| pixel[0] > 0);
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).filter(|(x, y)| is_edge(given, *x, *y));
    let is_kept =
        |(x, y): (i64, i64)| (y - NEAR..=y + NEAR).any(|y| (x - NEAR..=x + NEAR).any(|x| is_edge(there, x, y)));
    super::statistics::share(places.map(is_kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_may_be_off_by_a_pixel() {
        let line = |column: usize| {
            let data = (0..36).map(|i| if i % 6 == column { 255 } else { 0 }).collect();
            Bytes::new([6, 6], 1, data).unwrap()
        };
        let shares = [1, 2, 3].map(|column| share_of(&line(1), &line(column)));
        assert_eq!(shares, [Some(1.0), Some(1.0), Some(0.0)]);
        assert_eq!(share_of(&Bytes::black([6, 6], 1).unwrap(), &line(1)), None);
    }
}
