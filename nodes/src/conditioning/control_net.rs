//! Steer by a picture.

use crate::wires::{Conditioning, ControlNet, ControlUse, Span};
use selfsame_sdk::prelude::*;

/// Lets a ControlNet steer the sampling by a picture: edges, depth, a pose. Any number of them add up.
#[node(id = "core.conditioning.control_net", name = "ControlNet", title = "ControlNet", category = "conditioning", search = ["canny", "depth", "pose", "ControlNetApplyAdvanced"])]
#[output(
    positive = "what the picture should show, with the ControlNet",
    negative = "what it should not, with the ControlNet"
)]
pub fn control_net(
    /// The network.
    net: ControlNet,
    /// What the picture should show.
    positive: Conditioning,
    /// What it should not show.
    negative: Conditioning,
    /// What it steers by, in the size of the picture to make.
    image: Image,
    /// Factor on what it adds; 0 leaves the model as it is.
    #[param(default = 1.0, hard = 0.0..=10.0, soft = 0.0..=2.0, step = 0.05)]
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
    let span = Span { start, end };
    let control = ControlUse { net, image, strength, is_soft: soft, span, mask, context: None };
    Ok((with_control(positive, &control), with_control(negative, &control)))
}

/// A conditioning with one more ControlNet on every entry.
pub(crate) fn with_control(mut conditioning: Conditioning, control: &ControlUse) -> Conditioning {
    conditioning.entries.iter_mut().for_each(|entry| entry.controls.push(control.clone()));
    conditioning
}
