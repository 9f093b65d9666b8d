//! A face from its numbers.

use crate::wires::Face;
use selfsame_sdk::prelude::*;

/// A face that is known by its embedding alone, for embeddings that come from elsewhere.
#[node(id = "core.instantid.face_embedding", category = "face", search = ["vector"])]
#[output(face = "the face, without a place in a picture")]
pub fn face_embedding(
    /// What the recogniser gave, not normalised: 512 numbers for InstantID.
    embedding: Vec<f32>,
) -> Result<Face> {
    if embedding.is_empty() || embedding.iter().any(|x| !x.is_finite()) {
        return Err(Error::input("embedding", "expected finite numbers, and at least one"));
    }
    Ok(Face { picture: [1, 1], bbox: [0.0; 4], kps: None, det_score: 1.0, embedding: Some(embedding.into()) })
}
