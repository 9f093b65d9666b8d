//! Switches: which part of a graph is computed.

pub mod switch;

use selfsame_sdk::{NodeType, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![switch::switch]
}
