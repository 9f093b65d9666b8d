//! Whether a face goes where it is told to.

use super::findings::{As, Bar, Findings, Table, known, of_each, or, shown, spread};
use super::judges::SIDE;
use super::lab::{Known, Lab, Shipped, Trouble, draw, shipped, there_are, values, with};
use super::people::{with_pose, without_pose};
use super::sheet::{Sheet, Strip};
use super::statistics::{mean, quantile, share};
use crate::cli::exit::Stop;
use mini_world::caption::caption;
use mini_world::render::render;
use mini_world::scene::Scene;
use mini_world::style::Style;
use selfsame_nodes::image::bytes::Bytes;
use selfsame_nodes::wires::{Face, Keypoints};
use std::sync::Arc;

/// Takes the pose of another picture; without its edges it is InstantID alone.
pub const GRAPH: Shipped = shipped!("instantid-canny.ron");
/// Turns the photograph's own key points.
pub const TURNED: Shipped = shipped!("novel-view.ron");

/// How far the views of [`TURNED`] look to the side, in degrees.
const TURNS: [i32; 3] = [-25, 0, 25];

/// The share of the face's width that key points may be off.
const BAR: f64 = 0.05;

/// Key points, x and y.
type Points = [[f64; 2]; 5];

/// A picture in which a face shall be as it is there.
struct Target {
    /// The points that are asked for: those that the detector sees.
    asked: Points,
    /// Where they really are; not known of points that were turned.
    truth: Option<Points>,
    /// Of the face's box, in pixels.
    width: f64,
}

/// How far a face is from where it was told to be, as a share of its width, and how similar it is to the photograph.
#[derive(Clone, Copy)]
struct Hit {
    asked: f64,
    /// Against where the points really are in the target.
    truth: Option<f64>,
    cosine: f64,
}

/// Of one person: what came of a pose from another picture, of the same without IdentityNet, and of each turn; and how far off the
/// detector itself is on the picture with the pose.
struct Row {
    given: Option<Hit>,
    text_alone: Option<Hit>,
    turned: [Option<Hit>; TURNS.len()],
    detector: Option<f64>,
}

pub fn run(lab: &Lab) -> Result<(Findings, Sheet), Stop> {
    let (rows, sheet) = lab.each_shown("poses", |person| one(lab, person).map(Some))?;
    let (given, text_alone) = (of_each(&rows, |row| row.given), of_each(&rows, |row| row.text_alone));
    let turned: Vec<Option<Hit>> =
        rows.iter().flat_map(|row| row.as_ref().map_or([None; TURNS.len()], |row| row.turned)).collect();
    let detector = of_each(&rows, |row| row.detector);

    let table = |against: &str| {
        Table::new([
            against,
            "pictures",
            "mean error",
            "95 % lie below",
            "within 5 %",
            "not measured",
            "cosine to the photograph",
        ])
    };
    let mut asked = table("against the key points that were asked for");
    let mut truth = table("against where they really are in the target");
    let mut findings = Findings::default();
    let [another, in_words] = ["of another picture", "of another picture, told in words alone"];
    let own = "of the photograph, turned by -25, 0 and 25 degrees";
    for (name, hits) in [(another, &given), (own, &turned), (in_words, &text_alone)] {
        let errors = of_each(hits, |hit| Some(hit.asked));
        add(&mut asked, name, &errors, hits);
        findings.values.insert(name.to_owned(), errors);
    }
    for (name, hits) in [(another, &given), (in_words, &text_alone)] {
        let errors = of_each(hits, |hit| hit.truth);
        add(&mut truth, name, &errors, hits);
        findings.values.insert(format!("{name}: against the truth"), errors);
    }
    add(&mut truth, "the detector itself, on the target", &detector, &[]);
    // A face that is not there is off by its whole width.
    let error = |hits: &[Option<Hit>]| mean(&or(&of_each(hits, |hit| Some(hit.asked)), 1.0));
    let bar = |of: &str, error| Bar::at_most(&format!("key-point error, {of}"), error, BAR, As::Percent);
    let floor = || bar("", mean(&or(&detector, 1.0)));
    findings.bars = vec![
        bar("pose of another picture", error(&given)).below(floor()),
        bar("turned key points", error(&turned)).below(floor()),
    ];
    findings.values.insert("the detector itself".to_owned(), detector);
    findings.tables = vec![asked, truth];
    findings.sheet = Some(
        "From left to right: the photograph; the picture whose pose is taken; the person in this pose; the same told in words alone; \
         the person turned by -25, 0 and 25 degrees."
            .to_owned(),
    );
    Ok((findings, sheet))
}

fn add(table: &mut Table, name: &str, errors: &[Option<f64>], hits: &[Option<Hit>]) {
    let found = known(errors);
    let cosines: Vec<f64> = hits.iter().flatten().map(|hit| hit.cosine).collect();
    let cells = [
        errors.len().to_string(),
        shown(mean(&found), As::Percent),
        shown(quantile(&found, 0.95), As::Percent),
        shown(share(errors.iter().map(|error| error.is_some_and(|error| error <= BAR))), As::Percent),
        (errors.len() - found.len()).to_string(),
        spread(&cosines),
    ];
    table.add(name, cells);
}

