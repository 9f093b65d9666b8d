//! The attention layers of a UNet in the order in which PyTorch registers them.
//!
//! Files that number layers instead of naming them (cloneofsimo's LoRA, IP-Adapter) count in this order: down blocks,
//! **up blocks, then the middle**, because diffusers' `UNet2DConditionModel` creates its two block lists before the
//! middle block. The order is not the one in which layers run.

use crate::weights::TensorInfo;
use std::collections::BTreeMap;

/// The modules of the attention layers among a UNet's tensors (diffusers' names), in registration order.
///
/// In SD1.5 and SDXL even positions are self-attention (`attn1`) and odd ones cross-attention (`attn2`).
pub(super) fn attention_layers(unet: &BTreeMap<String, TensorInfo>) -> Vec<&str> {
    let mut layers: Vec<&str> = unet.keys().filter_map(|name| name.strip_suffix(".to_q.weight")).collect();
    layers.sort_by_cached_key(|layer| registration_key(layer));
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
fn base_model(context: usize) -> Option<&'static str> {
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
        let mut tensors = BTreeMap::new();
        for block in ["mid_block.attentions.0", "up_blocks.0.attentions.0", "down_blocks.1.attentions.0"] {
            for attention in ["10.attn2", "2.attn1", "10.attn1", "2.attn2"] {
                let info = TensorInfo { shape: vec![4, 4], dtype: DType::F16 };
                tensors.insert(format!("{block}.transformer_blocks.{attention}.to_q.weight"), info);
            }
        }
        let layers = attention_layers(&tensors);
        assert_eq!(layers.len(), 12);
        assert_eq!(layers[0], "down_blocks.1.attentions.0.transformer_blocks.2.attn1");
        assert_eq!(layers[3], "down_blocks.1.attentions.0.transformer_blocks.10.attn2");
        assert_eq!(layers[4], "up_blocks.0.attentions.0.transformer_blocks.2.attn1");
        assert_eq!(layers[11], "mid_block.attentions.0.transformer_blocks.10.attn2");
    }

    #[test]
    fn a_hint_only_when_both_bases_are_known() {
        assert_eq!(other_base_hint(2048, 768), " (it is made for SDXL, the model is SD1.5)");
        assert_eq!(other_base_hint(20, 16), "");
    }
}
