//! What the pictures of Mini show: the people they should, where they should. What is bundled today was trained for a few hours
//! (`examples/mini/README.md`) and is not yet as like the person as it should be, so most of these tests wait: `--ignored` runs them.

use super::{graph, host, picture_of, row, run, run_project};
use selfsame_graphs::{ArgValues, Disk, Document, Project, Targets};
use selfsame_host::models::bundled_file;
use selfsame_host::{RunOptions, open_graph};
use selfsame_nodes::face::recognise::{Preparation, embed};
use selfsame_nodes::face::warp::Rounding;
use selfsame_nodes::image::bytes::Bytes;
use selfsame_nodes::image::decode::decode;
use selfsame_nodes::image::encode::{Depth, frames};
use selfsame_nodes::onnx::{Options, Session};
use selfsame_nodes::wires::{Face, similarity};
use selfsame_sdk::{Image, Value};
use std::path::Path;
use std::sync::OnceLock;

/// The graph with which the evaluation looks for faces.
const FACES: &str = include_str!("../../host/src/cli/bench/paper/faces.ron");

/// The graph as it is written, with these arguments.
fn picture(name: &str, arguments: &[&str]) -> Image {
    let out = tempfile::tempdir().unwrap();
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    picture_of(&run(&graph(name), &arguments, out.path()))
}

/// A face in a picture, and who it is: as the judge of the evaluation sees it, not as the recogniser that InstantID is given.
struct Seen {
    face: Face,
    embedding: Vec<f32>,
}

/// The judge. A graph that looks for faces must have run: it starts ONNX Runtime.
fn judge() -> &'static Session {
    static JUDGE: OnceLock<Session> = OnceLock::new();
    JUDGE.get_or_init(|| {
        let file = "judges/mini-judge.onnx";
        Session::from_bytes(Path::new(file), bundled_file(file).unwrap(), Options::default()).unwrap()
    })
}

/// The faces in a file, from left to right.
fn faces_in(path: &Path) -> Vec<Seen> {
    let out = tempfile::tempdir().unwrap();
    let project = Project::around(&Disk, Document::parse("faces.ron", FACES.to_owned()));
    let outcome = run_project(&project, &[format!("picture={}", path.display()), "pack=mini".to_owned()], out.path());
    let Some(Value::List(found)) = outcome.output("faces") else { panic!("no list of faces") };
    let picture = Bytes::frames(decode(&std::fs::read(path).unwrap()).unwrap().image, 3).unwrap().remove(0);
    let seen = found.iter().map(|face| {
        let face = (*face.downcast::<Face>().unwrap()).clone();
        let embedding = embed(judge(), &picture, &face, Rounding::Fine, Preparation::Arcface).unwrap();
        Seen { face, embedding }
    });
    let mut faces: Vec<Seen> = seen.collect();
    faces.sort_by(|a, b| a.face.bbox[0].total_cmp(&b.face.bbox[0]));
    faces
}

/// Writes a picture as a file.
fn save(picture: &Image, path: &Path) {
    std::fs::write(path, frames(picture).unwrap()[0].png(Depth::Eight, &[]).unwrap()).unwrap();
}

/// The faces in a picture, from left to right.
fn faces(picture: &Image) -> Vec<Seen> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture.png");
    save(picture, &path);
    faces_in(&path)
}

/// The one face in a picture.
fn only(picture: &Image) -> Seen {
    let mut faces = faces(picture);
    assert_eq!(faces.len(), 1, "expected one face, got {}", faces.len());
    faces.remove(0)
}

fn photo(who: &str) -> Seen {
    let faces = faces_in(&graph("faces").join(who));
    faces.into_iter().next().unwrap_or_else(|| panic!("no face was found in {who}"))
}

