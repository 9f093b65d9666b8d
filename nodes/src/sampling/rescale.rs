//! Guidance without glare.

use crate::wires::Model;
use selfsame_models::sampling::Rescale;
use selfsame_sdk::prelude::*;

/// Where the contrast is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Measure {
    /// On the velocity, as ComfyUI's RescaleCFG.
    Velocity,
    /// On the network's output, as diffusers' `guidance_rescale`.
    Output,
}

/// Pulls the contrast of guided predictions back to what it would be without guidance (arXiv 2305.08891, section 3.4).
#[node(id = "core.sampling.rescale_guidance", category = "sampling", search = ["RescaleCFG"])]
#[output(model = "the model whose guidance is rescaled")]
pub fn rescale_guidance(
    /// The model.
    mut model: Model,
    /// How much: 0 not at all, 1 wholly.
    #[param(default = 0.7, hard = 0.0..=1.0, step = 0.05)]
    amount: f64,
    /// Where the contrast is measured.
    #[param(default = "velocity")]
    measure: Measure,
) -> Result<Model> {
    model.rescale = match measure {
        Measure::Velocity => Rescale::Velocity(amount),
        Measure::Output => Rescale::Output(amount),
    };
    Ok(model)
}
