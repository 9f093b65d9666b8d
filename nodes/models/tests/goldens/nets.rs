//! Loads the tiny networks of a set.

use super::case::Case;
use candle_core::{DType, Device};
use selfsame_models::adapter::ImageAdapter;
use selfsame_models::controlnet::{ControlNet, ControlNetConfig};
use selfsame_models::unet::{AddedConditions, UNet, UNetConfig};
use selfsame_models::weights::{Weights, open};
use serde_json::Value;
use std::error::Error;
use std::path::Path;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// `sdxl` or `sd15`: which folder of `models/` a case is about; its name starts with it.
pub fn base_of(case: &Case) -> &str {
    case.name.split('_').next().unwrap_or_default()
}

/// The longest folder of `models/` that the case's name starts with.
pub fn folder_of(case: &Case) -> Result<String> {
    let mut best = String::new();
    for entry in std::fs::read_dir(&case.models)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && case.name.starts_with(&format!("{name}_")) && name.len() > best.len() {
            best = name;
        }
    }
    if best.is_empty() { Err(format!("no folder of models/ fits the name {}", case.name).into()) } else { Ok(best) }
}

pub fn config(folder: &Path) -> Result<Value> {
    let path = folder.join("config.json");
    Ok(serde_json::from_str(&std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?)?)
}

/// The weights of a file, in f32.
pub fn weights(file: &Path) -> Result<Weights> {
    Ok(Weights::new(open(file)?, DType::F32, &Device::Cpu))
}

pub fn unet(models: &Path, base: &str) -> Result<UNet> {
    let folder = models.join(base).join("unet");
    let weights = weights(&folder.join("diffusion_pytorch_model.safetensors"))?;
    let unet = UNet::new(&UNetConfig::from_json(&config(&folder)?)?, &weights)?;
    weights.finish("UNet")?;
    Ok(unet)
}

pub fn controlnet(models: &Path, folder: String) -> Result<ControlNet> {
    let folder = models.join(folder);
    let weights = weights(&folder.join("diffusion_pytorch_model.safetensors"))?;
    let net = ControlNet::new(&ControlNetConfig::from_json(&config(&folder)?)?, &weights)?;
    weights.finish("ControlNet")?;
    Ok(net)
}

/// The weights of a base model's InstantID file: the flat one, or the pickle with its nested dictionaries.
pub fn adapter_weights(models: &Path, base: &str) -> Result<Weights> {
    let flat = models.join(format!("ip-adapter_{base}.safetensors"));
    weights(&if flat.exists() { flat } else { flat.with_extension("bin") })
}

pub fn adapter(models: &Path, base: &str) -> Result<ImageAdapter> {
    let unet = unet(models, base)?;
    let weights = adapter_weights(models, base)?;
    let adapter = ImageAdapter::new(unet.cross_layers(), &weights.pp("ip_adapter"))?;
    weights.finish("Image Adapter")?;
    Ok(adapter)
}

/// SDXL's added conditions of a case, if it has them.
pub fn added(case: &Case) -> Result<Option<AddedConditions>> {
    match case.has("in.text_embeds") {
        false => Ok(None),
        true => Ok(Some(AddedConditions {
            text_embeds: case.input("in.text_embeds")?,
            time_ids: case.input("in.time_ids")?,
        })),
    }
}
