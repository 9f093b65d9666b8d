//! A folder of pictures of which one has no face.

use crate::kit::{failure, host, run, solid};
use crate::networks::{Detector, recogniser};
use selfsame_nodes::wires::Face;
use selfsame_sdk::Value;
use std::path::Path;

fn graph(folder: &Path, required: bool) -> String {
    let (pictures, pack) = (folder.join("pictures"), folder.join("pack"));
    format!(
        r#"Graph(version: 1, nodes: {{
            "files": ListFiles(folder: {pictures:?}, pattern: "*.png"),
            "photos": LoadImage(path: Out("files.paths")),
            "faces": FaceAnalysis(image: Out("photos.image"), pack: {pack:?}, required: {required}),
            "points": KeypointsFromFace(face: Out("faces.face")),
            "crops": AlignedFace(image: Out("photos.image"), face: Out("faces.face")),
            "mean": IDMix(faces: Out("faces.face")),
            "nearest": SelectFace(faces: Out("mean.face"), by: "similar", like: Out("faces.face")),
        }}, outputs: {{
            "face": Out("faces.face"), "count": Out("faces.count"), "points": Out("points.keypoints"), "crops": Out("crops.image"),
            "mean": Out("mean.face"), "nearest": Out("nearest.index"),
        }})"#
    )
}

#[test]
fn the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    std::fs::create_dir_all(at("pack")).unwrap();
    std::fs::create_dir_all(at("pictures")).unwrap();
    std::fs::write(at("pack/det.onnx"), Detector::new(9, [128, 128]).onnx()).unwrap();
    std::fs::write(at("pack/rec.onnx"), recogniser(1, 112)).unwrap();
    solid(at("pictures/1.png"), [128, 128], [255, 0, 0]);
    solid(at("pictures/2.png"), [128, 128], [0, 0, 0]);
    solid(at("pictures/3.png"), [128, 128], [0, 0, 255]);

    let outcome = run(host(), &graph(folder.path(), false));
    assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
    let list = |name: &str| match outcome.output(name) {
        Some(Value::List(items)) => items.to_vec(),
        other => panic!("{name} is {other:?}"),
    };
    // What takes a face does not run for the second picture, and gives nothing for it either.
    for name in ["face", "points", "crops", "nearest"] {
        let is_nothing: Vec<bool> = list(name).iter().map(Value::is_nothing).collect();
        assert_eq!(is_nothing, [false, true, false], "{name}");
    }
    let counts: Vec<String> = list("count").iter().map(ToString::to_string).collect();
    assert_eq!(counts, ["the integer 1", "the integer 0", "the integer 1"]);
    // What takes a list of faces goes without it: the mean of red and blue.
    let mean = outcome.output("mean").unwrap().downcast::<Face>().unwrap().embedding.clone().unwrap();
    assert!((mean[0] - mean[2]).abs() < 1e-6 && mean[0].abs() < 0.1 && mean[1] < -0.9, "{mean:?}");

    let said = failure(&run(host(), &graph(folder.path(), true)));
    assert!(said.contains("no face was found in 128 x 128 px"), "{said}");
}
