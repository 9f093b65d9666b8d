//! InstantID's Image Adapter and the IP-Adapter family: image tokens, and the keys and values that layers make of them.
//!
//! A file holds an [`ImageProjection`], which makes tokens of an embedding, and for every cross-attention layer of the UNet a
//! pair of matrices that turns the tokens into keys and values. FaceID files also hold a LoRA of every attention layer.
//!
//! **Source**: IP-Adapter (arXiv 2308.06721), InstantID (arXiv 2401.07519).
//!
//! **Weights**: `image_proj.*` and `ip_adapter.{n}.to_{k,v}_ip.weight`, where `n` is the layer's position in
//! [`attention_layers`](crate::lora::attention_layers); a pickle's nested dictionaries flatten to the same names. Some SD1.5
//! ports name the layer by its path instead: `{path}.processor.to_k_ip.weight`.

mod image_adapter;
mod image_proj;
mod input;
mod problem;
mod resampler;

pub use image_adapter::ImageAdapter;
pub use image_proj::{FacePlusProjection, ImageProjection, LinearProjection, MlpProjection};
pub use problem::AdapterProblem;
pub use resampler::{PerceiverConfig, Resampler, noise_seed};

use crate::lora::{AttentionLayer, other_base_hint};
use crate::weights::{Delta, Deltas, Weights};
use crate::{Error, Result};
use candle_core::Tensor;

/// What one cross-attention layer of the UNet makes of the image tokens.
#[derive(Debug, Clone)]
pub struct AdapterLayer {
    /// The layer, e.g. `down_blocks.1.attentions.0.transformer_blocks.0.attn2`.
    pub path: String,
    /// Keys: `[hidden, context]`.
    pub to_k: Tensor,
    /// Values: `[hidden, context]`.
    pub to_v: Tensor,
}

/// An adapter file, read for one UNet.
#[derive(Debug, Clone)]
pub struct AdapterFile {
    /// Makes the image tokens.
    pub projection: ImageProjection,
    /// One for every cross-attention layer, in registration order: down, up, middle.
    pub layers: Vec<AdapterLayer>,
    /// FaceID's changes of the UNet's own attention weights at strength 1; empty in other files.
    pub lora: Deltas,
    /// Tensors of the file that are not used.
    pub ignored: Vec<String>,
}

impl AdapterFile {
    /// Reads a file for the UNet whose attention layers are given, in registration order.
    ///
    /// For `heads` of a perceiver see [`PerceiverConfig::infer`].
    ///
    /// # Errors
    /// [`Error::Adapter`] when the file is of another kind or made for another base model, [`Error::Weights`] with all tensors
    /// that are missing or have a wrong shape.
    pub fn load(weights: &Weights, attentions: &[AttentionLayer], heads: Option<usize>) -> Result<Self> {
        refuse_other_kinds(weights)?;
        let projection = ImageProjection::load(&weights.pp("image_proj"), heads)?;
        let layers = load_layers(weights, attentions)?;
        let lora = load_lora(weights, attentions)?;
        let report = weights.finish("an IP-Adapter")?;
        Ok(Self { projection, layers, lora, ignored: report.unexpected })
    }
}

/// Files that look alike and work otherwise: how their names start, what they are, why they cannot be used.
const OTHER_KINDS: &[(&str, &str, &str)] = &[
    (
        "id_encoder.",
        "PhotoMaker",
        "it rewrites the prompt's embeddings at a trigger word instead of adding attention layers",
    ),
    ("id_adapter", "PuLID", "its identity encoder needs EVA02-CLIP features"),
    ("pulid_encoder.", "PuLID", "its identity encoder needs EVA02-CLIP features"),
    ("pulid_ca", "PuLID for Flux", "it is made for a transformer, not for a UNet"),
    ("double_blocks.", "an IP-Adapter for Flux", "it is made for a transformer, not for a UNet"),
    ("single_blocks.", "an IP-Adapter for Flux", "it is made for a transformer, not for a UNet"),
];

