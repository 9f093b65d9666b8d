//! Configurations read off the shapes of a network's tensors, for files that come without a `config.json`.
//!
//! Each function takes a network in diffusers names and gives what its published `config.json` would say, in diffusers' form. What
//! shapes cannot tell is filled in by the family's convention, stated at each place; it holds for the published
//! models and those trained from them, not for small test models.

use super::{Family, TensorSource};
use crate::{Error, Result};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Reads shapes of one source.
struct Shapes<'a>(&'a dyn TensorSource);

impl Shapes<'_> {
    fn has(&self, name: &str) -> bool {
        self.0.tensors().contains_key(name)
    }

    fn starts(&self, prefix: &str) -> bool {
        self.0.tensors().range(prefix.to_string()..).next().is_some_and(|(name, _)| name.starts_with(prefix))
    }

    /// How many of `list.0.`, `list.1.`, … there are.
    fn count(&self, list: &str) -> usize {
        (0..).take_while(|i| self.starts(&format!("{list}.{i}."))).count()
    }

    fn axis(&self, name: &str, axis: usize) -> Option<usize> {
        self.0.tensors().get(name)?.shape.get(axis).copied()
    }

    /// Axis `axis` of a tensor that must be there.
    fn need(&self, name: &str, axis: usize) -> Result<usize> {
        let missing = || self.fail(format!("cannot be read off the file: it has no {name}; give its config.json"));
        self.axis(name, axis).ok_or_else(missing)
    }

    fn fail(&self, message: impl Into<String>) -> Error {
        Error::config(format!("configuration of {}", self.0.describe()), message)
    }
}

/// A list, or the number if all are equal, as in published configurations.
fn compact(values: &[usize]) -> Value {
    match values {
        [first, rest @ ..] if rest.iter().all(|v| v == first) => json!(first),
        _ => json!(values),
    }
}

/// What UNet and ControlNet share: everything on the way down, and the middle.
fn encoder(shapes: &Shapes) -> Result<(Map<String, Value>, Vec<usize>)> {
    let levels = shapes.count("down_blocks");
    let (mut channels, mut layers, mut depths, mut types) = (vec![], vec![], vec![], vec![]);
    for level in 0..levels {
        let block = format!("down_blocks.{level}");
        channels.push(shapes.need(&format!("{block}.resnets.0.conv1.weight"), 0)?);
        layers.push(shapes.count(&format!("{block}.resnets")));
        let depth = depth(shapes, &block)?;
        depths.push(depth);
        types.push(if depth > 0 { "CrossAttnDownBlock2D" } else { "DownBlock2D" });
    }
    let middle = depth(shapes, "mid_block")?;
    // A middle block's attention may have no transformer layers: then only its projections are there.
    let attends = shapes.starts("mid_block.attentions.0.");
    // One number per level counts for both ways; a level without attention has no use for it, the last one lends its
    // number to the middle block.
    let last = depths.last_mut().ok_or_else(|| shapes.fail("no down_blocks in it"))?;
    if *last == 0 {
        *last = middle;
    }
    if attends && *last != middle {
        return Err(
            shapes.fail(format!("the middle block has {middle} transformer layers, the level before it {last}"))
        );
    }
    // Published configurations say 1 where nothing reads the number.
    let unused = usize::from(!attends || middle > 0);
    let context = ["mid_block", "down_blocks.1", "down_blocks.0", "down_blocks.2"]
        .iter()
        .find_map(|block| shapes.axis(&format!("{block}.attentions.0.transformer_blocks.0.attn2.to_k.weight"), 1));
    let projection = |block: &str| shapes.0.tensors().get(&format!("{block}.attentions.0.proj_in.weight"));
    let linear = ["mid_block", "down_blocks.1", "down_blocks.0"]
        .iter()
        .find_map(|block| projection(block))
        .is_some_and(|info| info.shape.len() == 2);

    let mut config = Map::new();
    let mut set = |key: &str, value: Value| config.insert(key.to_string(), value);
    set("in_channels", json!(shapes.need("conv_in.weight", 1)?));
    set("block_out_channels", json!(channels));
    set("layers_per_block", compact(&layers));
    set("down_block_types", json!(types));
    set("mid_block_type", if attends { json!("UNetMidBlock2DCrossAttn") } else { json!("UNetMidBlock2D") });
    set("transformer_layers_per_block", compact(&depths.iter().map(|d| (*d).max(unused)).collect::<Vec<_>>()));
    set("use_linear_projection", json!(linear));
    set("attention_head_dim", heads(shapes, linear, &channels)?);
    if let Some(context) = context {
        set("cross_attention_dim", json!(context));
    }
    if let Some(inputs) = shapes.axis("add_embedding.linear_1.weight", 1) {
        set("addition_embed_type", json!("text_time"));
        // SDXL and its refiner both embed each size in 256 sinusoids.
        set("addition_time_embed_dim", json!(256));
        set("projection_class_embeddings_input_dim", json!(inputs));
    }
    Ok((config, layers))
}

