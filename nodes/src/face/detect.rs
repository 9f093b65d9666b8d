//! Finding faces: SCRFD (arXiv 2105.04714).
//!
//! **Source**: insightface 0.7.3, `model_zoo/scrfd.py`.

use super::letterbox::letterbox;
use super::levels;
use crate::image::bytes::Bytes;
use crate::onnx::Session;
use crate::wires::Face;
use selfsame_sdk::prelude::*;

/// What counts as a face, and what the network does not say of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The lowest score, 0..1.
    pub score: f32,
    /// Of two boxes that overlap by more than this share of their union, the one with the lower score goes.
    pub overlap: f32,
    /// The learned scale of boxes at each stride, for exports without it: see [`levels::read`].
    pub box_scales: Vec<f32>,
    /// Whether the network takes blue, green, red, as some exports do that were made for other frameworks.
    pub is_bgr: bool,
}

impl Default for Settings {
    /// insightface's: 0.5 and 0.4.
    fn default() -> Self {
        Settings { score: 0.5, overlap: 0.4, box_scales: Vec::new(), is_bgr: false }
    }
}

/// The faces in a picture `[H,W,3]`, best first, as a detector sees it on a canvas `[width, height]`.
///
/// # Errors
/// If the network is no SCRFD, or it fails.
pub fn detect(session: &Session, picture: &Bytes, canvas: [usize; 2], settings: &Settings) -> Result<Vec<Face>> {
    let boxed = letterbox(picture, canvas)?;
    let batch = batch(session);
    let outputs = session.run(&[input(&boxed.picture, batch, settings.is_bgr)?])?;
    let levels = levels::read(&outputs, canvas, batch, &settings.box_scales);
    let mut faces = Vec::new();
    for level in levels.context(|| session.path().display().to_string())? {
        level.decode(settings.score, boxed.scale as f32, picture.size(), &mut faces);
    }
    // Sorting is stable, so equal scores stay in the order of the levels.
    faces.sort_by(|a, b| b.det_score.total_cmp(&a.det_score));
    Ok(suppress(faces, settings.overlap))
}

/// How many pictures the network takes at once: 1 where it may be any number.
fn batch(session: &Session) -> usize {
    session.inputs().first().and_then(|port| port.dims.first().copied().flatten()).unwrap_or(1).max(1)
}

/// What a detector is given: planes of red, green, blue, or the other way round, in (x - 127.5) / 128. Of a batch the picture is the first, the others are empty.
///
/// # Errors
/// If there is no memory for it.
pub fn input(picture: &Bytes, batch: usize, is_bgr: bool) -> Result<Tensor> {
    let [width, height] = picture.size();
    let mut planes = vec![0f32; batch * 3 * width * height];
    for (i, pixel) in picture.data().chunks_exact(3).enumerate() {
        for (channel, value) in pixel.iter().enumerate() {
            let plane = if is_bgr { 2 - channel } else { channel };
            planes[plane * width * height + i] = (f32::from(*value) - 127.5) / 128.0;
        }
    }
    Tensor::new([batch, 3, height, width], planes)
}

/// The width and height that a detector was exported for; none where it takes any.
///
/// # Errors
/// What speaks against it being an SCRFD: how many outputs it has, or that its input is no RGB picture.
pub fn fixed_size(session: &Session) -> Result<[Option<usize>; 2]> {
    if levels::layout(session.outputs().len()).is_none() {
        bail!("it has {} outputs, SCRFD has 6, 9, 10 or 15", session.outputs().len());
    }
    match session.inputs() {
        [port] if port.dims.len() == 4 && port.dims[1].is_none_or(|channels| channels == 3) => {
            Ok([port.dims[3], port.dims[2]])
        }
        ports => {
            let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
            bail!("it takes {}, SCRFD takes one f32 [1,3,H,W]", ports.join(" and "))
        }
    }
}

/// Whether the faces of a detector have key points.
pub fn has_key_points(session: &Session) -> bool {
    levels::layout(session.outputs().len()).is_some_and(|(_, _, has_kps)| has_kps)
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

    #[test]
    fn of_a_batch_the_first_is_the_picture() {
        let picture = Bytes::new([2, 1], 3, vec![255, 127, 0, 0, 128, 255]).unwrap();
        assert_eq!(input(&picture, 1, true).unwrap().data()[4..], [0.99609375, -0.99609375]);
        let input = input(&picture, 2, false).unwrap();
        assert_eq!(input.shape(), [2, 3, 1, 2]);
        let wanted = [0.99609375, -0.99609375, -0.00390625, 0.00390625, -0.99609375, 0.99609375];
        assert_eq!(input.data(), [&wanted[..], &[0.0; 6]].concat());
    }
}