fn refuse_other_kinds(weights: &Weights) -> Result<()> {
    let starts = |prefix: &str| weights.source().tensors().keys().any(|name| name.starts_with(prefix));
    match OTHER_KINDS.iter().find(|(prefix, ..)| starts(prefix)) {
        None => Ok(()),
        Some((_, name, reason)) => {
            fail(weights, AdapterProblem::Unsupported { name: name.to_string(), reason: reason.to_string() })
        }
    }
}

fn fail<T>(weights: &Weights, problem: AdapterProblem) -> Result<T> {
    Err(Error::Adapter { file: weights.source().describe(), problem })
}

/// Reads the keys and values of every cross-attention layer among `attentions`, which are in registration order.
///
/// Use it alone for files that hold no image projection, such as the `ip-state.ckpt` of an SD1.5 port.
///
/// # Errors
/// [`Error::Adapter`] when the file is made for another model; missing tensors are noted for [`Weights::finish`].
pub fn load_layers(weights: &Weights, attentions: &[AttentionLayer]) -> Result<Vec<AdapterLayer>> {
    let stored = weights.source().tensors();
    let found: Vec<_> = stored.iter().filter(|(name, _)| name.ends_with(".to_k_ip.weight")).collect();
    let cross: Vec<_> = attentions.iter().enumerate().filter(|(_, layer)| layer.is_cross()).collect();
    let by_path = found.iter().find_map(|(name, _)| name.strip_suffix(".processor.to_k_ip.weight"));
    // A path may stand behind a prefix, e.g. `state_dict.`.
    let prefix = by_path.and_then(|name| cross.iter().find_map(|(_, layer)| name.strip_suffix(layer.path.as_str())));

    let hint = |expected: usize| match found.first().and_then(|(_, info)| info.shape.get(1)) {
        Some(context) => other_base_hint(*context, expected),
        None => String::new(),
    };
    if found.len() != cross.len() {
        let hint = cross.first().map_or_else(String::new, |(_, layer)| hint(layer.context));
        return fail(weights, AdapterProblem::LayerCount { found: found.len(), expected: cross.len(), hint });
    }
    let layer = |(n, layer): (usize, &AttentionLayer)| -> Result<AdapterLayer> {
        let stem = match prefix {
            Some(prefix) => format!("{prefix}{}.processor", layer.path),
            None => format!("ip_adapter.{n}"),
        };
        let shape = [layer.hidden, layer.context];
        let read = |name: &str| -> Result<Tensor> {
            let name = format!("{stem}.{name}.weight");
            match weights.shape_of(&name) {
                Some(found) if found != shape => {
                    let (path, found, hint) = (layer.path.clone(), found.to_vec(), hint(layer.context));
                    fail(weights, AdapterProblem::LayerWidth { name, path, expected: shape, found, hint })
                }
                _ => weights.get(&name, shape.as_slice()),
            }
        };
        Ok(AdapterLayer { path: layer.path.clone(), to_k: read("to_k_ip")?, to_v: read("to_v_ip")? })
    };
    cross.into_iter().map(layer).collect()
}

/// FaceID's LoRA: `ip_adapter.{n}.to_{q,k,v,out}_lora.{down,up}.weight` for self- and cross-attention, without alpha.
///
/// Source: `LoRAIPAttnProcessor` of IP-Adapter's `attention_processor_faceid.py`.
fn load_lora(weights: &Weights, attentions: &[AttentionLayer]) -> Result<Deltas> {
    let mut deltas = Deltas::default();
    for (n, layer) in attentions.iter().enumerate() {
        for (name, module, inputs) in [
            ("to_q_lora", "to_q", layer.hidden),
            ("to_k_lora", "to_k", layer.context),
            ("to_v_lora", "to_v", layer.context),
            ("to_out_lora", "to_out.0", layer.hidden),
        ] {
            let weights = weights.pp("ip_adapter").pp(n).pp(name);
            let Some(rank) = weights.shape_of("down.weight").and_then(|shape| shape.first().copied()) else { continue };
            let down = weights.get("down.weight", (rank, inputs))?;
            let up = weights.get("up.weight", (layer.hidden, rank))?;
            deltas.push(format!("{}.{module}.weight", layer.path), Delta::low_rank(up, down, 1.0));
        }
    }
    Ok(deltas)
}

#[cfg(test)]
mod tests;
