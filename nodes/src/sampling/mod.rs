//! Denoising.

pub mod guided;
pub mod pipeline;
pub mod rescale;
pub mod sampler;

use selfsame_sdk::{NodeType, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![sampler::sampler, pipeline::pipeline_sampler, rescale::rescale_guidance]
}
