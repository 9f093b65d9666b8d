//! Whether several photographs of a person are better than one.

use super::findings::{Findings, Table, known, of_each, spread};
use super::lab::{Known, Lab, Shipped, Trouble, draw, shipped};
use super::people::with_pose;
use super::sheet::{Sheet, Strip};
use crate::cli::exit::Stop;
use mini_world::caption::caption;
use mini_world::scene::Scene;
use mini_world::style::Style;

pub const GRAPH: Shipped = shipped!("multi-reference.ron");

/// The most photographs.
const MOST: usize = 5;

pub fn run(lab: &Lab) -> Result<(Findings, Sheet), Stop> {
    let (rows, sheet) = lab.each_shown("one to five photographs", |person| {
        let (pictures, cosines) = one(lab, person)?;
        Ok(Some((std::iter::once(Some(person.somebody.photo.clone())).chain(pictures), cosines)))
    })?;
    let with = |count: usize| of_each(&rows, |row| row[count]);
    let first = with(0);
    let mut table = Table::new(["photographs", "cosine to another photograph", "more than with one", "no face found"]);
    let mut findings = Findings::default();
    for count in 0..MOST {
        let cosines = with(count);
        let more: Vec<f64> = cosines.iter().zip(&first).filter_map(|(many, one)| Some((*many)? - (*one)?)).collect();
        let found = known(&cosines);
        let cells = [spread(&found), spread(&more), (cosines.len() - found.len()).to_string()];
        table.add(&(count + 1).to_string(), cells);
        findings.values.insert(format!("{} photographs", count + 1), cosines);
    }
    findings.tables.push(table);
    findings.remarks.push(
        "The photographs are taken in any pose and light, with glasses or without. The judge compares each picture to yet another \
         photograph, which InstantID is not given."
            .to_owned(),
    );
    findings.sheet = Some(
        "From left to right: the photograph that is compared to; pictures made of one to five other photographs."
            .to_owned(),
    );
    Ok((findings, sheet))
}

/// Pictures made of one photograph, of two and so on, with their cosines; none where no photograph has a face, or the picture has none.
type Painted = (Strip, Vec<Option<f64>>);

/// The pictures that are made of one photograph, of two and so on, and how similar they are to the one that is not among them.
fn one(lab: &Lab, person: Known) -> Result<Painted, Trouble> {
    let folder = lab.folder()?;
    let (mut pictures, mut cosines, mut prompt) = (Vec::new(), Vec::new(), None);
    for number in 0..MOST {
        let any = lab.scenes.any(person.somebody.index, person.somebody.identity, 10 + number as u64);
        let scene = Scene { style: Style::Photo, ..any };
        let photo = draw(&scene)?;
        lab.keep_as(&photo, &folder.path().join(format!("{number}.png")))?;
        // The graph leaves out photographs without a face, and holds the head as it is in the first one.
        if prompt.is_none() && !lab.faces(&photo)?.is_empty() {
            prompt = Some(caption(&with_pose(lab.asked(person, Style::Photo), scene.people[0].pose)));
        }
        let Some(prompt) = &prompt else {
            pictures.push(None);
            cosines.push(None);
            continue;
        };
        let set = [
            format!("folder={}", folder.path().display()),
            format!("prompt={prompt}"),
            // All of them are of this person: none is left out.
            "least_similarity=-1".to_owned(),
            lab.noise(person),
        ];
        let picture = lab.picture(GRAPH, &set)?;
        cosines.push(lab.largest(&picture)?.map(|seen| seen.cosine(person.seen)));
        pictures.push(Some(picture));
    }
    Ok((pictures, cosines))
}
