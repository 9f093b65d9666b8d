//! Latents: making, loading, saving, changing.

pub mod batch;
pub mod bislerp;
pub mod blend;
pub mod composite;
pub mod crop;
pub mod empty;
pub mod flip;
pub mod load;
pub mod noise_mask;
pub mod planes;
pub mod save;
pub mod upscale;

use selfsame_sdk::{NodeType, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![
        empty::empty_latent,
        load::load_latent,
        save::save_latent,
        upscale::upscale_latent,
        upscale::upscale_latent_by,
        crop::crop_latent,
        flip::flip_latent,
        flip::rotate_latent,
        composite::latent_composite,
        blend::latent_blend,
        noise_mask::set_latent_noise_mask,
        batch::batch_latents,
        batch::unbatch_latents,
        batch::latent_from_batch,
        batch::repeat_latent,
    ]
}