/// The number of attention heads (diffusers calls it `attention_head_dim`): 8 everywhere in SD1.x, which has convolutions around
/// its transformers; heads of 64 channels in SD2 and SDXL, which have linear layers. Source: their published configurations.
fn heads(shapes: &Shapes, linear: bool, channels: &[usize]) -> Result<Value> {
    if !linear {
        return Ok(json!(8));
    }
    if channels.iter().any(|c| c % 64 != 0) {
        return Err(shapes.fail(format!("{channels:?} channels do not divide into heads of 64; give its config.json")));
    }
    Ok(json!(channels.iter().map(|c| c / 64).collect::<Vec<_>>()))
}

/// Transformer layers in each attention of a block; 0 without attention.
fn depth(shapes: &Shapes, block: &str) -> Result<usize> {
    let attentions = shapes.count(&format!("{block}.attentions"));
    let mut depths = (0..attentions).map(|i| shapes.count(&format!("{block}.attentions.{i}.transformer_blocks")));
    let first = depths.next().unwrap_or(0);
    if depths.all(|depth| depth == first) {
        Ok(first)
    } else {
        Err(shapes.fail(format!("the attentions of {block} differ in depth; give its config.json")))
    }
}

/// The configuration of a UNet in diffusers names.
///
/// # Errors
/// When a tensor that tells is missing, or the blocks are not regular enough to be told.
pub fn unet_config(source: &dyn TensorSource) -> Result<Value> {
    let shapes = Shapes(source);
    let (mut config, layers) = encoder(&shapes)?;
    let levels = layers.len();
    let mut types = vec![];
    for level in 0..levels {
        let block = format!("up_blocks.{level}");
        let (up, down) = (depth(&shapes, &block)?, depth(&shapes, &format!("down_blocks.{}", levels - 1 - level))?);
        if up != down {
            return Err(shapes.fail(format!("{block} has {up} transformer layers, its way down {down}")));
        }
        types.push(if up > 0 { "CrossAttnUpBlock2D" } else { "UpBlock2D" });
    }
    config.insert("up_block_types".into(), json!(types));
    config.insert("out_channels".into(), json!(shapes.need("conv_out.weight", 0)?));
    // Distilled models (LCM) are told the guidance scale.
    if let Some(width) = source.tensors().get("time_embedding.cond_proj.weight").and_then(|info| info.shape.get(1)) {
        config.insert("time_cond_proj_dim".into(), json!(width));
    }
    Ok(Value::Object(config))
}

/// The configuration of a ControlNet in diffusers names.
///
/// # Errors
/// As [`unet_config`].
pub fn controlnet_config(source: &dyn TensorSource) -> Result<Value> {
    let shapes = Shapes(source);
    let (mut config, _) = encoder(&shapes)?;
    let hint = "controlnet_cond_embedding";
    let mut channels = vec![shapes.need(&format!("{hint}.conv_in.weight"), 0)?];
    // Pairs of convolutions: one keeps the width, one steps to the next.
    for pair in 0..shapes.count(&format!("{hint}.blocks")) / 2 {
        channels.push(shapes.need(&format!("{hint}.blocks.{}.weight", 2 * pair + 1), 0)?);
    }
    config.insert("conditioning_embedding_out_channels".into(), json!(channels));
    config.insert("conditioning_channels".into(), json!(shapes.need(&format!("{hint}.conv_in.weight"), 1)?));
    Ok(Value::Object(config))
}

/// The configuration of a VAE in diffusers names. The latent's scale cannot be told from shapes: it is that of `family`.
///
/// # Errors
/// As [`unet_config`].
pub fn vae_config(source: &dyn TensorSource, family: Option<Family>) -> Result<Value> {
    let shapes = Shapes(source);
    let sdxl = matches!(family, Some(Family::Sdxl | Family::SdxlRefiner));
    // From the decoder, which every VAE file has: its levels run from the widest, with one layer more than the encoder's.
    let levels = shapes.count("decoder.up_blocks");
    let mut channels = vec![];
    for level in (0..levels).rev() {
        channels.push(shapes.need(&format!("decoder.up_blocks.{level}.resnets.0.conv1.weight"), 0)?);
    }
    let mut config = json!({
        "in_channels": shapes.axis("encoder.conv_in.weight", 1).unwrap_or(3),
        "out_channels": shapes.need("decoder.conv_out.weight", 0)?,
        "latent_channels": shapes.need("decoder.conv_in.weight", 1)?,
        "block_out_channels": channels,
        "layers_per_block": shapes.count("decoder.up_blocks.0.resnets").saturating_sub(1),
        "down_block_types": vec!["DownEncoderBlock2D"; levels],
        "up_block_types": vec!["UpDecoderBlock2D"; levels],
        "norm_num_groups": 32,
        "act_fn": "silu",
        "use_quant_conv": shapes.has("quant_conv.weight"),
        "use_post_quant_conv": shapes.has("post_quant_conv.weight"),
        "mid_block_add_attention": shapes.starts("decoder.mid_block.attentions.0."),
        "scaling_factor": if sdxl { 0.13025 } else { 0.18215 },
    });
    if sdxl {
        // The published SDXL VAE overflows f16.
        config["force_upcast"] = json!(true);
    }
    Ok(config)
}

