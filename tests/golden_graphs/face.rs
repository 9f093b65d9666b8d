//! Detection and recognition: boxes, key points and embeddings, with the networks in `models/face`.

use crate::case::{Case, Outcome, Set};
use crate::graph::{Builder, Written, lit, out, path};
use candle_core::{Device, Tensor};
use selfsame_host::onnx::{Watch, ensure};
use selfsame_nodes::face::detect::{Settings, input};
use selfsame_nodes::face::letterbox::letterbox;
use selfsame_nodes::image::bytes::Bytes;
use selfsame_nodes::image::decode::decode;
use selfsame_nodes::onnx::{Options, Session, load};
use selfsame_nodes::wires::{Face, similarity};
use selfsame_sdk::Value;
use std::sync::Arc;

/// What the set asks for of boxes, scores and key points: pixels.
const PIXELS: f64 = 1e-3;

/// How far the cosine between an embedding and the recorded one may be from 1.
const COSINE: f64 = 1e-5;

pub fn run(case: &Case) -> Outcome {
    // What an older OpenCV made of the same picture lies in a case of its own, without the picture.
    match case.meta["alternate_of"].as_str() {
        None => newest_opencv(case),
        Some(other) => older_opencv(case, &listed(case, other)?),
    }
}

/// Another case, with its parameters.
fn listed(case: &Case, id: &str) -> Written<Case> {
    let root = case.models.parent().ok_or("the models have no folder around them")?.to_owned();
    let found = Set { root }.cases()?.into_iter().find(|other| format!("{}/{}", other.group, other.name) == id);
    found.ok_or_else(|| format!("there is no case {id}").into())
}

fn newest_opencv(case: &Case) -> Outcome {
    let mut graph = analysis(case, "fine")?;
    // There is nothing to choose in a picture without a face.
    let has_faces = case.has("out.largest");
    for by in ["largest", "central"].into_iter().filter(|_| has_faces) {
        graph.add(by, "SelectFace", vec![("faces", out("faces", "faces")), ("by", lit(by))]);
        graph.output(by, by, "index");
    }
    let outcome = graph.run()?;
    let faces = faces(&outcome)?;
    let index = |by: &str| match outcome.output(by) {
        Some(Value::Int(index)) => Ok(*index),
        other => Err(format!("the index of {by} is {other:?}")),
    };
    numbers(case, "out.boxes", faces.iter().flat_map(|face| boxed(face)), PIXELS)?;
    let mut central = Vec::new();
    if has_faces {
        numbers(case, "out.largest", [index("largest")? as f64], 0.0)?;
        numbers(case, "out.kps", faces.iter().flat_map(|face| points(face)), PIXELS)?;
        embeddings(case, &faces)?;
        central.extend(boxed(faces.get(index("central")? as usize).ok_or("no central face")?));
    }
    numbers(case, "out.max_num_1", central, PIXELS)?;
    inside(case)
}

fn older_opencv(case: &Case, newest: &Case) -> Outcome {
    let faces = faces(&analysis(newest, "coarse")?.run()?)?;
    // The recorded points are those of the newer version: only cutting out differs.
    numbers(case, "in.kps", faces.iter().flat_map(|face| points(face)), PIXELS)?;
    embeddings(case, &faces)
}

/// A graph that finds the faces in the picture of a case.
fn analysis(case: &Case, rounding: &str) -> Written<Builder> {
    let overlap = Settings::default().overlap;
    if case.number("nms")? as f32 != overlap {
        return Err(format!("the nodes let boxes overlap by {overlap}, the case by {}", case.number("nms")?).into());
    }
    let side = |i: usize| case.meta["det_size"][i].as_i64().ok_or("meta has no det_size of two sides");
    let mut graph = Builder::new()?;
    graph.add("photo", "LoadImage", vec![("path", path(&case.goldens().join(case.text("image")?).canonicalize()?))]);
    let inputs = vec![
        ("image", out("photo", "image")),
        ("pack", path(&case.models.join("face").canonicalize()?)),
        ("det_size", lit(side(0)?)),
        ("det_height", lit(side(1)?)),
        ("threshold", lit(case.number("det_thresh")?)),
        ("required", lit(false)),
        ("rounding", lit(rounding)),
    ];
    graph.add("faces", "FaceAnalysis", inputs);
    graph.output("faces", "faces", "faces");
    Ok(graph)
}

fn faces(outcome: &selfsame_host::Outcome) -> Written<Vec<Arc<Face>>> {
    let Some(Value::List(faces)) = outcome.output("faces") else { return Err("the graph gave no faces".into()) };
    faces.iter().map(|face| face.downcast().ok_or_else(|| "expected a FACE".into())).collect()
}