/// The photograph, the picture with the pose and those that were made, and how well they hit.
fn one(lab: &Lab, person: Known) -> Result<(Strip, Row), Trouble> {
    let model = pose_of_another(lab, person);
    let drawn = draw(&model)?;
    let target = target(lab, &model, &drawn)?;
    let mut pictures = vec![Some(person.somebody.photo.clone()), Some(drawn.clone())];
    let mut row = Row { given: None, text_alone: None, turned: [None; TURNS.len()], detector: None };
    if let Some(target) = &target {
        row.detector = target.truth.map(|truth| distance(&target.asked, &truth) / target.width);
        let asked = caption(&with_pose(lab.asked(person, Style::Photo), model.people[0].pose));
        let set = [
            format!("face={}", person.somebody.path.display()),
            format!("picture={}", lab.keep(&drawn)?.display()),
            format!("prompt={asked}"),
            "edges=0".to_owned(),
            lab.noise(person),
        ];
        for (way, found) in [(&[][..], &mut row.given), (&["pose=0"], &mut row.text_alone)] {
            let picture = lab.picture(GRAPH, &with(&set, way))?;
            *found = hit(lab, person, &picture, target)?;
            pictures.push(Some(picture));
        }
    } else {
        // Nobody can be told to be as a face that is not seen.
        pictures.extend([None, None]);
    }
    for (turned, (found, picture)) in row.turned.iter_mut().zip(turned(lab, person)?) {
        *turned = found;
        pictures.push(Some(picture));
    }
    Ok((pictures, row))
}

/// Somebody seen from each side, and how well it hits. The prompt leaves open how the head is held.
fn turned(lab: &Lab, person: Known) -> Result<Vec<(Option<Hit>, Bytes)>, Trouble> {
    let [from, .., to] = TURNS;
    let set = [
        format!("face={}", person.somebody.path.display()),
        format!("prompt={}", without_pose(&caption(&lab.asked(person, Style::Photo)))),
        format!("from={from}"),
        format!("to={to}"),
        format!("count={}", TURNS.len()),
        lab.noise(person),
    ];
    let outcome = lab.run(TURNED, &set, &["image.image", "turned.keypoints"])?;
    let views = lab.pictures_of(TURNED, &outcome, TURNS.len())?;
    let told = there_are(TURNS.len(), values::<Keypoints>(&outcome, "turned.keypoints"), "turned key points", TURNED)?;
    let width = width(&person.seen.face);
    let look = |(view, told): (Bytes, Arc<Keypoints>)| {
        let target = Target { asked: told.points(), truth: None, width };
        Ok((hit(lab, person, &view, &target)?, view))
    };
    views.into_iter().zip(told).map(look).collect()
}

/// A picture of one person as a target; none if the detector sees no face in it.
fn target(lab: &Lab, scene: &Scene, picture: &Bytes) -> Result<Option<Target>, Stop> {
    let Some(face) = lab.faces(picture)?.into_iter().next() else { return Ok(None) };
    let truth = render(scene, SIDE).people.first().map(|truth| truth.kps.map(|point| point.map(f64::from)));
    Ok(points(&face).map(|asked| Target { asked, truth, width: width(&face) }))
}

/// Another person, the head held in any way that the world has.
fn pose_of_another(lab: &Lab, person: Known) -> Scene {
    let identity = lab.next(person).map_or(person.somebody.identity, |other| other.somebody.identity);
    let mut scene = Scene { style: Style::Photo, ..lab.scenes.any(person.somebody.index, identity, 2) };
    scene.people.iter_mut().for_each(|shown| shown.glasses = None);
    scene
}

/// How near the face in a picture is to a target; none if there is no face.
fn hit(lab: &Lab, person: Known, picture: &Bytes, target: &Target) -> Result<Option<Hit>, Stop> {
    let Some(seen) = lab.largest(picture)? else { return Ok(None) };
    let Some(found) = points(&seen.face) else { return Ok(None) };
    let off = |wanted: &Points| distance(&found, wanted) / target.width;
    let cosine = seen.cosine(person.seen);
    Ok(Some(Hit { asked: off(&target.asked), truth: target.truth.as_ref().map(off), cosine }))
}

fn points(face: &Face) -> Option<Points> {
    face.kps.map(|points| points.map(|point| point.map(f64::from)))
}

/// The width of a face's box in pixels.
fn width(face: &Face) -> f64 {
    let [left, _, right, _] = face.bbox;
    f64::from(right - left).max(1.0)
}

/// How far five points are from five others, in the mean.
fn distance(one: &Points, other: &Points) -> f64 {
    one.iter().zip(other).map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1])).sum::<f64>() / 5.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_points_are_off_by_a_share_of_the_face() {
        let at = |shift: f64| [[10.0, 10.0], [30.0, 10.0], [20.0, 20.0], [12.0, 30.0], [28.0 + shift, 30.0 + shift]];
        let kps = Some(at(0.0).map(|point| point.map(|x| x as f32)));
        let face = Face { picture: [64; 2], bbox: [0.0, 0.0, 40.0, 50.0], kps, det_score: 1.0, embedding: None };
        // One of five points is off by 10 px.
        let off = distance(&points(&face).unwrap(), &at(50f64.sqrt()));
        assert!((off - 2.0).abs() < 1e-6 && (off / width(&face) - 0.05).abs() < 1e-6, "{off}");
        assert_eq!(distance(&at(0.0), &at(0.0)), 0.0);
    }
}