/// The configuration of a CLIP text encoder in transformers' names. Heads have 64 channels in all of them; OpenAI's CLIP-L (width
/// 768) uses the sigmoid approximation of GELU, open_clip's models the exact one.
///
/// # Errors
/// As [`unet_config`].
pub fn text_encoder_config(source: &dyn TensorSource) -> Result<Value> {
    let shapes = Shapes(source);
    let vocabulary = shapes.need("text_model.embeddings.token_embedding.weight", 0)?;
    let width = shapes.need("text_model.embeddings.token_embedding.weight", 1)?;
    if width % 64 != 0 {
        return Err(shapes.fail(format!("width {width} does not divide into heads of 64; give its config.json")));
    }
    Ok(json!({
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": shapes.need("text_model.encoder.layers.0.mlp.fc1.weight", 0)?,
        "num_hidden_layers": shapes.count("text_model.encoder.layers"),
        "num_attention_heads": width / 64,
        "max_position_embeddings": shapes.need("text_model.embeddings.position_embedding.weight", 0)?,
        "hidden_act": if width == 768 { "quick_gelu" } else { "gelu" },
        "projection_dim": shapes.axis("text_projection.weight", 0).unwrap_or(width),
    }))
}

/// The configuration of a tiny VAE in the names of diffusers' AutoencoderTiny.
///
/// # Errors
/// As [`unet_config`].
pub fn tiny_vae_config(source: &dyn TensorSource) -> Result<Value> {
    let shapes = Shapes(source);
    let encoder = tiny_levels(&shapes, "encoder");
    let decoder = tiny_levels(&shapes, "decoder");
    // A file with one half alone says nothing of the other, which is then never built.
    let (encoder, decoder) = match (encoder.is_empty(), decoder.is_empty()) {
        (true, true) => return Err(shapes.fail("no encoder.layers or decoder.layers in it")),
        (true, false) => (decoder.clone(), decoder),
        (false, true) => (encoder.clone(), encoder),
        (false, false) => (encoder, decoder),
    };
    let blocks = |levels: &[(usize, usize)]| levels.iter().map(|(_, blocks)| *blocks).collect::<Vec<_>>();
    let widths = |levels: &[(usize, usize)]| levels.iter().map(|(width, _)| *width).collect::<Vec<_>>();
    let latent = shapes.axis("decoder.layers.0.weight", 1).unwrap_or(4);
    Ok(json!({
        "in_channels": shapes.axis("encoder.layers.0.weight", 1).unwrap_or(3),
        "out_channels": 3,
        "latent_channels": latent,
        "encoder_block_out_channels": widths(&encoder),
        "decoder_block_out_channels": widths(&decoder),
        "block_out_channels": widths(&encoder),
        "num_encoder_blocks": blocks(&encoder),
        "num_decoder_blocks": blocks(&decoder),
        "act_fn": "relu",
        // TAESD's own convention, the same for all published ones.
        "latent_magnitude": 3,
        "latent_shift": 0.5,
        "scaling_factor": 1.0,
        "upsampling_scaling_factor": 2,
    }))
}

/// `(width, blocks)` of each level: a resampling convolution, the only sort without a bias, starts the next one.
fn tiny_levels(shapes: &Shapes, half: &str) -> Vec<(usize, usize)> {
    let module = |index: usize| format!("{half}.layers.{index}");
    let index =
        |name: &String| name.strip_prefix(half)?.strip_prefix(".layers.")?.split('.').next()?.parse::<usize>().ok();
    let modules: BTreeSet<usize> = shapes.0.tensors().keys().filter_map(index).collect();
    let mut levels = vec![];
    for index in modules {
        let width = |member: &str| shapes.axis(&format!("{}.{member}weight", module(index)), 0);
        let has_bias = shapes.has(&format!("{}.bias", module(index)));
        if let (Some(width), true) = (width(""), index == 0 || !has_bias) {
            levels.push((width, 0));
        } else if let (Some(_), Some((_, blocks))) = (width("conv.0."), levels.last_mut()) {
            *blocks += 1;
        }
    }
    levels
}