/// Left, top, right, bottom, score.
fn boxed(face: &Face) -> [f64; 5] {
    let [left, top, right, bottom] = face.bbox;
    [left, top, right, bottom, face.det_score].map(f64::from)
}

fn points(face: &Face) -> impl Iterator<Item = f64> {
    face.kps.into_iter().flatten().flatten().map(f64::from)
}

/// The index states no tolerance, and a key point's last digit may move a pixel of the crop by a level: what counts is the angle.
/// Its cosine differs from 1 by about 2e-8 then, and by 5e-5 between the versions of OpenCV.
fn embeddings(case: &Case, faces: &[Arc<Face>]) -> Outcome {
    let name = "out.embeddings";
    let wanted = case.input(name)?.to_vec2::<f32>()?;
    if wanted.len() != faces.len() {
        return Err(format!("{name}: expected {} faces, got {}", wanted.len(), faces.len()).into());
    }
    let distance = |(wanted, face): (&Vec<f32>, &Arc<Face>)| match &face.embedding {
        Some(embedding) if embedding.len() == wanted.len() => 1.0 - similarity(embedding, wanted),
        _ => f64::INFINITY,
    };
    case.push(name, wanted.iter().zip(faces).map(distance).fold(0.0, f64::max), COSINE);
    // The length counts too, as nothing normalises it.
    let norm = |x: &[f32]| x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    let stretch = |(wanted, face): (&Vec<f32>, &Arc<Face>)| {
        (norm(face.embedding.as_deref().unwrap_or_default()) / norm(wanted) - 1.0).abs()
    };
    case.push("norms", wanted.iter().zip(faces).map(stretch).fold(0.0, f64::max), 1e-3);
    Ok(())
}

/// What the nodes compute on the way and do not give: the canvas, and the scores that the network says for it.
fn inside(case: &Case) -> Outcome {
    let side = |i: usize| case.meta["det_size"][i].as_u64().map(|side| side as usize).ok_or("meta has no det_size");
    let canvas = [side(0)?, side(1)?];
    let file = std::fs::read(case.goldens().join(case.text("image")?))?;
    let image = decode(&file).map_err(text)?.image;
    let picture = Bytes::frames_as_read(image, 3).map_err(text)?.pop().ok_or("no picture")?;
    let boxed = letterbox(&picture, canvas).map_err(text)?;
    let [width, height] = boxed.used;
    numbers(case, "out.letterbox_hw", [height as f64, width as f64], 0.0)?;
    // Every 16th row, in the order blue, green, red.
    let rows = (0..height).step_by(16).flat_map(|y| boxed.picture.row(y)[..width * 3].chunks_exact(3));
    let bgr = rows.flat_map(|pixel| pixel.iter().rev().map(|value| f64::from(*value)));
    numbers(case, "out.letterbox_rows_bgr_u8", bgr, 0.0)?;

    load(ensure(&Watch { say: &|_| {}, progress: &|_, _| {}, cancelled: &|| false })?).map_err(text)?;
    let detector = Session::load(&case.models.join("face/scrfd_tiny.onnx"), Options::default()).map_err(text)?;
    let outputs = detector.run(&[input(&boxed.picture, 1, false).map_err(text)?]).map_err(text)?;
    let scores = outputs.get(..3).ok_or("the detector has too few outputs")?;
    let coarsest = scores[2].data().iter().map(|score| f64::from(*score));
    numbers(case, "out.scores_stride32", coarsest, PIXELS)?;
    let threshold = case.number("det_thresh")?;
    let margin = |score: &f32| (f64::from(*score) - threshold).abs();
    let margin = scores.iter().flat_map(|level| level.data()).map(margin).fold(f64::INFINITY, f64::min);
    numbers(case, "out.score_margin", [margin], PIXELS)
}

fn text(error: selfsame_sdk::Error) -> String {
    error.to_string()
}

/// Compares numbers with recorded ones of any shape.
fn numbers(case: &Case, name: &str, got: impl IntoIterator<Item = f64>, tolerance: f64) -> Outcome {
    let (got, shape) = (got.into_iter().collect::<Vec<_>>(), case.stored(name)?.shape().clone());
    if shape.elem_count() != got.len() {
        return Err(format!("{name}: expected {shape:?}, got {} numbers", got.len()).into());
    }
    case.check_within(name, &Tensor::from_vec(got, shape, &Device::Cpu)?, tolerance)
}
