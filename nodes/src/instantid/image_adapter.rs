//! Let the denoising network see a face.

use crate::wires::{AdapterUse, Identity, IpAdapter, Model, Span};
use selfsame_models::unet::MaskResize;
use selfsame_sdk::prelude::*;

/// Lets the denoising network read an identity through InstantID's Image Adapter. Several adapters add up, each with its own
/// identity and mask: several people in one picture.
#[node(id = "core.instantid.image_adapter", category = "instantid", search = ["ip-adapter", "ApplyInstantID"])]
#[output(model = "the model that sees the person")]
pub fn image_adapter(
    /// The denoising network.
    mut model: Model,
    /// The adapter.
    instantid: IpAdapter,
    /// The person.
    id: Identity,
    /// How much the person counts; 0 leaves the model as it is.
    #[param(default = 0.8, hard = -1.0..=5.0, soft = 0.0..=1.5, step = 0.05)]
    weight: f64,
    /// A factor on the weight for each cross-attention layer, in the order down, up, middle; all 1 if empty.
    #[param(default = Vec::<f64>::new(), hard = -10.0..=10.0)]
    layer_weights: Vec<f64>,
    /// Where in the picture the person may be.
    mask: Option<Mask>,
    /// Where it begins to work, as a fraction of the sampling.
    #[param(default = 0.0, hard = 0.0..=1.0)]
    start: f64,
    /// Where it stops.
    #[param(default = 1.0, hard = 0.0..=1.0)]
    end: f64,
    /// Resizes the mask as InstantID's `full` pipeline does, by the nearest pixel instead of linearly.
    #[param(default = false)]
    nearest_mask: bool,
    /// Leaves out the layers of the middle block, as ComfyUI's InstantID nodes do since September 2024; only for pictures that
    /// shall come out as there.
    #[param(default = false)]
    skip_middle: bool,
) -> Result<Model> {
    if start > end {
        return Err(Error::input("start", format!("expected at most the end {end}, got {start}")));
    }
    let resize = if nearest_mask { MaskResize::Nearest } else { MaskResize::Bilinear };
    let weights = match layer_weights.is_empty() {
        true => vec![weight],
        false => layer_weights.iter().map(|factor| factor * weight).collect(),
    };
    model.adapters.push(AdapterUse {
        file: instantid.file,
        tokens: id.tokens,
        negative_tokens: id.negative_tokens,
        weights,
        span: Span { start, end },
        mask: mask.map(|mask| (mask, resize)),
        skip_middle,
    });
    Ok(model)
}
