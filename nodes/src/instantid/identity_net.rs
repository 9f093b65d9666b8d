//! Put the face in its place.

use crate::conditioning::control_net::with_control;
use crate::wires::{Conditioning, ControlNet, ControlUse, Identity, Span};
use selfsame_sdk::prelude::*;

/// Lets IdentityNet, a ControlNet that reads the person instead of the text, steer where the face is and how it is turned.
///
/// Other ControlNets beside it go on reading the text.
#[node(id = "core.instantid.identity_net", category = "instantid", search = ["ApplyInstantID", "key points"])]
#[output(
    positive = "what the picture should show, with IdentityNet",
    negative = "what it should not, with IdentityNet"
)]
pub fn identity_net(
    /// IdentityNet.
    net: ControlNet,
    /// The person.
    id: Identity,
    /// What the picture should show.
    positive: Conditioning,
    /// What it should not show.
    negative: Conditioning,
    /// The drawn key points, in the size of the picture to make.
    keypoints: Image,
    /// Factor on what it adds; 0 leaves the model as it is.
    #[param(default = 0.8, hard = 0.0..=10.0, soft = 0.0..=1.5, step = 0.05)]
    strength: f64,
    /// Where it begins to work, as a fraction of the sampling.
    #[param(default = 0.0, hard = 0.0..=1.0)]
    start: f64,
    /// Where it stops.
    #[param(default = 1.0, hard = 0.0..=1.0)]
    end: f64,
    /// Where in the picture it works.
    mask: Option<Mask>,
    /// Weakens it towards the fine layers, so that it guides more than it dictates (diffusers' guess mode).
    #[param(default = false)]
    soft: bool,
) -> Result<(Conditioning, Conditioning)> {
    if start > end {
        return Err(Error::input("start", format!("expected at most the end {end}, got {start}")));
    }
    let control = ControlUse {
        net,
        image: keypoints,
        strength,
        is_soft: soft,
        span: Span { start, end },
        mask,
        context: Some(id.tokens),
        pooled: None,
    };
    let positive = with_control(positive, &control);
    Ok((positive, with_control(negative, &ControlUse { context: Some(id.negative_tokens), ..control })))
}
