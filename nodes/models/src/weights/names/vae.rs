//! The VAE: LDM's names, and those of diffusers before 0.15 for the attention.

use super::{Renaming, below, find_prefix, is_pointwise};
use crate::weights::TensorSource;
use crate::weights::rename::{Change, Renamed};
use std::collections::HashMap;
use std::sync::Arc;

/// Members of LDM's blocks and attention, and of diffusers' attention before 0.15.
const MEMBERS: &[(&str, &str)] = &[
    ("nin_shortcut", "conv_shortcut"),
    ("norm", "group_norm"),
    ("q", "to_q"),
    ("k", "to_k"),
    ("v", "to_v"),
    ("proj_out", "to_out.0"),
    ("query", "to_q"),
    ("key", "to_k"),
    ("value", "to_v"),
    ("proj_attn", "to_out.0"),
];

/// The VAE inside `source` in diffusers names; the attention's 1×1 convolutions become linear layers.
pub fn vae(source: Arc<dyn TensorSource>) -> Arc<dyn TensorSource> {
    let prefixes = ["first_stage_model.", "vae.", ""];
    let Some(prefix) = find_prefix(source.as_ref(), &prefixes, &["encoder.conv_in.weight", "decoder.conv_in.weight"])
    else {
        return source;
    };
    let network = below(source, prefix);
    let renaming = Renaming { modules: modules(network.as_ref()), members: MEMBERS };
    Renamed::view(network, |stored, info| {
        let name = renaming.translate(stored);
        let linear = name.contains(".attentions.") && is_pointwise(info);
        vec![(name, if linear { Change::Flatten } else { Change::Same })]
    })
}

fn modules(network: &dyn TensorSource) -> HashMap<String, String> {
    let mut modules = HashMap::new();
    let mut rename = |from: String, to: String| modules.insert(from, to);
    for (half, list, blocks, sampler, samplers) in [
        ("encoder", "down", "down_blocks", "downsample", "downsamplers"),
        ("decoder", "up", "up_blocks", "upsample", "upsamplers"),
    ] {
        let has = |level: usize, block: usize| {
            network.tensors().contains_key(&format!("{half}.{list}.{level}.block.{block}.norm1.weight"))
        };
        let levels = (0..).take_while(|level| has(*level, 0)).count();
        for level in 0..levels {
            // LDM numbers the decoder's levels by resolution, diffusers in the order they run.
            let to = if half == "decoder" { levels - 1 - level } else { level };
            for block in (0..).take_while(|block| has(level, *block)) {
                rename(format!("{half}.{list}.{level}.block.{block}"), format!("{half}.{blocks}.{to}.resnets.{block}"));
            }
            rename(format!("{half}.{list}.{level}.{sampler}"), format!("{half}.{blocks}.{to}.{samplers}.0"));
        }
        rename(format!("{half}.norm_out"), format!("{half}.conv_norm_out"));
        rename(format!("{half}.mid.block_1"), format!("{half}.mid_block.resnets.0"));
        rename(format!("{half}.mid.block_2"), format!("{half}.mid_block.resnets.1"));
        let attention = format!("{half}.mid_block.attentions.0");
        rename(format!("{half}.mid.attn_1"), attention.clone());
        rename(attention.clone(), attention);
    }
    modules
}
