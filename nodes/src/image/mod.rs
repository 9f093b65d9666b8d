//! Pictures: loading, saving, changing.

mod invert;

pub use invert::invert_image;

use selfsame_sdk::{NodeType, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![invert_image]
}
