//! Depth Anything: the original code's names, and those of its DINOv2, as transformers'.

use super::same;
use crate::weights::TensorSource;
use crate::weights::rename::{Change, Renamed};
use std::sync::Arc;

/// What stands outside the lists of layers.
const MODULES: &[(&str, &str)] = &[
    ("pretrained.cls_token", "backbone.embeddings.cls_token"),
    ("pretrained.mask_token", "backbone.embeddings.mask_token"),
    ("pretrained.pos_embed", "backbone.embeddings.position_embeddings"),
    ("pretrained.patch_embed.proj.", "backbone.embeddings.patch_embeddings.projection."),
    ("pretrained.norm.", "backbone.layernorm."),
    ("depth_head.scratch.output_conv1.", "head.conv1."),
    ("depth_head.scratch.output_conv2.0.", "head.conv2."),
    ("depth_head.scratch.output_conv2.2.", "head.conv3."),
];

/// Lists of the head: the original's, transformers', and what follows their number there.
const LISTS: &[(&str, &str, &str)] = &[
    ("depth_head.projects.", "neck.reassemble_stage.layers.", "projection."),
    ("depth_head.resize_layers.", "neck.reassemble_stage.layers.", "resize."),
];

/// Members of a layer of DINOv2.
const LAYER: &[(&str, &str)] = &[
    ("attn.proj.", "attention.output.dense."),
    ("ls1.gamma", "layer_scale1.lambda1"),
    ("ls2.gamma", "layer_scale2.lambda1"),
];

/// Members of a merging step.
const FUSION: &[(&str, &str)] = &[
    ("out_conv.", "projection."),
    ("resConfUnit1.conv", "residual_layer1.convolution"),
    ("resConfUnit2.conv", "residual_layer2.convolution"),
];

/// Depth Anything inside `source` in transformers' names.
///
/// The original's fused queries, keys and values are split; its merging steps count from the finest one, and from 1.
pub fn depth_anything(source: Arc<dyn TensorSource>) -> Arc<dyn TensorSource> {
    if !source.tensors().contains_key("pretrained.cls_token") {
        return source;
    }
    Renamed::view(source, |stored, _| {
        let fused = ["weight", "bias"].iter().find_map(|m| Some((stored.strip_suffix(&format!("attn.qkv.{m}"))?, m)));
        if let Some((layer, member)) = fused {
            let parts = ["query", "key", "value"].iter().enumerate();
            let name = |part| format!("{}attention.attention.{part}.{member}", in_layer(layer).unwrap_or(layer.into()));
            return parts.map(|(index, part)| (name(part), Change::Part { index, parts: 3 })).collect();
        }
        same(Some(translate(stored).unwrap_or_else(|| stored.to_string())))
    })
}

fn translate(stored: &str) -> Option<String> {
    let replaced = |table: &[(&str, &str)], name: &str| {
        table.iter().find_map(|(from, to)| Some(format!("{to}{}", name.strip_prefix(from)?)))
    };
    if let Some(name) = replaced(MODULES, stored) {
        return Some(name);
    }
    if let Some(name) = in_layer(stored) {
        let (number, member) = name.strip_prefix(LAYERS)?.split_once('.')?;
        return Some(replaced(LAYER, member).map_or(name.clone(), |member| format!("{LAYERS}{number}.{member}")));
    }
    for (from, to, member) in LISTS {
        if let Some((number, rest)) = stored.strip_prefix(from).and_then(|rest| rest.split_once('.')) {
            return Some(format!("{to}{number}.{member}{rest}"));
        }
    }
    let scratch = stored.strip_prefix("depth_head.scratch.")?;
    if let Some(rest) = scratch.strip_prefix("layer") {
        let (number, rest) = rest.split_once("_rn.")?;
        return Some(format!("neck.convs.{}.{rest}", number.parse::<usize>().ok()?.checked_sub(1)?));
    }
    let (number, member) = scratch.strip_prefix("refinenet")?.split_once('.')?;
    let index = 4usize.checked_sub(number.parse().ok()?)?;
    Some(format!("neck.fusion_stage.layers.{index}.{}", replaced(FUSION, member)?))
}

const LAYERS: &str = "backbone.encoder.layer.";

/// A name inside a layer of DINOv2, below transformers' list of layers.
fn in_layer(stored: &str) -> Option<String> {
    Some(format!("{LAYERS}{}", stored.strip_prefix("pretrained.blocks.")?))
}
