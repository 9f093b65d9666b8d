//! The graphs that come with Selfsame: laid out, sound, and running; the ones with models on the tiny random model of the tests.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use selfsame_graphs::{ArgValues, Document, Settings, Targets, format, validate};
use selfsame_host::{Host, HostSettings, Nodes, Outcome, RunOptions, RunResult, open_graph};
use selfsame_nodes::image::decode::decode;
use selfsame_sdk::Image;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn graph(name: &str) -> PathBuf {
    repository().join("graphs").join(name)
}

fn run(path: &Path, arguments: &[String], out: &Path) -> Outcome {
    let host = Host::new(HostSettings { device: "cpu".to_owned(), ..HostSettings::default() }).unwrap();
    let project = open_graph(path).unwrap();
    let args = ArgValues::parse(project.root(), arguments).unwrap();
    let prepared = host.load(&project, &args, Targets::All).unwrap_or_else(|error| panic!("{error}"));
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
    assert!(count >= 3, "only {count} graphs were found");
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

#[test]
fn text_to_image_and_its_picture_again() {
    let out = tempfile::tempdir().unwrap();
    let model = repository().join("nodes/models/tests/goldens/small/models/sdxl");
    let arguments: Vec<String> =
        [&format!("checkpoint={}", model.display()), "width=64", "height=72", "steps=2", "seed=18446744073709551615"]
            .map(str::to_owned)
            .to_vec();
    let first = run(&graph("text-to-image.ron"), &arguments, out.path());
    let image = first.output("image").unwrap().downcast::<Image>().unwrap();
    assert_eq!(image.dims(), [1, 72, 64, 3]);
    assert!(image.data().iter().any(|x| *x != image.data()[0]), "the picture is of one colour");
    // The picture carries its graph, which makes the same picture.
    let again = run(&first.saved[0], &[], out.path());
    assert_ne!(first.saved, again.saved);
    assert_eq!(pixels(&first.saved[0]), pixels(&again.saved[0]));
}
