//! What steers a sampling: text, where and when it counts, ControlNets.

pub mod combine;
pub mod control_net;
pub mod encode_prompts;
pub mod place;
pub mod text_encode;

use selfsame_sdk::{NodeType, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![
        text_encode::text_encode,
        encode_prompts::encode_prompts,
        text_encode::load_embedding,
        text_encode::clip_skip,
        combine::combine_conditioning,
        combine::concat_conditioning,
        combine::zero_conditioning,
        place::conditioning_area,
        place::conditioning_mask,
        place::conditioning_window,
        place::conditioning_sizes,
        control_net::control_net,
    ]
}
