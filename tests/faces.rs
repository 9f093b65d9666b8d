//! Faces in real photographs, against what insightface finds: boxes, key points and scores.
//!
//! The networks and photographs are not in the repository; `SELFSAME_REAL_DATA` names their folder.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use selfsame_host::onnx::{Watch, ensure};
use selfsame_nodes::face::detect::{Thresholds, detect, fixed_side};
use selfsame_nodes::image::bytes::Bytes;
use selfsame_nodes::image::decode::decode;
use selfsame_nodes::onnx::{Options, Provider, Session, load};
use serde_json::Value;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// The folder of real data; without it the test says that it does not run.
fn real_data() -> Option<PathBuf> {
    let root = std::env::var_os("SELFSAME_REAL_DATA").map(PathBuf::from);
    if root.is_none() {
        // Past the test harness, which would swallow a print; a closed terminal is no reason to fail.
        let _ = writeln!(
            std::io::stderr(),
            "faces: not run, SELFSAME_REAL_DATA names no folder of networks and photographs"
        );
    }
    root.map(|root| if root.is_dir() { root } else { Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(root) })
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn session(path: &Path) -> Session {
    load(ensure(&Watch { say: &|_| {}, progress: &|_, _| {}, cancelled: &|| false }).unwrap()).unwrap();
    Session::load(path, Options { provider: Provider::Cpu, threads: NonZeroUsize::MIN }).unwrap()
}

fn picture(root: &Path, name: &str) -> Option<Bytes> {
    let decoded = decode(&std::fs::read(root.join("images").join(name)).unwrap()).ok()?;
    Some(Bytes::frames(decoded.image, 3).unwrap().remove(0))
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        other => vec![other.as_f64().unwrap()],
    }
}

#[test]
fn detectors_find_what_insightface_finds() {
    let Some(root) = real_data() else { return };
    let expected = json(root.join("expected/detections.json"));
    let (mut compared, mut worst) = (0, 0f64);
    let mut wrong = Vec::new();
    for model in ["scrfd_500m_bnkps", "scrfd_2.5g_bnkps", "scrfd_2.5g_static640", "scrfd_500m_kps_static640"] {
        let detector = session(&root.join("detect").join(format!("{model}.onnx")));
        let side = fixed_side(&detector).unwrap().unwrap_or(640);
        for (name, models) in expected.as_object().unwrap() {
            // Decoders of JPEG differ by a few levels, which moves boxes by more than rounding does.
            // Of 16 bits, Pillow takes the upper eight; ours are rounded.
            let comparable = name.ends_with(".png") && !name.contains("rgb16");
            let (Some(wanted), true) = (models[model].as_array(), comparable) else { continue };
            let Some(picture) = picture(&root, name) else { continue };
            let faces = detect(&detector, &picture, side, Thresholds::default()).unwrap();
            if faces.len() != wanted.len() {
                wrong.push(format!("{model} {name}: {} faces instead of {}", faces.len(), wanted.len()));
                continue;
            }
            for (face, wanted) in faces.iter().zip(wanted) {
                let kps: Vec<f64> = face.kps.iter().flatten().map(|x| f64::from(*x)).collect();
                let got = face.bbox.iter().map(|x| f64::from(*x)).chain(kps);
                let distance = got
                    .zip(numbers(&wanted["bbox"]).into_iter().chain(numbers(&wanted["kps"])))
                    .map(|(a, b)| (a - b).abs())
                    .fold(0.0, f64::max);
                worst = worst.max(distance);
                let score = (f64::from(face.det_score) - wanted["score"].as_f64().unwrap()).abs();
                if distance > 0.01 || score > 1e-4 {
                    wrong.push(format!("{model} {name}: {distance:.4} px, score {score:.6}"));
                }
                compared += 1;
            }
        }
    }
    println!("{compared} faces, at most {worst:.5} px away");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 20, "only {compared} faces were compared");
}
