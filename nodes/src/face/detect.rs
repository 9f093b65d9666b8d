//! Finding faces: SCRFD (arXiv 2105.04714), in every layout that its exports have.
//!
//! **Source**: insightface 0.7.3, `model_zoo/scrfd.py`. Outputs are told apart by their shapes, not by order or name: for each stride
//! scores (1 value), boxes (4) and, in most exports, key points (10); as rows `[N,k]`, rows with a batch axis `[1,N,k]`, or maps
//! `[1,A*k,H,W]` straight from the heads, whose scores have not gone through a sigmoid yet.

use super::letterbox::letterbox;
use crate::image::bytes::Bytes;
use crate::onnx::Session;
use crate::wires::Face;
use selfsame_sdk::prelude::*;

/// What counts as a face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// The lowest score, 0..1.
    pub score: f32,
    /// Of two boxes that overlap by more than this share of their union, the one with the lower score goes.
    pub overlap: f32,
}

impl Default for Thresholds {
    /// insightface's: 0.5 and 0.4.
    fn default() -> Self {
        Thresholds { score: 0.5, overlap: 0.4 }
    }
}

/// The faces in a picture `[H,W,3]`, best first, as a detector sees it on a square canvas of `side` pixels.
///
/// # Errors
/// If the network is no SCRFD, or it fails.
pub fn detect(session: &Session, picture: &Bytes, side: usize, thresholds: Thresholds) -> Result<Vec<Face>> {
    let boxed = letterbox(picture, [side, side])?;
    // RGB planes in (x - 127.5) / 128.
    let mut input = vec![0f32; 3 * side * side];
    for (i, pixel) in boxed.picture.data().chunks_exact(3).enumerate() {
        for (channel, value) in pixel.iter().enumerate() {
            input[channel * side * side + i] = (f32::from(*value) - 127.5) / 128.0;
        }
    }
    let outputs = session.run(&[Tensor::new([1, 3, side, side], input)?])?;
    let mut faces = Vec::new();
    for level in levels(&outputs, side)? {
        level.decode(thresholds.score, boxed.scale as f32, picture.size(), &mut faces);
    }
    // Sorting is stable, so equal scores stay in the order of the levels.
    faces.sort_by(|a, b| b.det_score.total_cmp(&a.det_score));
    Ok(suppress(faces, thresholds.overlap))
}

/// The side that a detector was exported for; none if it takes any.
///
/// # Errors
/// If its input is no RGB picture.
pub fn fixed_side(session: &Session) -> Result<Option<usize>> {
    match session.inputs() {
        [port] if port.dims.len() == 4 && port.dims[1].is_none_or(|channels| channels == 3) => match port.dims[2..] {
            [Some(height), Some(width)] if height != width => {
                bail!("{} looks at {width} x {height} px: expected a square", session.path().display())
            }
            [Some(side), _] | [_, Some(side)] => Ok(Some(side)),
            _ => Ok(None),
        },
        _ => bail!("{} is no face detector: expected one input [1,3,H,W]", session.path().display()),
    }
}

/// Whether the network has as many outputs as SCRFD has: 3 or 5 strides, with or without key points.
pub fn is_scrfd(session: &Session) -> bool {
    matches!(session.outputs().len(), 6 | 9 | 10 | 15)
}

/// What the network says at one stride: values of each anchor, row after row.
struct Level {
    stride: usize,
    cells: usize,
    anchors: usize,
    scores: Vec<f32>,
    boxes: Vec<f32>,
    kps: Option<Vec<f32>>,
}

fn levels(outputs: &[Tensor], side: usize) -> Result<Vec<Level>> {
    let (strides, anchors, has_kps): (&[usize], usize, bool) = match outputs.len() {
        6 => (&[8, 16, 32], 2, false),
        9 => (&[8, 16, 32], 2, true),
        10 => (&[8, 16, 32, 64, 128], 1, false),
        15 => (&[8, 16, 32, 64, 128], 1, true),
        n => bail!("the network has {n} outputs: expected the 6, 9, 10 or 15 of SCRFD"),
    };
    let level = |stride: &usize| {
        let cells = side.div_ceil(*stride);
        let find = |width: usize| {
            let found = outputs.iter().find_map(|output| rows(output, cells, anchors, width));
            found.ok_or_else(|| {
                Error::new(format!("the network has no output of {width} values at stride {stride} for {side} px"))
            })
        };
        let scores = sigmoid_if_needed(find(1)?);
        let kps = if has_kps { Some(find(10)?) } else { None };
        Ok(Level { stride: *stride, cells, anchors, scores, boxes: find(4)?, kps })
    };
    strides.iter().map(level).collect()
}

/// An output as rows of `width` values, if it is one for so many anchors.
fn rows(output: &Tensor, cells: usize, anchors: usize, width: usize) -> Option<Vec<f32>> {
    let count = cells * cells * anchors;
    match *output.shape() {
        [n, k] | [1, n, k] if n == count && k == width => Some(output.data().to_vec()),
        [1, k, h, w] if k == anchors * width && h == cells && w == cells => {
            let plane = cells * cells;
            let value = |i: usize| {
                let (row, column) = (i / width, i % width);
                output.data()[(row % anchors * width + column) * plane + row / anchors]
            };
            Some((0..count * width).map(value).collect())
        }
        _ => None,
    }
}

/// Scores are probabilities; heads that were cut off before give numbers beyond 0..1.
fn sigmoid_if_needed(scores: Vec<f32>) -> Vec<f32> {
    if scores.iter().all(|score| (0.0..=1.0).contains(score)) {
        return scores;
    }
    scores.into_iter().map(|score| 1.0 / (1.0 + (-score).exp())).collect()
}

