//! Photographs, against what insightface finds in them: boxes, key points, scores, crops and embeddings.
//!
//! `expected/` was recorded with OpenCV 5.0, Pillow 13 and ONNX Runtime 1.32.

use crate::kit::{analyse, faces, host, number};
use selfsame_host::onnx::{Watch, ensure};
use selfsame_nodes::face::detect::{Settings, detect, fixed_size};
use selfsame_nodes::image::bytes::Bytes;
use selfsame_nodes::image::decode::decode;
use selfsame_nodes::onnx::{Options, Session, load};
use selfsame_nodes::wires::{Face, similarity};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// `bbox_head.scales` of SCRFD 2.5G's training file, as its full export has them too.
const SCALES: [f32; 3] = [0.880_725_1, 0.931_546_5, 1.142_366];

/// The folder of real data; without it the test says that it does not run.
fn real_data() -> Option<PathBuf> {
    let root = std::env::var_os("SELFSAME_REAL_DATA").map(PathBuf::from);
    if root.is_none() {
        let test = std::thread::current().name().unwrap_or("test").to_owned();
        let line = format!("{test} does not run: SELFSAME_REAL_DATA names no folder of networks and photographs\n");
        // Past the test harness, which would swallow a print; a closed terminal is no reason to fail.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    root.map(|root| if root.is_dir() { root } else { Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(root) })
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn session(path: &Path) -> Session {
    load(ensure(&Watch { say: &|_| {}, progress: &|_, _| {}, cancelled: &|| false }).unwrap()).unwrap();
    Session::load(path, Options::default()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        other => vec![other.as_f64().unwrap()],
    }
}

/// How far boxes and key points are from the recorded ones in pixels, and how much the score differs.
fn distance(face: &Face, wanted: &Value) -> (f64, f64) {
    let got = face.bbox.iter().chain(face.kps.iter().flatten().flatten()).map(|x| f64::from(*x));
    let wanted_places = numbers(&wanted["bbox"]).into_iter().chain(numbers(&wanted["kps"]));
    let (got, wanted_places): (Vec<f64>, Vec<f64>) = (got.collect(), wanted_places.collect());
    assert_eq!(got.len(), wanted_places.len(), "a box and five points, or a box alone");
    let worst = got.into_iter().zip(wanted_places).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    (worst, (f64::from(face.det_score) - wanted["score"].as_f64().unwrap()).abs())
}

/// What may differ of places in pixels, and of scores: nothing but rounding.
const PLACES: f64 = 0.01;
const SCORES: f64 = 1e-4;

/// A photograph; none of AVIF, which Pillow reads, whatever the name of the file says, and this program does not.
fn photograph(path: &Path) -> Option<Bytes> {
    let file = std::fs::read(path).unwrap();
    if file.get(4..12) == Some(b"ftypavif") {
        println!("{} is not compared: it is AVIF", path.display());
        return None;
    }
    Some(Bytes::frames_as_read(decode(&file).unwrap().image, 3).unwrap().remove(0))
}

#[test]
fn detectors_find_what_insightface_finds() {
    let Some(root) = real_data() else { return };
    let expected = json(root.join("expected/detections.json"));
    let mut wrong = Vec::new();
    let (mut compared, mut worst) = (0, 0f64);
    for (model, box_scales) in [
        ("scrfd_500m_bnkps", &[][..]),
        ("scrfd_2.5g_bnkps", &[]),
        ("scrfd_2.5g_static640", &[]),
        ("scrfd_500m_kps_static640", &[]),
        ("scrfd_2.5g_rawheads", &SCALES),
    ] {
        let detector = session(&root.join("detect").join(format!("{model}.onnx")));
        let canvas = fixed_size(&detector).unwrap().map(|side| side.unwrap_or(640));
        // The first layer of that file was turned around.
        let is_bgr = model.ends_with("rawheads");
        let settings = Settings { box_scales: box_scales.to_vec(), is_bgr, ..Settings::default() };
        for (name, models) in expected.as_object().unwrap() {
            let Some(wanted) = models[model].as_array() else { continue };
            let Some(picture) = photograph(&root.join("images").join(name)) else { continue };
            let found = detect(&detector, &picture, canvas, &settings).unwrap();
            if found.len() != wanted.len() {
                wrong.push(format!("{model} {name}: {} faces instead of {}", found.len(), wanted.len()));
                continue;
            }
            for (face, wanted) in found.iter().zip(wanted) {
                let (places, score) = distance(face, wanted);
                worst = worst.max(places);
                compared += 1;
                if places > PLACES || score > SCORES {
                    wrong.push(format!("{model} {name}: {places:.4} px, score {score:.6}"));
                }
            }
        }
    }
    println!("{compared} faces, at most {worst:.5} px away");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 20, "only {compared} faces were compared");
}

/// The arrays of a file that numpy's `savez` wrote, as f32.
fn arrays(path: &Path) -> BTreeMap<String, Vec<f32>> {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut arrays = BTreeMap::new();
    for i in 0..zip.len() {
        let mut file = zip.by_index(i).unwrap();
        let name = file.name().unwrap().trim_end_matches(".npy").to_owned();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        // Magic, version, the length of a header in words, the header, the numbers.
        let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        assert!(
            bytes.starts_with(b"\x93NUMPY\x01") && String::from_utf8_lossy(&bytes[..start]).contains("'<f4'"),
            "{name}"
        );
        arrays.insert(name, bytes[start..].as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect());
    }
    arrays
}

#[test]
fn embeddings_are_those_of_insightface() {
    let Some(root) = real_data() else { return };
    let expected = json(root.join("expected/faces.json"));
    let recorded = arrays(&root.join("expected/embeddings.npz"));
    let detector = format!("{}.onnx", expected["detector"].as_str().unwrap());
    let scratch = tempfile::tempdir().unwrap();
    let (mut wrong, mut compared) = (Vec::new(), 0);
    let mut least: BTreeMap<String, f64> = BTreeMap::new();
    for entry in std::fs::read_dir(root.join("embed")).unwrap() {
        let recogniser = entry.unwrap().path();
        let model = recogniser.file_stem().unwrap().to_str().unwrap().to_owned();
        let pack = scratch.path().join(&model);
        std::fs::create_dir(&pack).unwrap();
        std::fs::copy(root.join("detect").join(&detector), pack.join(&detector)).unwrap();
        std::fs::copy(&recogniser, pack.join(recogniser.file_name().unwrap())).unwrap();
        // What each network was trained on, its file does not say.
        let preparation = match model.as_str() {
            paddle if paddle.contains("paddle") => "arcface_bgr",
            foamliu if foamliu.contains("foamliu") => "imagenet",
            _ => "arcface",
        };
        let inputs = format!(r#"det_size: 640, required: false, rounding: "fine", preparation: "{preparation}""#);
        for (name, wanted) in expected["faces"].as_object().unwrap() {
            let wanted = wanted.as_array().unwrap();
            if photograph(&root.join("images").join(name)).is_none() {
                continue;
            }
            let found = faces(&analyse(host(), &root.join("images").join(name), &pack, &inputs));
            if found.len() != wanted.len() {
                wrong.push(format!("{model} {name}: {} faces instead of {}", found.len(), wanted.len()));
                continue;
            }
            for (i, (face, wanted)) in found.iter().zip(wanted).enumerate() {
                let (places, score) = distance(face, wanted);
                let Some(embedding) = recorded.get(&format!("{name}#{i}/{model}")) else { continue };
                let got: &Arc<[f32]> = face.embedding.as_ref().unwrap();
                let cosine = similarity(got, embedding);
                let lowest = least.entry(model.clone()).or_insert(1.0);
                *lowest = lowest.min(cosine);
                compared += 1;
                // Of 8 bits, a last digit of a pixel may become another level of the network.
                let wanted_cosine = if model.contains("int8") { 0.99 } else { 0.99999 };
                if places > PLACES || score > SCORES || cosine < wanted_cosine {
                    wrong.push(format!("{model} {name} {i}: {places:.4} px, score {score:.6}, cosine {cosine:.7}"));
                }
                let norm = got.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
                let wanted_norm = wanted["norms"][&model].as_f64().unwrap();
                if !model.contains("int8") && (norm / wanted_norm - 1.0).abs() > 1e-3 {
                    wrong.push(format!("{model} {name} {i}: a norm of {norm}, not {wanted_norm}"));
                }
            }
        }
    }
    println!("{compared} embeddings; lowest cosines {least:#?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 20, "only {compared} embeddings were compared");
}

/// A pack with the detector whose input has any size, and the smallest recogniser.
fn pack(root: &Path, scratch: &Path) -> PathBuf {
    let pack = scratch.join("pack");
    std::fs::create_dir(&pack).unwrap();
    for file in ["detect/scrfd_2.5g_bnkps.onnx", "embed/w600k_mbf_int8_512d.onnx"] {
        let file = root.join(file);
        std::fs::copy(&file, pack.join(file.file_name().unwrap())).unwrap();
    }
    pack
}

#[test]
fn faces_that_are_too_small_or_too_large_are_found_at_other_sizes() {
    let Some(root) = real_data() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let pack = pack(&root, scratch.path());
    let at = |name: &str, inputs: &str| analyse(host(), &root.join("images").join(name), &pack, inputs);
    let only = at("derived/astro_tiny_face.png", "det_size: 640, required: false");
    assert!(faces(&only).is_empty());
    let all = at("derived/astro_tiny_face.png", "");
    assert_eq!(faces(&all).len(), 1);
    assert!(number(&all, "det_size") > 640.0 && number(&all, "border") == 0.0);
    let usual = at("clear/astronaut.png", "");
    assert_eq!((number(&usual, "det_size"), number(&usual, "border")), (640.0, 0.0));
}

#[test]
fn networks_that_are_no_scrfd_are_named() {
    let Some(root) = real_data() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let photo = root.join("images/clear/astronaut.png");
    for other in
        ["yunet_2023mar", "yunet_2023mar_int8", "ultraface_rfb320", "ultraface_rfb320_simplified", "retinaface_slim640"]
    {
        let pack = scratch.path().join(other);
        std::fs::create_dir(&pack).unwrap();
        let file = format!("{other}.onnx");
        std::fs::copy(root.join("detect").join(&file), pack.join(&file)).unwrap();
        std::fs::copy(root.join("embed/w600k_mbf_int8_512d.onnx"), pack.join("w600k.onnx")).unwrap();
        let said = crate::kit::failure(&analyse(host(), &photo, &pack, ""));
        assert!(said.contains("there is no face detector (SCRFD)"), "{said}");
        assert!(
            said.contains(&format!("{file} (")) && said.contains("another network, which takes f32 [1,3,"),
            "{said}"
        );
    }
}
