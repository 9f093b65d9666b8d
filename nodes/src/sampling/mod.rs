//! Denoising.

pub mod add_noise;
pub mod custom_sampler;
pub mod denoiser;
mod errors;
pub mod guided;
pub mod patch_model;
pub mod patches;
pub mod pipeline;
pub mod rescale;
pub mod sampler;
pub mod select_sampler;
pub mod sessions;
pub mod sigmas;

use selfsame_sdk::{NodeType, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![
        sampler::sampler,
        pipeline::pipeline_sampler,
        rescale::rescale_guidance,
        denoiser::denoiser,
        sigmas::sigmas,
        add_noise::add_noise,
        select_sampler::select_sampler,
        custom_sampler::custom_sampler,
        patch_model::patch_model,
    ]
}
