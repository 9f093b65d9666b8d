//! InstantID's Image Adapter and the IP-Adapter family: image tokens, and the keys and values that layers make of them.
//!
//! A file holds an [`ImageProjection`], which makes tokens of an embedding, and for every cross-attention layer of the UNet a
//! pair of matrices that turns the tokens into keys and values. FaceID files also hold a LoRA of every attention layer.
//!
//! **Source**: IP-Adapter (arXiv 2308.06721), InstantID (arXiv 2401.07519).
//!
//! **Weights**: `image_proj.*` for the projection, `ip_adapter.*` for the layers (see [`ImageAdapter`]); a pickle's nested
//! dictionaries flatten to the same names.

mod image_adapter;
mod image_proj;
mod input;
mod problem;
mod resampler;

pub use image_adapter::ImageAdapter;
pub use image_proj::{FacePlusProjection, ImageProjection, LinearProjection, MlpProjection};
pub use problem::AdapterProblem;
pub use resampler::{PerceiverConfig, Resampler, noise_seed};

use crate::unet::CrossLayer;
use crate::weights::{Delta, Deltas, Weights};
use crate::{Error, Result};

/// An adapter file, read for one UNet.
#[derive(Debug, Clone)]
pub struct AdapterFile {
    /// Makes the image tokens.
    pub projection: ImageProjection,
    /// Makes keys and values of them for every cross-attention layer.
    pub adapter: ImageAdapter,
    /// FaceID's changes of the UNet's own attention weights at strength 1; empty in other files.
    pub lora: Deltas,
    /// Tensors of the file that are not used.
    pub ignored: Vec<String>,
}

impl AdapterFile {
    /// Reads a file for the UNet that has these [`cross_layers`](crate::unet::UNet::cross_layers).
    ///
    /// For `heads` of a perceiver see [`PerceiverConfig::infer`].
    ///
    /// # Errors
    /// [`Error::Adapter`] when the file is of another kind or made for another base model, [`Error::Weights`] with all tensors
    /// that are missing or have a wrong shape.
    pub fn load(weights: &Weights, layers: &[CrossLayer], heads: Option<usize>) -> Result<Self> {
        refuse_other_kinds(weights)?;
        let projection = ImageProjection::load(&weights.pp("image_proj"), heads)?;
        let adapter = ImageAdapter::new(layers, &weights.pp("ip_adapter"))?;
        let lora = load_lora(layers, &weights.pp("ip_adapter"))?;
        let report = weights.finish("an IP-Adapter")?;
        Ok(Self { projection, adapter, lora, ignored: report.unexpected })
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
            let (name, reason) = (name.to_string(), reason.to_string());
            Err(Error::adapter(weights, AdapterProblem::Unsupported { name, reason }))
        }
    }
}

/// FaceID's LoRA: `{n}.to_{q,k,v,out}_lora.{down,up}.weight` for self-attention (n = 2i) and cross-attention (n = 2i + 1) of
/// transformer block i, without alpha.
///
/// Source: `LoRAIPAttnProcessor` of IP-Adapter's `attention_processor_faceid.py`.
fn load_lora(layers: &[CrossLayer], weights: &Weights) -> Result<Deltas> {
    let mut deltas = Deltas::default();
    for (i, layer) in layers.iter().enumerate() {
        let block = layer.path.strip_suffix(".attn2").unwrap_or(&layer.path);
        for (n, attention, context) in [(2 * i, "attn1", layer.hidden), (2 * i + 1, "attn2", layer.context)] {
            for (name, module, inputs) in [
                ("to_q_lora", "to_q", layer.hidden),
                ("to_k_lora", "to_k", context),
                ("to_v_lora", "to_v", context),
                ("to_out_lora", "to_out.0", layer.hidden),
            ] {
                let weights = weights.pp(n).pp(name);
                let Some(rank) = weights.shape_of("down.weight").and_then(|shape| shape.first().copied()) else {
                    continue;
                };
                let down = weights.get("down.weight", (rank, inputs))?;
                let up = weights.get("up.weight", (layer.hidden, rank))?;
                deltas.push(format!("{block}.{attention}.{module}.weight"), Delta::low_rank(up, down, 1.0));
            }
        }
    }
    Ok(deltas)
}

#[cfg(test)]
mod tests;
