//! The graphs that come with Selfsame: laid out, sound, and running; the ones with models on those that are part of the program.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "shipped_graphs/mini.rs"]
mod mini;

use selfsame_graphs::{ArgValues, Document, Project, Settings, Targets, format, validate};
use selfsame_host::{Host, HostSettings, Nodes, Outcome, RunOptions, RunResult, open_graph};
use selfsame_nodes::image::decode::decode;
use selfsame_sdk::Image;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn graph(name: &str) -> PathBuf {
    repository().join("graphs").join(name)
}

/// The host of all tests: models are loaded once.
fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Host::new(HostSettings { device: "cpu".to_owned(), ..HostSettings::default() }).unwrap())
}

fn run(path: &Path, arguments: &[String], out: &Path) -> Outcome {
    run_project(&open_graph(path).unwrap(), arguments, out)
}

fn run_project(project: &Project, arguments: &[String], out: &Path) -> Outcome {
    let host = host();
    let args = ArgValues::parse(project.root(), arguments).unwrap();
    let prepared = host.load(project, &args, Targets::All).unwrap_or_else(|error| panic!("{error}"));
    let outcome = host.run(&prepared, &RunOptions { output_folder: out.to_owned(), ..RunOptions::default() }, &());
    assert_eq!(outcome.result, RunResult::Ok, "{:?}", outcome.failures);
    outcome
}

fn pixels(path: &Path) -> Vec<f32> {
    decode(&std::fs::read(path).unwrap()).unwrap().image.data().to_vec()
}

#[test]
fn every_graph_is_laid_out_and_sound() {
    let nodes = Nodes::built_in();
    let mut count = 0;
    for entry in std::fs::read_dir(repository().join("graphs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "ron") {
            continue;
        }
        count += 1;
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(format(&name, &text).unwrap(), text, "{name} is not laid out");
        let project = open_graph(&path).unwrap();
        let valid = validate(&project, &nodes, Settings::default()).unwrap_or_else(|report| panic!("{report}"));
        assert!(valid.warnings().is_empty(), "{}", valid.warnings());
        let document: &Document = project.root();
        assert!(document.graph().doc.is_some() && document.graph().title.is_some(), "{name} is not documented");
    }
    assert!(count >= 17, "only {count} graphs were found");
}

#[test]
fn dusk() {
    let out = tempfile::tempdir().unwrap();
    let outcome = run(&graph("dusk.ron"), &["sky=#000000".to_owned()], out.path());
    let image = outcome.output("image").unwrap().downcast::<Image>().unwrap();
    assert_eq!(image.dims(), [1, 480, 960, 3]);
    // The uppermost row is nearly the sky's colour, and the sun is where it should be.
    assert!(image.data()[..3].iter().all(|x| *x < 0.01));
    let sun = (280 * 960 + 600) * 3;
    assert_eq!(image.data()[sun..sun + 3], [1.0, 233.0 / 255.0, 176.0 / 255.0]);
}

#[test]
fn a_contact_sheet() {
    let out = tempfile::tempdir().unwrap();
    for number in 0..3 {
        run(&graph("dusk.ron"), &[format!("sky=#0000{number}0")], out.path());
    }
    let arguments = [format!("folder={}", out.path().display()), "columns=2".into(), "size=100".into()];
    let outcome = run(&graph("contact-sheet.ron"), &arguments, out.path());
    let sheet = decode(&std::fs::read(&outcome.saved[0]).unwrap()).unwrap().image;
    // Two rows and columns of 100 px, with a gap of 8 px.
    assert_eq!(sheet.dims(), [1, 208, 208, 3]);
}

/// Runs a graph small and short; everything else is as it is written there, on the models that are part of the program.
fn small_into(name: &str, more: &[&str], out: &Path) -> Outcome {
    let size = if name == "inpaint-face.ron" { vec!["size=64"] } else { vec!["width=64", "height=72"] };
    let arguments: Vec<String> = size.iter().chain(more).map(|text| (*text).to_owned()).collect();
    run(&graph(name), &arguments, out)
}

fn small(name: &str, more: &[&str]) -> Image {
    let out = tempfile::tempdir().unwrap();
    picture_of(&small_into(name, more, out.path()))
}

fn picture_of(outcome: &Outcome) -> Image {
    let image = outcome.output("image").unwrap().downcast::<Image>().unwrap();
    assert!(image.data().iter().all(|x| (0.0..=1.0).contains(x)));
    assert!(image.data().iter().any(|x| *x != image.data()[0]), "the picture is of one colour");
    (*image).clone()
}

/// The pictures of a row, each as wide as the first `width` pixels, `gap` pixels apart.
fn row(image: &Image, width: usize, gap: usize) -> Vec<Vec<f32>> {
    let [_, height, whole, channels] = image.dims();
    let count = (whole + gap) / (width + gap);
    let cut = |index: usize| {
        let start = index * (width + gap) * channels;
        (0..height).flat_map(|y| &image.data()[y * whole * channels + start..][..width * channels]).copied().collect()
    };
    (0..count).map(cut).collect()
}

fn all_differ(pictures: &[Vec<f32>]) -> bool {
    pictures.iter().enumerate().all(|(i, one)| pictures[..i].iter().all(|other| one != other))
}

