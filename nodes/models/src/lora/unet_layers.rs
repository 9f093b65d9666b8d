//! The attention layers of a UNet in the order in which PyTorch registers them.
//!
//! Files that number layers instead of naming them (cloneofsimo's LoRA, IP-Adapter, InstantID) count in this order: down
//! blocks, **up blocks, then the middle**, because diffusers' `UNet2DConditionModel` creates its two block lists before the
//! middle block. The order is not the one in which layers run.

use crate::weights::TensorInfo;
use std::collections::BTreeMap;

/// One attention layer of a UNet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttentionLayer {
    /// Its module, e.g. `down_blocks.1.attentions.0.transformer_blocks.0.attn2`.
    pub path: String,
    /// Width of the queries.
    pub hidden: usize,
    /// Width of what keys and values are made of: `hidden` for self-attention, the text width for cross-attention.
    pub context: usize,
}

impl AttentionLayer {
    /// Whether it looks at the text (`attn2`) and not at the picture itself (`attn1`).
    pub fn is_cross(&self) -> bool {
        self.path.ends_with(".attn2")
    }
}

/// The attention layers among a UNet's tensors (diffusers' names), in registration order.
///
/// In SD1.5 and SDXL even positions are self-attention and odd ones cross-attention; the position is the number that
/// `ip_adapter.{n}.to_k_ip.weight` carries.
pub fn attention_layers(unet: &BTreeMap<String, TensorInfo>) -> Vec<AttentionLayer> {
    let layer = |(name, to_q): (&String, &TensorInfo)| {
        let path = name.strip_suffix(".to_q.weight")?;
        let to_k = unet.get(&format!("{path}.to_k.weight"))?;
        Some(AttentionLayer { path: path.into(), hidden: *to_q.shape.first()?, context: *to_k.shape.get(1)? })
    };
    let mut layers: Vec<_> = unet.iter().filter_map(layer).collect();
    layers.sort_by_cached_key(|layer| registration_key(&layer.path));
    layers
}

/// Sorts `down_blocks`, `up_blocks`, `mid_block`, then by the numbers in the path (10 after 9), then `attn1` before `attn2`.
fn registration_key(path: &str) -> (usize, Vec<usize>, String) {
    const BLOCKS: [&str; 3] = ["down_blocks", "up_blocks", "mid_block"];
    let mut segments = path.split('.');
    let block = segments.next().and_then(|name| BLOCKS.iter().position(|b| *b == name)).unwrap_or(BLOCKS.len());
    let numbers = segments.clone().filter_map(|segment| segment.parse().ok()).collect();
    (block, numbers, segments.next_back().unwrap_or_default().to_string())
}

/// Which base model has text of this width.
///
/// Source: `cross_attention_dim` in the published `unet/config.json` of each.
pub fn base_model(context: usize) -> Option<&'static str> {
    match context {
        768 => Some("SD1.5"),
        1024 => Some("SD2"),
        1280 => Some("the SDXL refiner"),
        2048 => Some("SDXL"),
        _ => None,
    }
}

/// ` (it is made for SDXL, the model is SD1.5)` where both text widths tell and differ, else nothing.
pub(crate) fn other_base_hint(found: usize, expected: usize) -> String {
    match (base_model(found), base_model(expected)) {
        (Some(made_for), Some(model)) if made_for != model => {
            format!(" (it is made for {made_for}, the model is {model})")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::DType;

    #[test]
    fn down_up_mid_and_numbers_by_value() {
        let block = |path: &str| format!("{path}.transformer_blocks");
        let mut tensors = BTreeMap::new();
        for path in ["mid_block.attentions.0", "up_blocks.0.attentions.0", "down_blocks.1.attentions.0"] {
            for (i, attn, context) in [(10, "attn2", 6), (2, "attn1", 4), (10, "attn1", 4), (2, "attn2", 6)] {
                for (name, shape) in [("to_q", [4, 4]), ("to_k", [4, context])] {
                    let info = TensorInfo { shape: shape.to_vec(), dtype: DType::F16 };
                    tensors.insert(format!("{}.{i}.{attn}.{name}.weight", block(path)), info);
                }
            }
        }
        let layers = attention_layers(&tensors);
        let paths: Vec<&str> = layers.iter().map(|l| l.path.as_str()).collect();
        assert_eq!(paths.len(), 12);
        assert_eq!(paths[0], "down_blocks.1.attentions.0.transformer_blocks.2.attn1");
        assert_eq!(paths[3], "down_blocks.1.attentions.0.transformer_blocks.10.attn2");
        assert_eq!(paths[4], "up_blocks.0.attentions.0.transformer_blocks.2.attn1");
        assert_eq!(paths[11], "mid_block.attentions.0.transformer_blocks.10.attn2");
        assert_eq!((layers[3].hidden, layers[3].context), (4, 6));
        assert!(layers.iter().enumerate().all(|(n, layer)| layer.is_cross() == (n % 2 == 1)));
    }

    #[test]
    fn a_hint_only_when_both_bases_are_known() {
        assert_eq!(other_base_hint(2048, 768), " (it is made for SDXL, the model is SD1.5)");
        assert_eq!(other_base_hint(20, 16), "");
    }
}
