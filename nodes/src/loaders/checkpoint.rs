//! Load a checkpoint.

use crate::wires::{Clip, Model, ModelFile, Vae};
use selfsame_models::samplers::Prediction;
use selfsame_models::sampling::Rescale;
use selfsame_models::weights::{Checkpoint, Family};
use selfsame_sdk::prelude::*;

/// Loads a checkpoint of SD1.5 or SDXL: the denoising network, the text encoders and the autoencoder.
///
/// It takes single files (safetensors, or torch pickles, of which nothing is executed) and folders in diffusers' layout.
#[node(id = "core.loaders.checkpoint", category = "loaders", search = ["model", "sdxl", "sd1.5", "CheckpointLoaderSimple"])]
#[output(model = "the denoising network", clip = "its text encoders", vae = "its autoencoder")]
pub fn load_checkpoint(
    ctx: Ctx,
    /// The file or folder.
    #[param(model = "checkpoints")]
    checkpoint: String,
) -> Result<(Model, Clip, Vae)> {
    let file = ModelFile::read(ctx, "checkpoints", &checkpoint).input("checkpoint")?;
    let opened = Checkpoint::open(&file.path).input("checkpoint")?;
    let architecture = opened.architecture();
    let Some(family @ (Family::Sd15 | Family::Sdxl)) = architecture.family else {
        let message = format!("expected a checkpoint of SD1.5 or SDXL, got {architecture}");
        return Err(Error::input("checkpoint", message));
    };
    let model = Model {
        file: file.clone(),
        family,
        prediction: if architecture.v_prediction { Prediction::VPrediction } else { Prediction::Epsilon },
        zero_terminal_snr: architecture.zero_terminal_snr,
        scheduler_config: opened.scheduler_config().map(ToString::to_string),
        loras: Vec::new(),
        adapters: Vec::new(),
        patches: Vec::new(),
        rescale: Rescale::Off,
    };
    let clip = Clip { file: file.clone(), family, loras: Vec::new(), embeddings: Vec::new(), skip: 0 };
    Ok((model, clip, Vae { file, is_tiny: false, family: Some(family) }))
}