fn likeness(one: &Seen, other: &Seen) -> f64 {
    similarity(&one.embedding, &other.embedding)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// That faces are this person's, by the bars of the evaluation: a mean cosine of 0.6, and 0.3 ahead of the other person. There 95 % of many
/// must be ahead; of so few it is all.
fn show(faces: &[Seen], who: &Seen, other: &Seen) {
    let own: Vec<f64> = faces.iter().map(|face| likeness(face, who)).collect();
    let wrong: Vec<f64> = faces.iter().map(|face| likeness(face, other)).collect();
    assert!(mean(&own) >= 0.6, "like the person {own:.2?}");
    let is_ahead = own.iter().zip(&wrong).all(|(own, wrong)| *own >= wrong + 0.3);
    assert!(is_ahead, "like the person {own:.2?}, like somebody else {wrong:.2?}");
}

/// That one face is this person's rather than the other's, where the evaluation asks for no certain cosine: in other styles than a photograph
/// and for faces that are small, turned, or painted over another one.
fn shows(face: &Seen, who: &Seen, other: &Seen) {
    let (own, wrong) = (likeness(face, who), likeness(face, other));
    assert!(own > 0.3 && own > wrong + 0.2, "like the person {own:.2}, like somebody else {wrong:.2}");
}

/// How far a face in a picture of 128 px is from where it is in a photograph of 256 px, by its width there: the mean of the five points.
fn off(face: &Seen, photo: &Seen) -> f64 {
    let [left, _, right, _] = photo.face.bbox;
    let points = face.face.kps.unwrap().into_iter().zip(photo.face.kps.unwrap());
    let distances = points.map(|([x, y], [to_x, to_y])| (2.0 * x - to_x).hypot(2.0 * y - to_y));
    f64::from(distances.sum::<f32>() / 5.0 / (right - left))
}

/// The pictures of a row of 128 px.
fn cells(strip: &Image) -> Vec<Image> {
    row(strip, 128, 8).into_iter().map(|pixels| Image::new([1, strip.dims()[1], 128, 3], pixels).unwrap()).collect()
}

/// The rows of a sheet of pictures of 128 px.
fn rows(sheet: &Image) -> Vec<Image> {
    let line = sheet.width() * 3;
    let rows = sheet.data().chunks((128 + 8) * line);
    rows.map(|row| Image::new([1, 128, sheet.width(), 3], row[..128 * line].to_vec()).unwrap()).collect()
}

/// How colourful a picture is, and how bright: 0..1.
fn colour(picture: &Image) -> (f32, f32) {
    let pixels = picture.data().as_chunks::<3>().0;
    let spread = |[r, g, b]: &[f32; 3]| r.max(*g).max(*b) - r.min(*g).min(*b);
    let mean = |of: &dyn Fn(&[f32; 3]) -> f32| pixels.iter().map(of).sum::<f32>() / pixels.len() as f32;
    (mean(&spread), mean(&|[r, g, b]| (r + g + b) / 3.0))
}

#[test]
#[ignore = "Mini is not trained far enough: see docs/paper.md"]
fn a_picture_shows_the_person_in_the_place_of_the_photograph() {
    let (ada, ben) = (photo("ada.png"), photo("ben.png"));
    // In the words of a photograph, as the evaluation asks for it.
    let prompt =
        "prompt=a photo of a person, smiling, facing the camera, wearing a blue shirt, in a meadow, lit from the left";
    let bens = format!("face={}", graph("faces/ben.png").display());
    let graphs = ["instantid.ron", "lcm-lora.ron"];
    let mut adas: Vec<Seen> = graphs.map(|name| only(&picture(name, &[prompt]))).into();
    let places: Vec<f64> = adas.iter().map(|face| off(face, &ada)).collect();
    assert!(mean(&places) <= 0.05, "{places:.3?}");
    adas.push(only(&picture("multi-reference.ron", &[])));
    show(&adas, &ada, &ben);
    show(&graphs.map(|name| only(&picture(name, &[&bens, prompt]))), &ben, &ada);
    // As they are written, in other styles.
    graphs.iter().for_each(|name| shows(&only(&picture(name, &[])), &ada, &ben));
    only(&picture("text-to-image.ron", &[]));
}

#[test]
fn without_instantid_a_picture_shows_somebody_else() {
    let people = [photo("ada.png"), photo("ben.png")];
    // One stranger may look like one of them by chance: the mean counts, of several strangers.
    let strangers = ["seed=1", "seed=2", "seed=3", "seed=4"]
        .map(|seed| only(&picture("instantid.ron", &["likeness=0", "pose=0", seed])));
    let cosines: Vec<f64> =
        strangers.iter().flat_map(|stranger| people.iter().map(|person| likeness(stranger, person))).collect();
    assert!(mean(&cosines) <= 0.2, "{cosines:.2?}");
}

#[test]
fn where_mini_finds_nobody_it_says_what_photographs_want() {
    let folder = tempfile::tempdir().unwrap();
    let grey = folder.path().join("grey.png");
    save(&Image::new([1, 64, 64, 3], vec![0.5; 64 * 64 * 3]).unwrap(), &grey);
    let project = open_graph(&graph("instantid.ron")).unwrap();
    let args = ArgValues::parse(project.root(), &[format!("face={}", grey.display())]).unwrap();
    let prepared = host().load(&project, &args, Targets::All).unwrap_or_else(|error| panic!("{error}"));
    let options = RunOptions { output_folder: folder.path().to_owned(), ..RunOptions::default() };
    let failures = format!("{:?}", host().run(&prepared, &options, &()).failures);
    assert!(failures.contains("`selfsame models pull sdxl-base instantid antelopev2`"), "{failures}");
}

#[test]
#[ignore = "Mini is not trained far enough: see docs/paper.md"]
fn edges_put_one_person_into_the_place_of_another() {
    let (ada, ben) = (photo("ada.png"), photo("ben.png"));
    let face = only(&picture("instantid-canny.ron", &[]));
    shows(&face, &ben, &ada);
    // Of one picture; the mean of many must be half of it.
    assert!(off(&face, &ada) < 0.1);
}

#[test]
fn a_face_that_is_painted_anew_is_like_the_person() {
    let (ada, ben) = (photo("ada.png"), photo("ben.png"));
    for name in ["img2img.ron", "inpaint-face.ron"] {
        let face = only(&picture(name, &[]));
        let (before, after) = (likeness(&ada, &ben), likeness(&face, &ben));
        assert!(after > before + 0.1, "{name}: {before:.2} before, {after:.2} after");
    }
}

#[test]
#[ignore = "Mini is not trained far enough: see docs/paper.md"]
fn styles_are_what_they_are_called() {
    let (ada, ben) = (photo("ada.png"), photo("ben.png"));
    let styles = cells(&picture("styles.ron", &["columns=5"]));
    assert_eq!(styles.len(), 5);
    styles.iter().for_each(|style| shows(&only(style), &ada, &ben));
    let [_, pencil, neon, cartoon, print] = [0, 1, 2, 3, 4].map(|i| colour(&styles[i]));
    assert!(pencil.0 < 0.1 && cartoon.0 > 0.1 && print.0 > 0.1, "colours: {pencil:?} {cartoon:?} {print:?}");
    assert!(neon.1 + 0.2 < pencil.1, "brightness: {neon:?} {pencil:?}");
}

#[test]
#[ignore = "Mini is not trained far enough: see docs/paper.md"]
fn the_lora_draws_with_a_pencil() {
    let (ada, ben) = (photo("ada.png"), photo("ben.png"));
    let (drawn, plain) = (picture("lora.ron", &[]), picture("lora.ron", &["strength=0"]));
    assert!(colour(&drawn).0 < 0.5 * colour(&plain).0, "{:?} and {:?}", colour(&drawn), colour(&plain));
    shows(&only(&drawn), &ada, &ben);
}

#[test]
#[ignore = "Mini is not trained far enough: see docs/paper.md"]
fn two_people_are_two_people() {
    let (ada, ben) = (photo("ada.png"), photo("ben.png"));
    let both = faces(&picture("two-identities.ron", &[]));
    assert_eq!(both.len(), 2);
    shows(&both[0], &ada, &ben);
    shows(&both[1], &ben, &ada);
}

#[test]
fn a_person_becomes_another_one() {
    let (ada, ben) = (photo("ada.png"), photo("ben.png"));
    let way: Vec<Seen> = cells(&picture("interpolation.ron", &[])).iter().map(only).collect();
    assert_eq!(way.len(), 5);
    shows(&way[0], &ada, &ben);
    shows(&way[4], &ben, &ada);
    // Whose picture it is changes once.
    let is_ada: Vec<bool> = way.iter().map(|face| likeness(face, &ada) > likeness(face, &ben)).collect();
    assert_eq!(is_ada.windows(2).filter(|pair| pair[0] != pair[1]).count(), 1, "{is_ada:?}");
}

#[test]
#[ignore = "Mini is not trained far enough: see docs/paper.md"]
fn views_turn_from_left_to_right() {
    let (ada, ben) = (photo("ada.png"), photo("ben.png"));
    let views: Vec<Seen> = cells(&picture("novel-view.ron", &["count=3"])).iter().map(only).collect();
    let turn = |seen: &Seen| {
        let [left, right, nose, ..] = seen.face.kps.unwrap();
        (nose[0] - (left[0] + right[0]) / 2.0) / (right[0] - left[0])
    };
    assert!(turn(&views[0]) + 0.1 < turn(&views[1]) && turn(&views[1]) + 0.1 < turn(&views[2]));
    views.iter().for_each(|view| shows(view, &ada, &ben));
}

#[test]
#[ignore = "Mini is not trained far enough: see docs/paper.md"]
fn more_likeness_is_more_like_the_person() {
    let (ada, ben) = (photo("ada.png"), photo("ben.png"));
    // Two rows of two: the last picture has all of both weights, the first none.
    let sheet: Vec<Vec<Image>> = rows(&picture("weight-grid.ron", &["count=2", "most=1"])).iter().map(cells).collect();
    let face = only(&sheet[1][1]);
    shows(&face, &ada, &ben);
    let without = faces(&sheet[0][0]);
    assert!(without.iter().all(|other| likeness(other, &ada) + 0.2 < likeness(&face, &ada)));
}
