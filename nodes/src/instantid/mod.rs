//! InstantID (arXiv 2401.07519): a face embedding becomes tokens (`IDEmbed`), which the denoising network reads through an
//! Image Adapter (`ImageAdapter`) and IdentityNet reads instead of text (`IdentityNet`).

pub mod id_batch;
pub mod id_embed;
pub mod id_interpolation;
pub mod id_mix;
pub mod identity_net;
pub mod image_adapter;
pub mod load;
pub mod multi_id;
pub mod share_identity;

use selfsame_sdk::{NodeType, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![
        load::load_instant_id,
        id_embed::id_embed,
        id_batch::id_batch,
        id_interpolation::id_interpolation,
        id_interpolation::id_sweep,
        id_mix::id_mix,
        image_adapter::image_adapter,
        identity_net::identity_net,
        multi_id::multi_id,
        share_identity::share_identity,
    ]
}