#[test]
fn one_picture_of_one_person() {
    let instantid = small("instantid.ron", &["steps=3"]);
    assert_eq!(instantid.dims(), [1, 72, 64, 3]);
    let ben = format!("face={}", graph("faces/ben.png").display());
    for other in [["steps=3", ben.as_str()], ["steps=3", "likeness=0"], ["steps=3", "pose=0"], ["steps=3", "seed=8"]] {
        assert_ne!(small("instantid.ron", &other).data(), instantid.data(), "{other:?} changes nothing");
    }
    for (name, steps) in [
        ("instantid-sd15.ron", "steps=3"),
        ("lcm-lora.ron", "steps=2"),
        ("lora.ron", "steps=3"),
        ("multi-reference.ron", "steps=3"),
    ] {
        assert_eq!(small(name, &[steps]).dims(), [1, 72, 64, 3], "{name}");
    }
    let base = small("lcm-lora.ron", &["steps=2"]);
    assert_ne!(base.data(), small("lcm-lora.ron", &["steps=2", "likeness=0"]).data());
}

#[test]
fn edges_and_depth_steer_too() {
    let both = small("instantid-canny-depth.ron", &["steps=2"]);
    for other in [["steps=2", "edges=0"], ["steps=2", "depth=0"]] {
        assert_ne!(small("instantid-canny-depth.ron", &other).data(), both.data(), "{other:?} changes nothing");
    }
    let edges = small("instantid-canny.ron", &["steps=2"]);
    assert_ne!(small("instantid-canny.ron", &["steps=2", "edges=0"]).data(), edges.data());
}

#[test]
fn painted_anew() {
    // No strength leaves the picture as the autoencoder gives it back, whoever the person is.
    let ada = format!("face={}", graph("faces/ada.png").display());
    let none = small("img2img.ron", &["steps=2", "strength=0"]);
    assert_eq!(none.data(), small("img2img.ron", &["steps=2", "strength=0", &ada]).data());
    assert_ne!(small("img2img.ron", &["steps=2"]).data(), none.data());
    // Only the face changes.
    let inpainted = small("inpaint-face.ron", &["steps=2"]);
    let before = decode(&std::fs::read(graph("faces/ada.png")).unwrap()).unwrap().image;
    assert_eq!(inpainted.dims(), before.dims());
    let [_, _, width, _] = before.dims();
    let pixel = |image: &Image, x: usize, y: usize| image.data()[(y * width + x) * 3..][..3].to_vec();
    assert_eq!(pixel(&inpainted, 5, 5), pixel(&before, 5, 5));
    assert_eq!(pixel(&inpainted, 128, 250), pixel(&before, 128, 250));
    assert_ne!(pixel(&inpainted, 128, 115), pixel(&before, 128, 115));
}

#[test]
fn two_people_each_in_a_place() {
    let both = small("two-identities.ron", &["steps=2"]);
    let swapped = [
        "steps=2".to_owned(),
        format!("left={}", graph("faces/ben.png").display()),
        format!("right={}", graph("faces/ada.png").display()),
    ];
    let swapped: Vec<&str> = swapped.iter().map(String::as_str).collect();
    assert_ne!(small("two-identities.ron", &swapped).data(), both.data());
}

#[test]
fn strips_and_sheets() {
    let strip = small("interpolation.ron", &["steps=2", "count=3"]);
    let way = row(&strip, 64, 8);
    assert!(way.len() == 3 && all_differ(&way));
    // The ends are the pictures of the two people alone.
    let ends = ["ada.png", "ben.png"].map(|face| {
        let face = format!("face={}", graph("faces").join(face).display());
        small("interpolation.ron", &["steps=2", "count=2", &face])
    });
    assert_eq!(way[0], row(&ends[0], 64, 8)[0]);
    let views = small("novel-view.ron", &["steps=2", "count=3"]);
    let views = row(&views, 64, 8);
    assert!(views.len() == 3 && all_differ(&views));
    let styles = small("styles.ron", &["steps=2", "styles=ink\noil"]);
    let styles = row(&styles, 64, 8);
    assert!(styles.len() == 2 && all_differ(&styles));
    // Two weights and two strengths, 0 and 1.
    let grid = small("weight-grid.ron", &["steps=2", "count=2", "most=1"]);
    assert_eq!(grid.dims(), [1, 2 * 72 + 8, 2 * 64 + 8, 3]);
    assert!(all_differ(&row(&grid, 64, 8)));
}

#[test]
fn text_to_image_and_its_picture_again() {
    let out = tempfile::tempdir().unwrap();
    let first = small_into("text-to-image.ron", &["steps=2", "seed=18446744073709551615"], out.path());
    let image = first.output("image").unwrap().downcast::<Image>().unwrap();
    assert_eq!(image.dims(), [1, 72, 64, 3]);
    assert!(image.data().iter().any(|x| *x != image.data()[0]), "the picture is of one colour");
    // The picture carries its graph, which makes the same picture.
    let again = run(&first.saved[0], &[], out.path());
    assert_ne!(first.saved, again.saved);
    assert_eq!(pixels(&first.saved[0]), pixels(&again.saved[0]));
}
