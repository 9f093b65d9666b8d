//! Graphs around FaceAnalysis, and what they give.

use selfsame_graphs::{ArgValues, Disk, Document, Project, Targets};
use selfsame_host::{Host, HostSettings, Outcome, RunOptions};
use selfsame_nodes::image::bytes::Bytes;
use selfsame_nodes::image::encode::{Depth, frames};
use selfsame_nodes::wires::Face;
use selfsame_sdk::Value;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

pub fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Host::new(HostSettings { device: "cpu".to_owned(), ..HostSettings::default() }).unwrap())
}

/// Runs a graph; its mistakes are those of the test.
pub fn run(host: &Host, graph: &str) -> Outcome {
    let project = Project::around(&Disk, Document::parse("faces.ron", graph.to_owned()));
    let prepared = host.load(&project, &ArgValues::default(), Targets::All).unwrap_or_else(|error| panic!("{error}"));
    host.run(&prepared, &RunOptions::default(), &())
}

/// The message and hint of the only failure.
pub fn failure(outcome: &Outcome) -> String {
    assert_eq!(outcome.failures.len(), 1, "{:?}", outcome.failures);
    let failure = &outcome.failures[0];
    format!("{}\n{}", failure.message, failure.hint.as_deref().unwrap_or_default())
}

/// What FaceAnalysis says of a picture, with further inputs as RON.
pub fn analyse(host: &Host, picture: &Path, pack: &Path, inputs: &str) -> Outcome {
    let graph = format!(
        r#"Graph(version: 1, nodes: {{
            "photo": LoadImage(path: {picture:?}),
            "faces": FaceAnalysis(image: Out("photo.image"), pack: {pack:?}, {inputs}),
        }}, outputs: {{
            "face": Out("faces.face"), "faces": Out("faces.faces"), "count": Out("faces.count"),
            "det_size": Out("faces.det_size"), "border": Out("faces.border"),
        }})"#
    );
    run(host, &graph)
}

pub fn faces(outcome: &Outcome) -> Vec<Arc<Face>> {
    assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
    match outcome.output("faces") {
        Some(Value::List(faces)) => faces.iter().map(|face| face.downcast().unwrap()).collect(),
        other => panic!("no faces: {other:?}"),
    }
}

/// The one that was chosen; none if that is nothing.
pub fn face(outcome: &Outcome) -> Option<Arc<Face>> {
    assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
    let face = outcome.output("face").unwrap();
    if face.is_nothing() { None } else { Some(face.downcast().unwrap()) }
}

pub fn number(outcome: &Outcome, name: &str) -> f64 {
    match outcome.output(name) {
        Some(Value::Int(number)) => *number as f64,
        Some(Value::Float(number)) => *number,
        other => panic!("{name} is {other:?}"),
    }
}

/// Writes a picture of one colour.
pub fn solid(path: PathBuf, [width, height]: [usize; 2], color: [u8; 3]) -> PathBuf {
    let data = std::iter::repeat_n(color, width * height).flatten().collect();
    let image = Bytes::into_image(vec![Bytes::new([width, height], 3, data).unwrap()]).unwrap();
    std::fs::write(&path, frames(&image).unwrap()[0].png(Depth::Eight, &[]).unwrap()).unwrap();
    path
}
