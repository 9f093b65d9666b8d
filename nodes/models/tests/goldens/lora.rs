//! Networks with LoRA files laid over them.

use super::case::{Case, Outcome};
use candle_core::{DType, Device};
use selfsame_models::lora::{LoraMatch, LoraStrength, LoraTargets, match_lora};
use selfsame_models::weights::{InMemory, TensorSource, Weights};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The networks of one base model.
struct Model {
    unet: Weights,
    text_encoder: Weights,
    text_encoder_2: Option<Weights>,
}

impl Model {
    fn load(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let second = folder.join("text_encoder_2/model.safetensors");
        Ok(Self {
            unet: weights(&folder.join("unet/diffusion_pytorch_model.safetensors"))?,
            text_encoder: weights(&folder.join("text_encoder/model.safetensors"))?,
            text_encoder_2: if second.exists() { Some(weights(&second)?) } else { None },
        })
    }

    fn match_file(&self, case: &Case) -> Result<LoraMatch, Box<dyn Error>> {
        let file = InMemory::new(candle_core::safetensors::load(case.models.join(case.text("file")?), &Device::Cpu)?);
        let targets = LoraTargets {
            unet: Some(self.unet.source().tensors()),
            text_encoder: Some(self.text_encoder.source().tensors()),
            text_encoder_2: self.text_encoder_2.as_ref().map(|weights| weights.source().tensors()),
        };
        let scale = case.number("scale")?;
        Ok(match_lora(&file, &targets, LoraStrength { unet: scale, text: scale })?)
    }
}

fn weights(path: &Path) -> Result<Weights, Box<dyn Error>> {
    let tensors = candle_core::safetensors::load(path, &Device::Cpu).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(Weights::from_tensors(tensors, DType::F32, &Device::Cpu))
}

/// The model folder whose UNet takes text as wide as the case's.
fn model_folder(case: &Case) -> Result<PathBuf, Box<dyn Error>> {
    let width = case.stored("in.encoder_hidden_states")?.dim(2)?;
    for entry in std::fs::read_dir(&case.models)? {
        let folder = entry?.path();
        let Ok(text) = std::fs::read_to_string(folder.join("unet/config.json")) else { continue };
        let config: serde_json::Value = serde_json::from_str(&text)?;
        if config["cross_attention_dim"].as_u64() == Some(width as u64) {
            return Ok(folder);
        }
    }
    Err(format!("no model takes text of width {width}").into())
}

pub fn run(case: &Case) -> Outcome {
    let folder = model_folder(case)?;
    let model = Model::load(&folder)?;
    let found = model.match_file(case)?;
    if !found.ignored.is_empty() {
        return Err(format!("ignored: {:?}", found.ignored).into());
    }
    for (counted, deltas) in
        [("unet_layers", found.unet.len()), ("text_layers", found.text_encoder.len() + found.text_encoder_2.len())]
    {
        case.push(counted, (case.number(counted)? - deltas as f64).abs(), 0.0);
    }
    let unet = model.unet.with_deltas(Arc::new(found.unet));
    let text_encoder = model.text_encoder.with_deltas(Arc::new(found.text_encoder));
    let text_encoder_2 = model.text_encoder_2.map(|weights| weights.with_deltas(Arc::new(found.text_encoder_2)));
    check_outputs(case, &folder, &unet, &text_encoder, text_encoder_2.as_ref())
}

/// Runs the changed networks: `out.sample` from `in.sample`, `in.timestep`, `in.encoder_hidden_states` (and `in.text_embeds`,
/// `in.time_ids` where the model takes them), `out.te{1,2}_last_hidden_state` from `in.input_ids`.
fn check_outputs(_: &Case, _: &Path, _: &Weights, _: &Weights, _: Option<&Weights>) -> Outcome {
    Err("the networks are not there yet".into())
}
