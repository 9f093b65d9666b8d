//! Faces and their key points: finding, choosing, drawing, cutting out and putting back.

pub mod align;
pub mod aligned;
pub mod analysis;
pub mod any;
pub mod average;
pub mod crop;
pub mod detect;
pub mod draw_keypoints;
pub mod embedding;
pub mod files;
pub mod keypoint_sources;
pub mod letterbox;
pub mod levels;
pub mod mask;
pub mod move_keypoints;
pub mod pack;
pub mod polygon;
pub mod recognise;
pub mod reference;
pub mod sample;
pub mod select;
pub mod skeleton;
pub mod turn;
pub mod warp;

use selfsame_sdk::{NodeType, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![
        analysis::face_analysis,
        select::select_face,
        select::face_similarity,
        average::average_faces,
        embedding::face_embedding,
        files::save_face,
        files::load_face,
        keypoint_sources::keypoints_from_face,
        keypoint_sources::keypoints_from_json,
        keypoint_sources::keypoints_to_json,
        keypoint_sources::keypoint_preset,
        turn::turn_keypoints,
        move_keypoints::move_keypoints,
        move_keypoints::place_keypoints,
        draw_keypoints::draw_keypoints,
        aligned::aligned_face,
        crop::face_crop,
        crop::face_paste,
        mask::face_mask,
        reference::resize_reference,
    ]
}

#[cfg(test)]
pub(crate) mod testing {
    use crate::wires::Face;

    /// A face on 100 x 100 px with key points inside its box.
    pub fn face(bbox: [f32; 4]) -> Face {
        let [left, top, right, bottom] = bbox;
        let at = |x: f32, y: f32| [left + (right - left) * x, top + (bottom - top) * y];
        let kps = [at(0.3, 0.4), at(0.7, 0.4), at(0.5, 0.6), at(0.35, 0.8), at(0.65, 0.8)];
        Face { picture: [100, 100], bbox, kps: Some(kps), det_score: 1.0, embedding: None }
    }

    /// A face that is somebody.
    pub fn with_embedding(embedding: &[f32]) -> Face {
        Face { embedding: Some(embedding.into()), ..face([10.0, 10.0, 50.0, 60.0]) }
    }
}
