//! Loading models.

pub mod checkpoint;
pub mod control_net;
pub mod lora;
pub mod vae;

use selfsame_sdk::{NodeType, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![checkpoint::load_checkpoint, vae::load_vae, lora::load_lora, control_net::load_control_net]
}
