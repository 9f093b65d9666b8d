//! The names that the original SD code base (LDM) gives to the modules of a diffusers UNet.
//!
//! Kohya's trainer names SDXL layers that way (`lora_unet_input_blocks_4_1_…`). The map is built by walking the blocks that
//! the model really has, so it holds for any number of blocks and layers.
//!
//! **Source**: the block order of `openaimodel.py` in CompVis/stable-diffusion and Stability-AI/generative-models.

use std::collections::HashMap;

/// Modules outside of the blocks.
const OUTSIDE: &[(&str, &str)] = &[
    ("conv_in", "input_blocks.0.0"),
    ("time_embedding.linear_1", "time_embed.0"),
    ("time_embedding.linear_2", "time_embed.2"),
    ("add_embedding.linear_1", "label_emb.0.0"),
    ("add_embedding.linear_2", "label_emb.0.2"),
    ("conv_norm_out", "out.0"),
    ("conv_out", "out.2"),
    ("mid_block.resnets.0", "middle_block.0"),
    ("mid_block.attentions.0", "middle_block.1"),
    ("mid_block.resnets.1", "middle_block.2"),
];

/// Modules inside a resnet.
const RESNET: &[(&str, &str)] = &[
    ("norm1", "in_layers.0"),
    ("conv1", "in_layers.2"),
    ("time_emb_proj", "emb_layers.1"),
    ("norm2", "out_layers.0"),
    ("conv2", "out_layers.3"),
    ("conv_shortcut", "skip_connection"),
];

/// Diffusers' module names with their LDM names, for every module that has one.
pub(super) fn ldm_names<'a>(modules: &[&'a str]) -> Vec<(&'a str, String)> {
    let blocks = block_names(modules);
    modules.iter().filter_map(|module| Some((*module, ldm_name(module, &blocks)?))).collect()
}

fn ldm_name(module: &str, blocks: &HashMap<String, String>) -> Option<String> {
    if let Some(name) = blocks.get(module) {
        return Some(name.clone());
    }
    // The block is the longest prefix that is known: `down_blocks.1.attentions.0`, `mid_block.resnets.0`.
    let dots = module.match_indices('.').map(|(at, _)| at).rev();
    let (block, rest) =
        dots.map(|at| (&module[..at], &module[at + 1..])).find(|(block, _)| blocks.contains_key(*block))?;
    let rest = match RESNET.iter().find(|(name, _)| *name == rest) {
        Some((_, ldm)) => ldm,
        None => rest,
    };
    Some(format!("{}.{rest}", blocks.get(block)?))
}

/// The LDM name of every resnet, attention and resampling convolution of the UNet.
fn block_names(modules: &[&str]) -> HashMap<String, String> {
    let has = |prefix: &str| modules.iter().any(|m| m.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.')));
    let mut names: HashMap<String, String> = OUTSIDE.iter().map(|(d, l)| (d.to_string(), l.to_string())).collect();

    let mut input = 1; // input_blocks.0 is conv_in
    for block in (0..).map(|b| format!("down_blocks.{b}")).take_while(|block| has(block)) {
        for layer in (0..).take_while(|i| has(&format!("{block}.resnets.{i}"))) {
            names.insert(format!("{block}.resnets.{layer}"), format!("input_blocks.{input}.0"));
            names.insert(format!("{block}.attentions.{layer}"), format!("input_blocks.{input}.1"));
            input += 1;
        }
        if has(&format!("{block}.downsamplers.0")) {
            names.insert(format!("{block}.downsamplers.0.conv"), format!("input_blocks.{input}.0.op"));
            input += 1;
        }
    }

    let mut output = 0;
    for block in (0..).map(|b| format!("up_blocks.{b}")).take_while(|block| has(block)) {
        for layer in (0..).take_while(|i| has(&format!("{block}.resnets.{i}"))) {
            names.insert(format!("{block}.resnets.{layer}"), format!("output_blocks.{output}.0"));
            names.insert(format!("{block}.attentions.{layer}"), format!("output_blocks.{output}.1"));
            // The upsampler closes the last layer, behind its attention if there is one.
            let slot = if has(&format!("{block}.attentions.{layer}")) { 2 } else { 1 };
            names.insert(format!("{block}.upsamplers.0.conv"), format!("output_blocks.{output}.{slot}.conv"));
            output += 1;
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_through_the_blocks() {
        let modules = [
            "conv_in",
            "down_blocks.0.resnets.0.conv1",
            "down_blocks.0.resnets.1.conv_shortcut",
            "down_blocks.0.downsamplers.0.conv",
            "down_blocks.1.resnets.0.time_emb_proj",
            "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0",
            "mid_block.attentions.0.proj_in",
            "up_blocks.0.resnets.0.norm2",
            "up_blocks.0.attentions.0.proj_out",
            "up_blocks.0.upsamplers.0.conv",
            "up_blocks.1.resnets.0.conv2",
            "somewhere.else",
        ];
        let names = ldm_names(&modules);
        let expected = [
            "input_blocks.0.0",
            "input_blocks.1.0.in_layers.2",
            "input_blocks.2.0.skip_connection",
            "input_blocks.3.0.op",
            "input_blocks.4.0.emb_layers.1",
            "input_blocks.4.1.transformer_blocks.0.attn1.to_out.0",
            "middle_block.1.proj_in",
            "output_blocks.0.0.out_layers.0",
            "output_blocks.0.1.proj_out",
            "output_blocks.0.2.conv",
            "output_blocks.1.0.out_layers.3",
        ];
        assert_eq!(names.iter().map(|(_, ldm)| ldm.as_str()).collect::<Vec<_>>(), expected);
        assert!(names.iter().zip(&modules).all(|((diffusers, _), module)| diffusers == module));
    }
}
