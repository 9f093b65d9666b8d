//! Pictures for ControlNets, made from pictures.

pub mod canny;

use selfsame_sdk::{NodeType, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![canny::canny]
}
