//! Between pictures and latents.

pub mod decode;
pub mod encode;

use selfsame_sdk::{NodeType, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![decode::vae_decode, encode::vae_encode]
}

/// The most latent pixels a side that are decoded as a whole: a picture of 1536 px.
const MAX_WHOLE: usize = 192;
