//! FACE: a face found in a picture.

use super::wire;
use selfsame_sdk::{Error, Result, Type, bail};
use std::fmt;
use std::sync::Arc;

/// A face found in a picture, in pixels of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Face {
    /// Width and height of the picture.
    pub picture: [usize; 2],
    /// Left, top, right, bottom.
    pub bbox: [f32; 4],
    /// Five key points, x and y: the eye at the picture's left, the other eye, the nose, the two corners of the mouth. None if the
    /// detector gives boxes only, or the face is known by its embedding alone.
    pub kps: Option<[[f32; 2]; 5]>,
    /// How sure the detector is, 0..1.
    pub det_score: f32,
    /// The identity: what the recogniser gives, not normalised. None if no recogniser has looked.
    pub embedding: Option<Arc<[f32]>>,
}

impl Face {
    /// Its key points.
    ///
    /// # Errors
    /// If it has none.
    pub fn key_points(&self) -> Result<[[f32; 2]; 5]> {
        self.kps.ok_or_else(|| {
            Error::new("the face has no key points, a box at most")
                .hint("find it with a detector that gives key points, such as antelopev2's scrfd_10g_bnkps.onnx")
        })
    }

    /// The area of its box in square pixels.
    pub fn area(&self) -> f32 {
        let [left, top, right, bottom] = self.bbox;
        (right - left).max(0.0) * (bottom - top).max(0.0)
    }
}

/// The embeddings of faces that are compared or mixed.
///
/// # Errors
/// If there is no face, one has no embedding, or they come from different recognisers.
pub fn embeddings(faces: &[Face]) -> Result<Vec<Arc<[f32]>>> {
    let of = |(i, face): (usize, &Face)| {
        face.embedding.clone().ok_or_else(|| {
            Error::new(format!("face {i} has no embedding")).hint("analyse the picture with a recogniser")
        })
    };
    let all: Vec<Arc<[f32]>> = faces.iter().enumerate().map(of).collect::<Result<_>>()?;
    let Some(first) = all.first() else { bail!("expected at least one face, got none") };
    match all.iter().find(|embedding| embedding.len() != first.len()) {
        Some(other) => {
            bail!("the faces were analysed by different recognisers: {} and {} numbers", first.len(), other.len())
        }
        None => Ok(all),
    }
}

/// The length of an embedding.
pub fn norm(embedding: &[f32]) -> f64 {
    embedding.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()
}

/// The cosine of the angle between two embeddings; 0 if one of them is zero.
pub fn similarity(one: &[f32], other: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let norms = (dot(one, one) * dot(other, other)).sqrt();
    if norms > 0.0 { dot(one, other) / norms } else { 0.0 }
}

impl fmt::Display for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [left, top, right, bottom] = self.bbox;
        write!(f, "at x {left:.0}..{right:.0}, y {top:.0}..{bottom:.0}, score {:.2}", self.det_score)
    }
}

wire!(Face, "FACE", Type::FACE, |face| 128 + face.embedding.as_ref().map_or(0, |e| e.len() as u64 * 4));