impl Level {
    /// Adds the faces of this level, in pixels of the picture.
    fn decode(&self, least: f32, scale: f32, picture: [usize; 2], faces: &mut Vec<Face>) {
        let stride = self.stride as f32;
        for (i, score) in self.scores.iter().enumerate().filter(|(_, score)| **score >= least) {
            let cell = i / self.anchors;
            // The corner of the cell, not its middle.
            let (x, y) = ((cell % self.cells) as f32 * stride, (cell / self.cells) as f32 * stride);
            let side = |at: usize| self.boxes.get(i * 4 + at).copied().unwrap_or(0.0) * stride;
            let bbox = [x - side(0), y - side(1), x + side(2), y + side(3)].map(|value| value / scale);
            let mut kps = [[0f32; 2]; 5];
            for (point, kp) in kps.iter_mut().enumerate() {
                let shift = |at: usize| {
                    let values = self.kps.as_ref()?;
                    Some(values.get(i * 10 + point * 2 + at)? * stride)
                };
                // Without key points all lie in the middle of the box.
                let middle = [(bbox[0] + bbox[2]) / 2.0, (bbox[1] + bbox[3]) / 2.0];
                *kp = match (shift(0), shift(1)) {
                    (Some(dx), Some(dy)) => [(x + dx) / scale, (y + dy) / scale],
                    _ => middle,
                };
            }
            faces.push(Face { picture, bbox, kps, det_score: *score, embedding: None });
        }
    }
}

/// Greedy suppression of overlapping boxes, best first; widths and heights count one pixel more, as in insightface.
fn suppress(faces: Vec<Face>, most: f32) -> Vec<Face> {
    let mut kept: Vec<Face> = Vec::new();
    for face in faces {
        if kept.iter().all(|better| overlap(&better.bbox, &face.bbox) <= most) {
            kept.push(face);
        }
    }
    kept
}

fn overlap(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let area = |r: &[f32; 4]| (r[2] - r[0] + 1.0) * (r[3] - r[1] + 1.0);
    let width = (a[2].min(b[2]) - a[0].max(b[0]) + 1.0).max(0.0);
    let height = (a[3].min(b[3]) - a[1].max(b[1]) + 1.0).max(0.0);
    let shared = width * height;
    shared / (area(a) + area(b) - shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outputs for 128 px with one face: at stride 8 the second anchor of the cell in column 3 and row 5.
    fn outputs(shape: fn(usize, usize) -> Vec<usize>) -> Vec<Tensor> {
        let mut all = Vec::new();
        for width in [1, 4, 10] {
            for stride in [8, 16, 32] {
                let count = (128 / stride) * (128 / stride) * 2;
                let mut data = vec![0f32; count * width];
                if stride == 8 {
                    let row = (5 * 16 + 3) * 2 + 1;
                    for column in 0..width {
                        data[row * width + column] = if width == 1 { 0.9 } else { (column + 1) as f32 / 2.0 };
                    }
                }
                all.push(Tensor::new(shape(count, width), data).unwrap());
            }
        }
        all
    }

    fn faces(outputs: &[Tensor]) -> Vec<Face> {
        let mut faces = Vec::new();
        for level in levels(outputs, 128).unwrap() {
            level.decode(0.5, 0.5, [256, 200], &mut faces);
        }
        faces
    }

    #[test]
    fn anchors_are_corners_of_their_cells() {
        for shape in [|n, k| vec![n, k], |n, k| vec![1, n, k]] {
            let faces = faces(&outputs(shape));
            assert_eq!(faces.len(), 1);
            // The corner is (24, 40); the sides are 4, 8, 12, 16 px away; the picture is twice as large.
            assert_eq!(faces[0].bbox, [40.0, 64.0, 72.0, 112.0]);
            assert_eq!(faces[0].kps[0], [56.0, 96.0]);
            assert_eq!(faces[0].det_score, 0.9);
        }
        // Another order of the outputs is the same.
        let mut turned = outputs(|n, k| vec![n, k]);
        turned.reverse();
        assert_eq!(faces(&turned)[0].bbox, [40.0, 64.0, 72.0, 112.0]);
    }

    #[test]
    fn a_network_with_other_outputs_is_refused() {
        let four: Vec<Tensor> = outputs(|n, k| vec![n, k]).into_iter().take(4).collect();
        let error = levels(&four, 128).map(|_| ()).unwrap_err();
        assert!(error.message.contains("4 outputs: expected the 6, 9, 10 or 15"), "{error}");
        let wrong = levels(&outputs(|n, k| vec![n, k]), 160).map(|_| ()).unwrap_err();
        assert!(wrong.message.contains("no output of 1 values at stride 8 for 160 px"), "{wrong}");
    }

    #[test]
    fn of_overlapping_boxes_the_best_stays() {
        let face = |bbox: [f32; 4], det_score: f32| Face { bbox, det_score, ..crate::face::testing::face(bbox) };
        let far = face([50.0, 0.0, 59.0, 9.0], 0.6);
        // 5 of 15 columns are shared: a third.
        let half = face([5.0, 0.0, 14.0, 9.0], 0.7);
        let near = face([1.0, 0.0, 10.0, 9.0], 0.8);
        let best = face([0.0, 0.0, 9.0, 9.0], 0.9);
        let kept = suppress(vec![best.clone(), near, half.clone(), far.clone()], 0.4);
        assert_eq!(kept, [best, half, far]);
    }
}
