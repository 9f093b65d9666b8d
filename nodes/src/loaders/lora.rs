//! Load a LoRA.

use crate::wires::{Clip, Lora, Model, ModelFile};
use selfsame_models::weights::{Kind, open, recognise};
use selfsame_sdk::prelude::*;

/// Lays a LoRA over a model: kohya, peft, diffusers, LyCORIS and LCM files. Several add up.
#[node(id = "core.loaders.lora", category = "loaders", search = ["lycoris", "lcm", "LoraLoader"])]
#[output(model = "the model with the LoRA", clip = "the text encoders with the LoRA, if there were any")]
pub fn load_lora(
    ctx: Ctx,
    /// What it is laid over.
    mut model: Model,
    /// The text encoders, which many LoRAs change too.
    clip: Clip,
    /// The file.
    #[param(model = "loras")]
    lora: String,
    /// How strongly it changes the denoising network; 1 as it was trained.
    #[param(default = 1.0, hard = -20.0..=20.0, soft = 0.0..=1.5, step = 0.05)]
    strength: f64,
    /// How strongly it changes the text encoders.
    #[param(default = 1.0, hard = -20.0..=20.0, soft = 0.0..=1.5, step = 0.05)]
    text_strength: f64,
) -> Result<(Model, Clip)> {
    let file = ModelFile::read(ctx, "loras", &lora).input("lora")?;
    let architecture = recognise(&open(&file.path).input("lora")?);
    if architecture.kind != Kind::Lora {
        return Err(Error::input("lora", format!("expected a LoRA, got {architecture}")));
    }
    let mut clip = clip;
    let lora = Lora { file, unet: strength, text: text_strength };
    model.loras.push(lora.clone());
    clip.loras.push(lora);
    Ok((model, clip))
}
