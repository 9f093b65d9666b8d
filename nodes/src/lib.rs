//! The nodes that come with Selfsame: one file each, in a folder for each family.
//!
//! To add one, write a file with a function like those beside it and put its name into the list of its folder.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod image;
pub mod logic;
pub mod mask;

use selfsame_sdk::NodeType;
use std::sync::Arc;

/// All nodes, family by family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    [image::all(), logic::all(), mask::all()].concat()
}
