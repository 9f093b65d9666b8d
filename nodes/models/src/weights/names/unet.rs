//! UNet and ControlNet, which is its first half.

use super::{Renaming, below, find_prefix, renamed};
use crate::weights::TensorSource;
use std::collections::HashMap;
use std::sync::Arc;

/// Members of LDM's ResNet blocks and of its down-sampling convolution.
const MEMBERS: &[(&str, &str)] = &[
    ("in_layers.0", "norm1"),
    ("in_layers.2", "conv1"),
    ("emb_layers.1", "time_emb_proj"),
    ("out_layers.0", "norm2"),
    ("out_layers.3", "conv2"),
    ("skip_connection", "conv_shortcut"),
    ("op", "conv"),
];

/// Modules that are the same in every UNet and ControlNet.
const FIXED: &[(&str, &str)] = &[
    ("input_blocks.0.0", "conv_in"),
    ("time_embed.0", "time_embedding.linear_1"),
    ("time_embed.2", "time_embedding.linear_2"),
    ("label_emb.0.0", "add_embedding.linear_1"),
    ("label_emb.0.2", "add_embedding.linear_2"),
    ("out.0", "conv_norm_out"),
    ("out.2", "conv_out"),
    ("middle_block_out.0", "controlnet_mid_block"),
];

/// The UNet inside `source` in diffusers names: from a full checkpoint, a bare UNet in either naming, or a folder's file.
pub fn unet(source: Arc<dyn TensorSource>) -> Arc<dyn TensorSource> {
    open(source, &["model.diffusion_model.", "diffusion_model.", "unet.", ""])
}

/// The ControlNet inside `source` in diffusers names; `control_model.` before LDM names is optional.
pub fn controlnet(source: Arc<dyn TensorSource>) -> Arc<dyn TensorSource> {
    open(source, &["control_model.", "controlnet.", ""])
}

fn open(source: Arc<dyn TensorSource>, prefixes: &[&str]) -> Arc<dyn TensorSource> {
    const LDM: &[&str] = &["input_blocks.0.0.weight"];
    if let Some(prefix) = find_prefix(source.as_ref(), prefixes, LDM) {
        let network = below(source, prefix);
        let modules = modules(network.as_ref());
        return renamed(network, &Renaming { modules, members: MEMBERS });
    }
    match find_prefix(source.as_ref(), prefixes, &["conv_in.weight"]) {
        Some(prefix) => below(source, prefix),
        None => source,
    }
}

/// What an LDM module is, told by its members.
enum Role {
    Resnet,
    Attention,
    Down,
    Up,
}

fn role(network: &dyn TensorSource, module: &str) -> Option<Role> {
    let has = |member: &str| network.tensors().contains_key(&format!("{module}.{member}.weight"));
    match () {
        () if has("in_layers.0") => Some(Role::Resnet),
        () if has("proj_in") => Some(Role::Attention),
        () if has("op") => Some(Role::Down),
        () if has("conv") => Some(Role::Up),
        () => None,
    }
}

/// The modules `list.index.0`, `list.index.1`, … with their roles, in order.
fn walk(network: &dyn TensorSource, list: &str, first: usize) -> Vec<(String, Role)> {
    let group = |index: usize| {
        let module = move |part: usize| format!("{list}.{index}.{part}");
        (0..).map(module).map_while(|m| role(network, &m).map(|r| (m, r))).collect::<Vec<_>>()
    };
    (first..).map(group).take_while(|modules| !modules.is_empty()).flatten().collect()
}

/// LDM module names to diffusers', for the blocks that this network has.
fn modules(network: &dyn TensorSource) -> HashMap<String, String> {
    let mut modules: HashMap<String, String> =
        FIXED.iter().map(|(from, to)| (from.to_string(), to.to_string())).collect();
    for (list, first, blocks) in [("input_blocks", 1, "down_blocks"), ("output_blocks", 0, "up_blocks")] {
        // A resampler ends its block; LDM numbers on through all blocks.
        let (mut block, mut resnets, mut attentions) = (0, 0, 0);
        for (module, role) in walk(network, list, first) {
            let member = match role {
                Role::Resnet => format!("resnets.{resnets}"),
                Role::Attention => format!("attentions.{attentions}"),
                Role::Down => "downsamplers.0".to_string(),
                Role::Up => "upsamplers.0".to_string(),
            };
            modules.insert(module, format!("{blocks}.{block}.{member}"));
            match role {
                Role::Resnet => resnets += 1,
                Role::Attention => attentions += 1,
                Role::Down | Role::Up => (block, resnets, attentions) = (block + 1, 0, 0),
            }
        }
    }
    let (mut resnets, mut attentions) = (0, 0);
    for module in (0..).map(|i| format!("middle_block.{i}")) {
        let (member, index) = match role(network, &module) {
            Some(Role::Resnet) => ("resnets", &mut resnets),
            Some(Role::Attention) => ("attentions", &mut attentions),
            _ => break,
        };
        modules.insert(module, format!("mid_block.{member}.{index}"));
        *index += 1;
    }
    modules.extend(hint_modules(network));
    let zero = |n: usize| (format!("zero_convs.{n}.0"), format!("controlnet_down_blocks.{n}"));
    modules.extend((0..).map(zero).take_while(|(m, _)| network.tensors().contains_key(&format!("{m}.weight"))));
    modules
}

/// The hint embedding: convolutions at the even places of a Sequential, SiLU between.
fn hint_modules(network: &dyn TensorSource) -> Vec<(String, String)> {
    let module = |n: usize| format!("input_hint_block.{}", 2 * n);
    let count = (0..).take_while(|n| network.tensors().contains_key(&format!("{}.weight", module(*n)))).count();
    let name = |n: usize| match n {
        0 => "controlnet_cond_embedding.conv_in".to_string(),
        n if n + 1 == count => "controlnet_cond_embedding.conv_out".to_string(),
        n => format!("controlnet_cond_embedding.blocks.{}", n - 1),
    };
    (0..count).map(|n| (module(n), name(n))).collect()
}
