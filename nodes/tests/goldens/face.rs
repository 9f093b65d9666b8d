//! Faces: what needs no network.

use super::case::{Case, Outcome};
use super::pixels::{check, check_numbers, file};
use selfsame_nodes::face::letterbox::letterbox;
use selfsame_nodes::face::select::{By, select};
use selfsame_nodes::image::bytes::Bytes;
use selfsame_nodes::wires::Face;

/// The outputs of networks.
const NETWORKS: [&str; 6] =
    ["out.boxes", "out.max_num_1", "out.kps", "out.scores_stride32", "out.score_margin", "out.embeddings"];

pub fn run(case: &Case) -> Outcome {
    for name in NETWORKS {
        if case.has(name) {
            case.decline(name, "it needs the detector or the recogniser");
        }
    }
    if case.has("out.letterbox_hw") {
        letterboxed(case)?;
    }
    if case.has("out.largest") {
        largest(case)?;
    }
    Ok(())
}

/// Every 16th row of the picture on the detector's canvas, in the order blue, green, red.
fn letterboxed(case: &Case) -> Outcome {
    let mut image = file(case, "image")?;
    image.data_mut().chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2));
    let sides = case.meta["det_size"].as_array().ok_or("meta has no det_size")?;
    let side = |i: usize| sides.get(i).and_then(|x| x.as_u64()).map(|x| x as usize).ok_or("det_size has no two sides");
    let boxed = letterbox(&image, [side(0)?, side(1)?]).map_err(|e| e.to_string())?;
    let [width, height] = boxed.used;
    check_numbers(case, "out.letterbox_hw", vec![height as f64, width as f64], 0.0)?;
    let name = "out.letterbox_rows_bgr_u8";
    let rows = height.div_ceil(16);
    let data = (0..rows).flat_map(|i| &boxed.picture.row(i * 16)[..width * 3]).copied().collect();
    check(case, name, &Bytes::new([width, rows], 3, data).map_err(|e| e.to_string())?)
}

fn largest(case: &Case) -> Outcome {
    let boxes = case.numbers("out.boxes")?;
    let faces: Vec<Face> = boxes
        .as_chunks::<5>()
        .0
        .iter()
        .map(|[left, top, right, bottom, score]| Face {
            picture: [1, 1],
            bbox: [*left, *top, *right, *bottom].map(|x| x as f32),
            kps: None,
            det_score: *score as f32,
            embedding: None,
        })
        .collect();
    let found = select(&faces, By::Largest, 0, None, None).map_err(|e| e.to_string())?;
    check_numbers(case, "out.largest", vec![found as f64], 0.0)
}
