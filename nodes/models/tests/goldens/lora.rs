//! Networks with LoRA files laid over them.

use super::case::{Case, Outcome};
use super::{clip, nets};
use candle_core::Device;
use selfsame_models::Cancel;
use selfsame_models::lora::{LoraMatch, LoraStrength, LoraTargets, match_lora};
use selfsame_models::text::{ClipConfig, ClipText};
use selfsame_models::unet::{UNet, UNetConfig, UNetInput};
use selfsame_models::weights::{InMemory, Weights};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub fn run(case: &Case) -> Outcome {
    let model = Model::load(&case.models.join(nets::base_of(case)))?;
    let found = model.match_file(case)?;
    if !found.ignored.is_empty() {
        return Err(format!("ignored: {:?}", found.ignored).into());
    }
    let text_layers = found.text_encoder.len() + found.text_encoder_2.len();
    for (counted, layers) in [("unet_layers", found.unet.len()), ("text_layers", text_layers)] {
        case.push(counted, (case.number(counted)? - layers as f64).abs(), 0.0);
    }
    check_unet(case, &model, &model.unet.with_deltas(Arc::new(found.unet)))?;
    let second = model.text_encoder_2.as_ref().map(|weights| weights.with_deltas(Arc::new(found.text_encoder_2)));
    let first = model.text_encoder.with_deltas(Arc::new(found.text_encoder));
    for (name, folder, weights) in [
        ("out.te1_last_hidden_state", "text_encoder", Some(first)),
        ("out.te2_last_hidden_state", "text_encoder_2", second),
    ] {
        if case.has(name) {
            let weights = weights.ok_or_else(|| format!("{name} needs a model with {folder}"))?;
            check_text(case, name, &model.folder.join(folder), &weights)?;
        }
    }
    Ok(())
}

/// The networks of one base model, as files.
struct Model {
    folder: PathBuf,
    unet: Weights,
    text_encoder: Weights,
    text_encoder_2: Option<Weights>,
}

impl Model {
    fn load(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let second = folder.join("text_encoder_2/model.safetensors");
        Ok(Self {
            folder: folder.to_path_buf(),
            unet: nets::weights(&folder.join("unet/diffusion_pytorch_model.safetensors"))?,
            text_encoder: nets::weights(&folder.join("text_encoder/model.safetensors"))?,
            text_encoder_2: if second.exists() { Some(nets::weights(&second)?) } else { None },
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

fn check_unet(case: &Case, model: &Model, weights: &Weights) -> Outcome {
    let unet = UNet::new(&UNetConfig::from_json(&nets::config(&model.folder.join("unet"))?)?, weights)?;
    weights.finish("UNet")?;
    let out = unet.forward(&UNetInput {
        sample: &case.input("in.sample")?,
        timesteps: &case.input("in.timestep")?,
        context: &unet.project_context(&case.input("in.encoder_hidden_states")?)?,
        added: nets::added(case)?.as_ref(),
        guidance: None,
        adapters: &[],
        residuals: None,
        hook: None,
        cancel: &Cancel::default(),
        observe: None,
    })?;
    case.check("out.sample", &out)
}

fn check_text(case: &Case, name: &str, folder: &Path, weights: &Weights) -> Outcome {
    let config = ClipConfig::from_json(&nets::config(folder)?)?;
    let encoder = ClipText::new(&config, weights)?;
    weights.finish("CLIP text encoder")?;
    let output = encoder.forward(&clip::tokens(&case.stored("in.input_ids")?)?, &Cancel::default())?;
    case.check(name, &output.last_hidden_state)
}
