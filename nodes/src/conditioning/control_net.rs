//! Steer by a picture.

use crate::wires::{Conditioning, ControlNet, ControlUse, Span};
use selfsame_sdk::prelude::*;

/// Lets a ControlNet steer the sampling by a picture: edges, depth, a pose.
///
/// Any number of them, one after another, add up, each with its own picture, strength and time, and if wanted its own text.
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
    /// What it steers by, in the size of the picture to make; one of another size is stretched to it (Lanczos).
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
    /// One encoded prompt that this network reads instead of `positive`.
    text: Option<Conditioning>,
    /// One encoded prompt that this network reads instead of `negative`.
    negative_text: Option<Conditioning>,
) -> Result<(Conditioning, Conditioning)> {
    if start > end {
        return Err(Error::input("start", format!("expected at most the end {end}, got {start}")));
    }
    let span = Span { start, end };
    let bare = ControlUse { net, image, strength, is_soft: soft, span, mask, context: None, pooled: None };
    let with_positive = reading(bare.clone(), text).input("text")?;
    let with_negative = reading(bare, negative_text).input("negative_text")?;
    Ok((with_control(positive, &with_positive), with_control(negative, &with_negative)))
}

/// A ControlNet that reads a text of its own, if there is one.
fn reading(control: ControlUse, text: Option<Conditioning>) -> Result<ControlUse> {
    let Some(text) = text else { return Ok(control) };
    match <[_; 1]>::try_from(text.entries) {
        Ok([entry]) => Ok(ControlUse { context: Some(entry.context), pooled: entry.pooled, ..control }),
        Err(entries) => bail!("expected one encoded prompt, got {}", entries.len()),
    }
}

/// A conditioning with one more ControlNet on every entry.
pub(crate) fn with_control(mut conditioning: Conditioning, control: &ControlUse) -> Conditioning {
    conditioning.entries.iter_mut().for_each(|entry| entry.controls.push(control.clone()));
    conditioning
}
