//! Let a patch steer a model.

use crate::wires::Model;
use selfsame_sdk::prelude::*;

/// Lets a patch steer the denoising network from inside. The network itself stays as it is; several patches work together, by their
/// priorities and then in the order in which they were added.
#[node(id = "core.sampling.patch_model", category = "sampling", search = ["hook", "model patch"])]
#[output(model = "the model with the patch")]
pub fn patch_model(
    /// The denoising network.
    mut model: Model,
    /// What steers it.
    patch: ModelPatchValue,
) -> Result<Model> {
    model.patches.push(patch);
    Ok(model)
}
