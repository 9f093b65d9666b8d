//! One identity for every ControlNet, as ComfyUI has it.

use crate::wires::{Conditioning, Identity};
use selfsame_sdk::prelude::*;

/// Lets every ControlNet read the person instead of the text, not IdentityNet alone.
///
/// Only for pictures that shall come out as in ComfyUI, where the tokens belong to the conditioning and so reach the ControlNets
/// for depth, edges and poses too, which were not trained on them. Put it last, before the sampler. ControlNets that read
/// something of their own, such as IdentityNet, are left as they are.
#[node(id = "core.instantid.share_identity", category = "instantid", search = ["ComfyUI", "parity", "cross_attn_controlnet"])]
#[output(positive = "what the picture should show", negative = "what it should not")]
pub fn share_identity(
    /// The person.
    id: Identity,
    /// What the picture should show, with its ControlNets.
    positive: Conditioning,
    /// What it should not show, with its ControlNets.
    negative: Conditioning,
) -> Result<(Conditioning, Conditioning)> {
    Ok((shared(positive, &id.tokens), shared(negative, &id.negative_tokens)))
}

fn shared(mut conditioning: Conditioning, tokens: &Tensor) -> Conditioning {
    let controls = conditioning.entries.iter_mut().flat_map(|entry| &mut entry.controls);
    for control in controls.filter(|control| control.context.is_none()) {
        control.context = Some(tokens.clone());
    }
    conditioning
}
