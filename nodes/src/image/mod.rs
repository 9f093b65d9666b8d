//! Pictures: loading, saving, changing.

pub mod invert;

use selfsame_sdk::{NodeType, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![invert::invert_image]
}
