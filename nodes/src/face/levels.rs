//! What SCRFD's outputs say, in every layout that its exports have.
//!
//! **Source**: insightface 0.7.3, `model_zoo/scrfd.py`. For each stride there are scores (1 value for each anchor), boxes (4) and,
//! in most exports, key points (10). Outputs are told apart by their shapes, not by their order or names:
//!
//! | shape | from |
//! |---|---|
//! | `[N,k]` | insightface's own exports; of a batch, the rows of the first picture come first |
//! | `[B,N,k]` | exports with a batch axis |
//! | `[N]`, `[B,N]` | scores whose last axis was dropped |
//! | `[B,A*k,H,W]` | exports that end before the sigmoid of the scores and the learned scale of the boxes |
//!
//! The scale of the last kind is not in the file, so it has to be given: see [`read`].

use crate::wires::Face;
use selfsame_sdk::prelude::*;

/// What the network says at one stride: values of each anchor, row after row.
pub struct Level {
    stride: usize,
    /// How many cells are beside one another.
    columns: usize,
    anchors: usize,
    scores: Vec<f32>,
    boxes: Vec<f32>,
    kps: Option<Vec<f32>>,
}

/// The strides of a network with so many outputs, its anchors for each cell, and whether it gives key points.
pub fn layout(outputs: usize) -> Option<(&'static [usize], usize, bool)> {
    match outputs {
        6 => Some((&[8, 16, 32], 2, false)),
        9 => Some((&[8, 16, 32], 2, true)),
        10 => Some((&[8, 16, 32, 64, 128], 1, false)),
        15 => Some((&[8, 16, 32, 64, 128], 1, true)),
        _ => None,
    }
}

/// The levels of a network that has looked at a canvas `[width, height]`, the first of a batch of so many.
///
/// `box_scales` is the learned scale of boxes at each stride, for exports that end in maps `[B,A*k,H,W]`; others have it in them,
/// and it is not used then.
///
/// # Errors
/// If the outputs are none of SCRFD, or `box_scales` is needed and has not one number for each stride.
pub fn read(outputs: &[Tensor], canvas: [usize; 2], batch: usize, box_scales: &[f32]) -> Result<Vec<Level>> {
    let Some((strides, anchors, has_kps)) = layout(outputs.len()) else {
        bail!("the network has {} outputs: expected the 6, 9, 10 or 15 of SCRFD", outputs.len());
    };
    let are_maps = outputs.iter().any(|output| output.shape().len() == 4);
    if are_maps && box_scales.len() != strides.len() {
        return Err(without_scales(strides.len(), box_scales.len()));
    }
    let level = |(i, stride): (usize, &usize)| {
        let read = |width: usize| {
            let sizes = [canvas.map(|side| side.div_ceil(*stride)), canvas.map(|side| side / stride)];
            let found = sizes.into_iter().find_map(|cells| {
                let rows = outputs.iter().find_map(|output| rows(output, cells, anchors, width, batch));
                let squeezed = || outputs.iter().find_map(|output| squeezed(output, cells, anchors, width, batch));
                Some((cells[0], rows.or_else(squeezed)?))
            });
            found.ok_or_else(|| {
                let [across, down] = canvas;
                Error::new(format!(
                    "the network has no output of {width} values at stride {stride} for {across} x {down} px"
                ))
            })
        };
        let (columns, mut scores) = read(1)?;
        let (_, mut boxes) = read(4)?;
        let kps = if has_kps { Some(read(10)?.1) } else { None };
        if let (true, Some(scale)) = (are_maps, box_scales.get(i)) {
            scores.iter_mut().for_each(|score| *score = 1.0 / (1.0 + (-*score).exp()));
            boxes.iter_mut().for_each(|side| *side *= scale);
        }
        Ok(Level { stride: *stride, columns, anchors, scores, boxes, kps })
    };
    strides.iter().enumerate().map(level).collect()
}

fn without_scales(strides: usize, given: usize) -> Error {
    let message = match given {
        0 => "the network was exported without its last operations, and the scale of its boxes was lost with them"
            .to_owned(),
        _ => format!("the network has {strides} strides, so {strides} scales of boxes are needed, got {given}"),
    };
    Error::with(Status::Unsupported, message).hint(
        "use an export whose outputs have 1, 4 and 10 columns, such as scrfd_10g_bnkps.onnx; or set `box_scales` to the learned \
         scales, `bbox_head.scales` of the network's training file",
    )
}

/// The values of the first picture of an output, as rows of `width` values, if it is one for so many cells and anchors.
fn rows(output: &Tensor, cells: [usize; 2], anchors: usize, width: usize, batch: usize) -> Option<Vec<f32>> {
    let [columns, lines] = cells;
    let count = columns * lines * anchors;
    let data = output.data();
    match *output.shape() {
        [n, k] if n == batch * count && k == width => data.get(..count * width).map(<[f32]>::to_vec),
        [_, n, k] if n == count && k == width => data.get(..count * width).map(<[f32]>::to_vec),
        [_, channels, h, w] if channels == anchors * width && [w, h] == cells => {
            let map = data.get(..channels * h * w)?;
            let cell = |at: usize| (0..channels).map(move |channel| map[channel * h * w + at]);
            Some((0..h * w).flat_map(cell).collect())
        }
        _ => None,
    }
}

/// As [`rows`], of scores whose last axis was dropped.
fn squeezed(output: &Tensor, cells: [usize; 2], anchors: usize, width: usize, batch: usize) -> Option<Vec<f32>> {
    let count = cells[0] * cells[1] * anchors;
    let is_it = match *output.shape() {
        [n] => n == batch * count,
        [b, n] => b == batch && n == count,
        _ => false,
    };
    if is_it && width == 1 { output.data().get(..count).map(<[f32]>::to_vec) } else { None }
}

impl Level {
    /// Adds the faces of this level with at least a score, in pixels of a picture of which `scale` pixels of the canvas show one.
    pub fn decode(&self, least: f32, scale: f32, picture: [usize; 2], faces: &mut Vec<Face>) {
        let stride = self.stride as f32;
        for (i, score) in self.scores.iter().enumerate().filter(|(_, score)| **score >= least) {
            let cell = i / self.anchors;
            // The corner of the cell, not its middle.
            let (x, y) = ((cell % self.columns) as f32 * stride, (cell / self.columns) as f32 * stride);
            let (Some([left, top, right, bottom]), kps) =
                (row(&self.boxes, i), self.kps.as_ref().map(|kps| row(kps, i)))
            else {
                continue;
            };
            let bbox = [x - left * stride, y - top * stride, x + right * stride, y + bottom * stride];
            let kps = kps.flatten().map(|shifts: [f32; 10]| {
                [0, 2, 4, 6, 8].map(|at| [(x + shifts[at] * stride) / scale, (y + shifts[at + 1] * stride) / scale])
            });
            let bbox = bbox.map(|value| value / scale);
            faces.push(Face { picture, bbox, kps, det_score: *score, embedding: None });
        }
    }
}

/// One row of values.
fn row<const N: usize>(values: &[f32], i: usize) -> Option<[f32; N]> {
    values.get(i * N..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests;
