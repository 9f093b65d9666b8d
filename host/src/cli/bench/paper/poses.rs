//! Whether a face goes where it is told to.

use super::findings::{As, Bar, Findings, Table, known, of_each, or, shown, spread};
use super::judges::Seen;
use super::lab::{Known, Lab, Shipped, draw, shipped, values, with};
use super::people::with_pose;
use super::sheet::Sheet;
use super::statistics::{mean, quantile, share};
use crate::cli::exit::Stop;
use mini_world::caption::caption;
use mini_world::render::render;
use mini_world::scene::Scene;
use mini_world::style::Style;
use selfsame_nodes::image::bytes::Bytes;
use selfsame_nodes::wires::Keypoints;

/// Takes the pose of another picture; without its edges it is InstantID alone.
pub const GRAPH: Shipped = shipped!("instantid-canny.ron");
/// Turns the photograph's own key points.
pub const TURNED: Shipped = shipped!("novel-view.ron");

/// How far the views of [`TURNED`] look to the side, in degrees.
const TURNS: [i32; 3] = [-30, 0, 30];

/// The share of the face's width that key points may be off.
const BAR: f64 = 0.05;

/// Key points, x and y.
type Points = [[f64; 2]; 5];

/// How far a face is from where it was told to be, as a share of its width, and how similar it is to the photograph.
#[derive(Clone, Copy)]
struct Hit {
    error: f64,
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
    let (rows, sheet) = lab.each_shown("poses", |person| {
        let (pictures, row) = one(lab, person)?;
        Ok(Some((std::iter::once(person.somebody.photo.clone()).chain(pictures).map(Some), row)))
    })?;
    let (given, text_alone) = (of_each(&rows, |row| row.given), of_each(&rows, |row| row.text_alone));
    let turned: Vec<Option<Hit>> =
        rows.iter().flat_map(|row| row.as_ref().map_or([None; TURNS.len()], |row| row.turned)).collect();
    let detector = of_each(&rows, |row| row.detector);

    let mut table = Table::new([
        "key points",
        "pictures",
        "mean error",
        "95 % lie below",
        "within 5 %",
        "no face found",
        "cosine to the photograph",
    ]);
    let add = |table: &mut Table, name: &str, errors: &[Option<f64>], cosines: &[f64]| {
        let found = known(errors);
        let cells = [
            errors.len().to_string(),
            shown(mean(&found), As::Percent),
            shown(quantile(&found, 0.95), As::Percent),
            shown(share(errors.iter().map(|error| error.is_some_and(|error| error <= BAR))), As::Percent),
            (errors.len() - found.len()).to_string(),
            spread(cosines),
        ];
        table.add(name, cells);
    };
    let mut findings = Findings::default();
    let all = [
        ("of another picture", &given),
        ("of the photograph, turned by -30, 0 and 30 degrees", &turned),
        ("of another picture, told in words alone", &text_alone),
    ];
    for (name, hits) in all {
        let errors = errors(hits);
        let cosines: Vec<f64> = hits.iter().flatten().map(|hit| hit.cosine).collect();
        add(&mut table, name, &errors, &cosines);
        findings.values.insert(name.to_owned(), errors);
    }
    add(&mut table, "drawn by the world: the detector alone", &detector, &[]);
    // A face that is not there is off by its whole width.
    let error = |hits: &[Option<Hit>]| mean(&or(&errors(hits), 1.0));
    findings.bars = vec![
        Bar::at_most("key-point error, pose of another picture", error(&given), BAR, As::Percent),
        Bar::at_most("key-point error, turned key points", error(&turned), BAR, As::Percent),
    ];
    findings.tables.push(table);
    findings.sheet = Some(
        "From left to right: the photograph; the picture whose pose is taken; the person in this pose; the same told in words alone; \
         the person turned by -30, 0 and 30 degrees."
            .to_owned(),
    );
    Ok((findings, sheet))
}

