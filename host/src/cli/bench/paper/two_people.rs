//! Whether two people in one picture stay two people.

use super::findings::{As, Bar, Findings, Table, shown, spread};
use super::judges::SIDE;
use super::lab::{Known, Lab, Shipped, Trouble, draw, shipped};
use super::sheet::{Sheet, Strip};
use super::statistics::share;
use crate::cli::exit::Stop;
use mini_world::caption::caption;
use mini_world::scene::Pose;
use mini_world::style::Style;
use selfsame_nodes::image::bytes::Bytes;
use selfsame_nodes::wires::Face;

pub const GRAPH: Shipped = shipped!("two-identities.ron");

/// How often a region must be closest to its own person.
const BAR: f64 = 0.9;

/// How far the graph turns each of the two towards the other, in degrees.
const TURN: f32 = 15.0;

/// A region's face, against the photographs of the two people.
#[derive(Clone, Copy)]
struct Region {
    own: f64,
    other: f64,
}

/// The left region and the right one; none where there is no face.
type Regions = [Option<Region>; 2];

/// What is behind the name of a region that no network has painted: the world draws the same two people as the prompt says.
const CEILING: &str = ", drawn by the world";

pub fn run(lab: &Lab) -> Result<(Findings, Sheet), Stop> {
    let (rows, sheet) = lab.each_shown("two people", |person| one(lab, person))?;
    let pairs = |drawn: usize| -> Vec<Regions> {
        rows.iter().map(|row| row.map(|row| row[drawn]).unwrap_or_default()).collect()
    };
    let (painted, world) = (pairs(0), pairs(1));
    let mut table = Table::new([
        "region",
        "closest to the left person",
        "closest to the right person",
        "no face found",
        "cosine to its own person",
        "to the other one",
    ]);
    let mut findings = Findings::default();
    for (pairs, drawn) in [(&painted, ""), (&world, CEILING)] {
        for (side, name) in ["left", "right"].into_iter().enumerate() {
            let regions: Vec<Option<Region>> = pairs.iter().map(|pair| pair[side]).collect();
            let name = format!("{name}{drawn}");
            table.add(&name, cells(&regions, side));
            let own = regions.iter().map(|region| region.map(|region| region.own)).collect();
            let other = regions.iter().map(|region| region.map(|region| region.other)).collect();
            findings.values.extend([(format!("{name}: own"), own), (format!("{name}: other"), other)]);
        }
    }
    let right = |pairs: &[Regions]| {
        let right = share(pairs.iter().flatten().map(is_own));
        Bar::at_least("regions closest to their own person", right, BAR, As::Percent)
    };
    let both = share(painted.iter().map(|pair| pair.iter().all(is_own)));
    findings.bars = vec![right(&painted).below(right(&world))];
    findings.tables = vec![table];
    findings.remarks = vec![format!("In {} of the pictures both regions are.", shown(both, As::Percent))];
    findings.sheet = Some(
        "From left to right: the photographs of the two people; one picture of both; the same drawn by the world."
            .to_owned(),
    );
    Ok((findings, sheet))
}

/// What is told of one side.
fn cells(regions: &[Option<Region>], side: usize) -> Vec<String> {
    let own = share(regions.iter().map(is_own));
    let other = share(regions.iter().map(|region| region.is_some_and(|region| region.own <= region.other)));
    let missing = share(regions.iter().map(Option::is_none));
    let closest = if side == 0 { [own, other] } else { [other, own] };
    let found = || regions.iter().flatten();
    let cosines: [Vec<f64>; 2] =
        [found().map(|region| region.own).collect(), found().map(|region| region.other).collect()];
    let shares = closest.into_iter().chain([missing]).map(|value| shown(value, As::Percent));
    shares.chain(cosines.iter().map(|cosines| spread(cosines))).collect()
}

/// Both photographs, the picture of somebody with the next person and the world's, and what the judge says of these two; none if there is
/// nobody else.
fn one(lab: &Lab, person: Known) -> Result<Option<(Strip, [Regions; 2])>, Trouble> {
    let Some(other) = lab.next(person) else { return Ok(None) };
    let people = [person, other];
    let mut asked = lab.scenes.couple(person.somebody.index, people.map(|known| known.somebody.identity), 3);
    asked.style = Style::Photo;
    for ((shown, known), turn) in asked.people.iter_mut().zip(people).zip([TURN, -TURN]) {
        let Some(photo) = known.somebody.scene.people.first() else { continue };
        // Held as in the photograph, in the place that the scene has for it.
        let Pose { at, size, .. } = shown.pose;
        shown.pose = Pose { yaw: photo.pose.yaw + turn, at, size, ..photo.pose };
    }
    let set = [
        format!("left={}", person.somebody.path.display()),
        format!("right={}", other.somebody.path.display()),
        format!("prompt={}", caption(&asked)),
        lab.noise(person),
    ];
    let picture = lab.picture(GRAPH, &set)?;
    let world = draw(&asked)?;
    let regions = [look(lab, people, &picture)?, look(lab, people, &world)?];
    let photos = people.map(|known| known.somebody.photo.clone());
    Ok(Some((photos.into_iter().chain([picture, world]).map(Some).collect(), regions)))
}

/// What the judge says of the face on each side of a picture.
fn look(lab: &Lab, people: [Known; 2], picture: &Bytes) -> Result<Regions, Stop> {
    let faces = lab.faces(picture)?;
    let mut regions = Regions::default();
    for (side, region) in regions.iter_mut().enumerate() {
        // The largest comes first.
        let Some(face) = faces.iter().find(|face| side_of(face) == side) else { continue };
        let seen = lab.judged(picture, face.clone())?;
        *region = Some(Region { own: seen.cosine(people[side].seen), other: seen.cosine(people[1 - side].seen) });
    }
    Ok(regions)
}

fn is_own(region: &Option<Region>) -> bool {
    region.is_some_and(|region| region.own > region.other)
}

/// The half of the picture that a face is in: 0 is the left one.
fn side_of(face: &Face) -> usize {
    usize::from(face.bbox[0] + face.bbox[2] > SIDE as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_are_on_one_side() {
        let face = |left: f32| Face {
            picture: [SIDE; 2],
            bbox: [left, 10.0, left + 30.0, 50.0],
            kps: None,
            det_score: 1.0,
            embedding: None,
        };
        assert_eq!([20.0, 48.0, 50.0, 80.0].map(|left| side_of(&face(left))), [0, 0, 1, 1]);
    }
}
