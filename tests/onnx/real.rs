//! Published networks and edge cases, named by `SELFSAME_REAL_DATA`: detectors, embedders, small autoencoders, and files
//! that are none. What ONNX Runtime for Python says and computes is recorded beside them.

use crate::{open, tensor};
use candle_core::Tensor as Recorded;
use selfsame_nodes::image::decode::decode;
use selfsame_sdk::Tensor;
use serde_json::Value;
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The folder, if it is there. Tests that cannot run say so past the test harness, which would swallow a print.
pub fn folder() -> Option<PathBuf> {
    // Cargo runs tests in the package folder; a relative path means the workspace's.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = std::env::var_os("SELFSAME_REAL_DATA").map(|folder| root.join(folder));
    if folder.is_none() {
        let test = std::thread::current().name().unwrap_or("test").to_owned();
        let line = format!("{test} does not run: SELFSAME_REAL_DATA names no folder\n");
        // A closed terminal is no reason to fail.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    folder
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// How this program writes the types that ONNX Runtime for Python names.
fn element(name: &str) -> &str {
    match name {
        "tensor(float)" => "f32",
        "tensor(double)" => "f64",
        "tensor(uint8)" => "u8",
        "tensor(int32)" => "i32",
        "tensor(bool)" => "bool",
        other => other,
    }
}

#[test]
fn models_show_what_they_take_and_give() {
    let Some(folder) = folder() else { return };
    let (mut opened, mut refused) = (0, 0);
    for (name, expected) in json(&folder.join("expected/models.json")).as_object().unwrap() {
        let path = folder.join(name);
        if !path.exists() {
            continue;
        }
        let session = match (open(&path), expected["ort_error"].as_str()) {
            (Ok(session), None) => session,
            (Err(error), Some(_)) => {
                assert!(error.message.starts_with(&format!("{}: ", path.display())), "{error}");
                refused += 1;
                continue;
            }
            (Ok(_), Some(error)) => panic!("{name} opens, but not for Python: {error}"),
            (Err(error), None) => panic!("{error}"),
        };
        opened += 1;
        for (ports, expected) in [(session.inputs(), &expected["inputs"]), (session.outputs(), &expected["outputs"])] {
            let expected = expected.as_array().unwrap();
            assert_eq!(ports.len(), expected.len(), "{name}");
            for (port, expected) in ports.iter().zip(expected) {
                assert_eq!(Some(&*port.name), expected[0].as_str(), "{name}");
                let wanted = element(expected[1].as_str().unwrap());
                assert!(port.element.to_string() == wanted || wanted == "tensor(string)", "{name}: {port}, {wanted}");
                let dims: Vec<_> =
                    expected[2].as_array().unwrap().iter().map(|dim| dim.as_u64().map(|n| n as usize)).collect();
                assert_eq!(port.dims, dims, "{name}, {}", port.name);
            }
        }
    }
    println!("{opened} models opened, {refused} refused");
    assert!(opened >= 10);
}

/// A picture as networks want it: f32 `[1,3,H,W]`, `(x - mean) / std` of values 0 to 255.
fn planes(path: &Path, mean: f32, std: f32) -> Tensor {
    let image = decode(&std::fs::read(path).unwrap()).unwrap().image;
    let [_, h, w, c] = image.dims();
    let value = |at: usize, channel: usize| (image.data()[at * c + channel.min(c - 1)] * 255.0).round();
    let data: Vec<f32> =
        (0..3).flat_map(|channel| (0..h * w).map(move |at| (value(at, channel) - mean) / std)).collect();
    tensor(&[1, 3, h, w], &data)
}

fn max_difference(got: &Tensor, recorded: &Recorded) -> f32 {
    assert_eq!(got.shape(), recorded.dims());
    let recorded: Vec<f32> = recorded.flatten_all().unwrap().to_vec1().unwrap();
    got.data().iter().zip(&recorded).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn a_detector_computes_what_it_computes_in_python() {
    let Some(folder) = folder() else { return };
    let session = open(&folder.join("detect/scrfd_500m_bnkps.onnx")).unwrap();
    let outputs = session.run(&[planes(&folder.join("expected/astronaut_letterbox640.png"), 127.5, 128.0)]).unwrap();
    let recorded = Recorded::read_npz(folder.join("expected/astronaut_scrfd_500m_raw.npz")).unwrap();
    let recorded: HashMap<_, _> = recorded.into_iter().collect();
    assert_eq!(outputs.len(), 9);
    for (port, output) in session.outputs().iter().zip(&outputs) {
        let difference = max_difference(output, &recorded[&port.name]);
        // Sums of some hundred f32 in another order, on values up to 10.
        println!("{}: {difference:.1e}", port.name);
        assert!(difference < 1e-4, "{}", port.name);
    }
}

#[test]
fn an_embedder_computes_what_it_computes_in_python() {
    let Some(folder) = folder() else { return };
    let name = "w600k_mbf_int8_512d";
    let session = open(&folder.join(format!("embed/{name}.onnx"))).unwrap();
    let recorded: HashMap<_, _> =
        Recorded::read_npz(folder.join("expected/embeddings.npz")).unwrap().into_iter().collect();
    for face in ["clear/astronaut.png", "pd_believed/newton.png", "pd_believed/mona_lisa.png"] {
        let Some(expected) = recorded.get(&format!("{face}#0/{name}")) else { panic!("no embedding of {face}") };
        let (stem, _) = face.rsplit_once('.').unwrap();
        let crop = folder.join(format!("expected/crops/{}__0.png", stem.replace('/', "__")));
        let output = &session.run(&[planes(&crop, 127.5, 127.5)]).unwrap()[0];
        assert_eq!(output.shape(), [1, 512]);
        let expected: Vec<f32> = expected.to_vec1().unwrap();
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let cosine =
            dot(output.data(), &expected) / (dot(output.data(), output.data()) * dot(&expected, &expected)).sqrt();
        println!("{face}: cosine {cosine:.6}");
        assert!(cosine > 0.999, "{face}");
    }
}