/// The picture with the pose and those that were made, and how well they hit.
fn one(lab: &Lab, person: Known) -> Result<(Vec<Bytes>, Row), Stop> {
    let model = pose_of_another(lab, person);
    let drawn = render(&model, super::judges::SIDE);
    let truth = drawn.people.first().map(|truth| truth.kps.map(|point| point.map(f64::from)));
    let model_picture = draw(&model)?;
    let mut pictures = vec![model_picture.clone()];
    let Some(target) = lab.largest(&model_picture)? else {
        return Ok((pictures, Row { given: None, text_alone: None, turned: [None; TURNS.len()], detector: None }));
    };
    let detector = points(&target).zip(truth).map(|(found, truth)| distance(&found, &truth) / width(&target));
    let pose = model.people[0].pose;
    let asked = caption(&with_pose(lab.asked(person, Style::Photo), pose));
    let face = format!("face={}", person.somebody.path.display());
    let set = [
        face.clone(),
        format!("picture={}", lab.keep(&model_picture)?.display()),
        format!("prompt={asked}"),
        "edges=0".to_owned(),
        lab.noise(person),
    ];
    let picture = lab.picture(GRAPH, &set)?;
    let given = hit(lab, person, &picture, points(&target), width(&target))?;
    pictures.push(picture);
    let picture = lab.picture(GRAPH, &with(&set, &["pose=0"]))?;
    let text_alone = hit(lab, person, &picture, points(&target), width(&target))?;
    pictures.push(picture);

    let prompt = format!("prompt={}", caption(&lab.asked(person, Style::Photo)));
    let [from, .., to] = TURNS;
    let views = [format!("from={from}"), format!("to={to}"), format!("count={}", TURNS.len())];
    let set = [[face, prompt, lab.noise(person)], views].concat();
    let outcome = lab.run(TURNED, &set, &["image.image", "turned.keypoints"])?;
    let views = lab.pictures_of(&outcome)?;
    let mut turned = [None; TURNS.len()];
    let told = values::<Keypoints>(&outcome, "turned.keypoints");
    for ((turn, view), told) in turned.iter_mut().zip(&views).zip(told) {
        *turn = hit(lab, person, view, Some(told.points()), width(person.seen))?;
    }
    pictures.extend(views);
    Ok((pictures, Row { given, text_alone, turned, detector }))
}

/// Another person, the head held in any way that the world has.
fn pose_of_another(lab: &Lab, person: Known) -> Scene {
    let identity = lab.next(person).map_or(person.somebody.identity, |other| other.somebody.identity);
    let mut scene = Scene { style: Style::Photo, ..lab.scenes.any(person.somebody.index, identity, 2) };
    scene.people.iter_mut().for_each(|shown| shown.glasses = None);
    scene
}

fn hit(lab: &Lab, person: Known, picture: &Bytes, given: Option<Points>, width: f64) -> Result<Option<Hit>, Stop> {
    let Some(seen) = lab.largest(picture)? else { return Ok(None) };
    let error = points(&seen).zip(given).map(|(found, given)| distance(&found, &given) / width);
    Ok(error.map(|error| Hit { error, cosine: seen.cosine(person.seen) }))
}

fn errors(hits: &[Option<Hit>]) -> Vec<Option<f64>> {
    hits.iter().map(|hit| hit.map(|hit| hit.error)).collect()
}

fn points(seen: &Seen) -> Option<Points> {
    seen.face.kps.map(|points| points.map(|point| point.map(f64::from)))
}

/// The width of a face's box in pixels.
fn width(seen: &Seen) -> f64 {
    let [left, _, right, _] = seen.face.bbox;
    f64::from(right - left).max(1.0)
}

/// How far five points are from five others, in the mean.
fn distance(one: &Points, other: &Points) -> f64 {
    one.iter().zip(other).map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1])).sum::<f64>() / 5.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_nodes::wires::Face;

    #[test]
    fn key_points_are_off_by_a_share_of_the_face() {
        let at = |shift: f64| [[10.0, 10.0], [30.0, 10.0], [20.0, 20.0], [12.0, 30.0], [28.0 + shift, 30.0 + shift]];
        let kps = Some(at(0.0).map(|point| point.map(|x| x as f32)));
        let face = Face { picture: [64; 2], bbox: [0.0, 0.0, 40.0, 50.0], kps, det_score: 1.0, embedding: None };
        let seen = Seen { face, embedding: vec![1.0] };
        // One of five points is off by 10 px.
        let off = distance(&points(&seen).unwrap(), &at(50f64.sqrt()));
        assert!((off - 2.0).abs() < 1e-6 && (off / width(&seen) - 0.05).abs() < 1e-6, "{off}");
        assert_eq!(distance(&at(0.0), &at(0.0)), 0.0);
    }
}
