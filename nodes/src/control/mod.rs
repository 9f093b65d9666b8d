//! Pictures for ControlNets, made from pictures.

pub mod canny;
pub mod depth_anything;
pub mod onnx_image;
mod picture_model;

use selfsame_sdk::{NodeType, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![canny::canny, depth_anything::depth_anything, onnx_image::onnx_image]
}
