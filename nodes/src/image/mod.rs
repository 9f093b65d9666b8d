//! Pictures: loading, saving, changing.

pub mod batch;
pub mod decode;
pub mod encode;
pub mod invert;
pub mod load;
pub mod load_mask;
pub mod png_text;
pub mod preview;
pub mod save;

use selfsame_sdk::{NodeType, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![
        load::load_image,
        load_mask::load_mask,
        save::save_image,
        preview::preview_image,
        batch::batch_images,
        batch::unbatch_images,
        invert::invert_image,
    ]
}
