//! Faces in photographs, named by `SELFSAME_REAL_DATA`: what needs no network. `expected/` holds what insightface, OpenCV 5.0
//! and InstantID's `draw_kps` give for the key points recorded there.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use selfsame_nodes::face::{align, letterbox, skeleton, warp};
use selfsame_nodes::image::bytes::Bytes;
use selfsame_nodes::image::decode::decode;
use selfsame_nodes::wires::{Face, Keypoints};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(serde::Deserialize)]
struct Expected {
    faces: BTreeMap<String, Vec<One>>,
}

#[derive(serde::Deserialize)]
struct One {
    kps: [[f32; 2]; 5],
    #[serde(rename = "M")]
    matrix: [[f64; 3]; 2],
    crop_rgb_sha256: String,
}

/// The folder, if it is there. Tests that cannot run say so past the test harness, which would swallow a print.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("SELFSAME_REAL_DATA").map(PathBuf::from);
    if folder.is_none() {
        let test = std::thread::current().name().unwrap_or("test").to_owned();
        let line = format!("{test} does not run: SELFSAME_REAL_DATA names no folder\n");
        // A closed terminal is no reason to fail.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    folder
}

fn picture(path: &Path) -> Bytes {
    Bytes::frames_as_read(decode(&std::fs::read(path).unwrap()).unwrap().image, 3).unwrap().remove(0)
}

/// A photograph; none of AVIF, which Pillow reads, whatever the name of the file says, and this program does not.
fn photograph(path: &Path) -> Option<Bytes> {
    let file = std::fs::read(path).unwrap();
    if file.get(4..12) == Some(b"ftypavif") {
        println!("{} is not compared: it is AVIF", path.display());
        return None;
    }
    Some(picture(path))
}

/// What files about a photograph are called: `clear__astronaut` of `clear/astronaut.png`.
fn stem(name: &str) -> String {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).replace('/', "__")
}

fn expected(folder: &Path) -> Expected {
    serde_json::from_str(&std::fs::read_to_string(folder.join("expected/faces.json")).unwrap()).unwrap()
}

#[test]
fn matrices_and_crops_are_the_reference() {
    let Some(folder) = folder() else { return };
    let mut problems = Vec::new();
    let mut equal = 0;
    for (name, faces) in expected(&folder).faces {
        for (i, face) in faces.iter().enumerate() {
            let map = align::to_crop(&face.kps, 112).unwrap();
            let pairs = map.iter().flatten().zip(face.matrix.iter().flatten());
            let worst = pairs.map(|(got, wanted)| (got - wanted).abs()).fold(0.0, f64::max);
            if worst > 1e-9 {
                problems.push(format!("{name} {i}: the matrix differs by {worst:e}"));
            }
            let Some(image) = photograph(&folder.join("images").join(&name)) else { continue };
            let crop = warp::affine(&image, map, [112, 112], warp::Rounding::Fine).unwrap();
            let drawn = folder.join("expected/crops").join(format!("{}__{i}.png", stem(&name)));
            if drawn.is_file() && picture(&drawn) != crop {
                problems.push(format!("{name} {i}: another picture than {}", drawn.display()));
            }
            let digest: String = Sha256::digest(crop.data()).iter().map(|byte| format!("{byte:02x}")).collect();
            if digest == face.crop_rgb_sha256 {
                equal += 1;
            } else {
                problems.push(format!("{name} {i}: other bytes"));
            }
        }
    }
    assert!(problems.is_empty() && equal > 0, "{equal} crops are equal, but {problems:#?}");
}

#[test]
fn drawn_key_points_are_the_reference() {
    let Some(folder) = folder() else { return };
    let all = expected(&folder).faces;
    for entry in std::fs::read_dir(folder.join("expected/kps")).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().replacen("__", "/", 1);
        let wanted = picture(&path);
        let (_, faces) = all.iter().find(|(name, _)| name.starts_with(&format!("{stem}."))).unwrap();
        let face =
            Face { picture: wanted.size(), bbox: [0.0; 4], kps: Some(faces[0].kps), det_score: 1.0, embedding: None };
        let drawn = skeleton::draw(wanted.size(), [&Keypoints::of(&face).unwrap()]).unwrap();
        assert!(drawn == wanted, "{stem}");
    }
}

#[test]
fn a_letterbox_is_the_reference() {
    let Some(folder) = folder() else { return };
    let boxed = letterbox::letterbox(&picture(&folder.join("images/clear/astronaut.png")), [640, 640]).unwrap();
    assert!(boxed.picture == picture(&folder.join("expected/astronaut_letterbox640.png")));
}
