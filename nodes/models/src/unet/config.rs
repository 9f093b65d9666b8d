//! The structure of a UNet or ControlNet, read from diffusers' `config.json`.
//!
//! **Source**: `UNet2DConditionModel` and `ControlNetModel` of diffusers 0.42.1, whose defaults fill missing keys, so that the
//! short configs published with SD1.5 work. What a config can ask for and this crate cannot do is refused by name.

use super::keys::Keys;
use crate::Result;
use serde_json::Value;

/// One level of the UNet, on its way down or up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockConfig {
    /// Output channels of the level.
    pub channels: usize,
    /// Residual blocks on the way down; one more on the way up.
    pub layers: usize,
    /// Transformer blocks behind each residual block; empty where the level has no attention.
    pub transformer_layers: Vec<usize>,
    /// Attention heads.
    pub heads: usize,
    /// Width of the context.
    pub cross_attention_dim: usize,
    /// Whether the first attention of each transformer block looks at the context too.
    pub only_cross_attention: bool,
}

/// The block in the middle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MidConfig {
    /// None: the deepest features go straight up.
    None,
    /// One residual block.
    Residual,
    /// Residual, transformer, residual; the number of transformer blocks.
    CrossAttention(usize),
}

/// SDXL's micro-conditioning: pooled text and six size numbers enter through the time embedding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextTimeConfig {
    /// Sinusoids per size number.
    pub time_dim: usize,
    /// Pooled text width + 6 × `time_dim`.
    pub input_dim: usize,
}

/// The structure of a UNet, or of the half that a ControlNet copies.
#[derive(Debug, Clone, PartialEq)]
pub struct UNetConfig {
    /// Channels in: 4, or 9 for inpainting (latent, mask, masked latent).
    pub in_channels: usize,
    /// Channels out: 4.
    pub out_channels: usize,
    /// Levels on the way down.
    pub down: Vec<BlockConfig>,
    /// The middle.
    pub mid: MidConfig,
    /// Levels on the way up.
    pub up: Vec<BlockConfig>,
    /// Whether transformers project with matrices (SDXL) or 1×1 convolutions (SD1.5).
    pub use_linear_projection: bool,
    /// SDXL's added conditions, if any.
    pub text_time: Option<TextTimeConfig>,
    /// Width of a guidance-scale embedding (distilled LCM models), if any.
    pub time_cond_proj_dim: Option<usize>,
    /// Groups of every group normalisation.
    pub norm_num_groups: usize,
    /// Epsilon of the residual blocks' group normalisation.
    pub norm_eps: f64,
    /// Cosines before sines in the time embedding.
    pub flip_sin_to_cos: bool,
    /// Offset in the time embedding's frequencies.
    pub freq_shift: f64,
    /// Padding of the strided convolutions: 1 on all sides, or 0 for one pixel on the right and bottom only.
    pub downsample_padding: usize,
    /// Kernel of the first convolution.
    pub conv_in_kernel: usize,
    /// Kernel of the last convolution.
    pub conv_out_kernel: usize,
    /// Whether the input is mapped from 0..1 to -1..1 first.
    pub center_input_sample: bool,
}

impl UNetConfig {
    /// Reads the parsed `config.json` of a UNet.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) naming the key that is malformed or asks for something this crate cannot do.
    pub fn from_json(json: &Value) -> Result<Self> {
        let keys = Keys { json, what: "unet config" };
        let mut config = Self::encoder_half(&keys)?;
        config.up = Self::up_blocks(&keys, &config)?;
        Ok(config)
    }

    /// Reads the parts that a UNet and a ControlNet share: everything but the way up.
    pub(crate) fn encoder_half(keys: &Keys<'_>) -> Result<Self> {
        keys.refuse_unsupported()?;
        let channels = keys.list("block_out_channels", &[320, 640, 1280, 1280])?;
        let levels = channels.len();
        let types = keys.strings(
            "down_block_types",
            &["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
        )?;
        if types.len() != levels || levels == 0 {
            return Err(keys.error("down_block_types", &format!("expected {levels} entries (one per level)")));
        }
        let layers = keys.per_level("layers_per_block", 2, levels)?;
        let heads = keys.heads(levels)?;
        let cross = keys.per_level("cross_attention_dim", 1280, levels)?;
        let only_cross = keys.flags("only_cross_attention", levels)?;
        let depths = keys.depths("transformer_layers_per_block", levels, &layers)?;
        let mut down = Vec::with_capacity(levels);
        for level in 0..levels {
            let attention = match types[level].as_str() {
                "CrossAttnDownBlock2D" => true,
                "DownBlock2D" => false,
                other => return Err(keys.error("down_block_types", &format!("{other} is not supported"))),
            };
            down.push(BlockConfig {
                channels: channels[level],
                layers: layers[level],
                transformer_layers: if attention { depths[level].clone() } else { Vec::new() },
                heads: heads[level],
                cross_attention_dim: cross[level],
                only_cross_attention: only_cross[level],
            });
        }
        let deepest = depths[levels - 1].last().copied().unwrap_or(1);
        let mid = match keys.json.get("mid_block_type") {
            None => MidConfig::CrossAttention(deepest),
            Some(Value::Null) => MidConfig::None,
            Some(Value::String(s)) if s == "UNetMidBlock2DCrossAttn" => MidConfig::CrossAttention(deepest),
            Some(Value::String(s)) if s == "UNetMidBlock2D" => MidConfig::Residual,
            Some(other) => return Err(keys.error("mid_block_type", &format!("{other} is not supported"))),
        };
        let text_time = match keys.json.get("addition_embed_type").and_then(Value::as_str) {
            None => None,
            Some("text_time") => Some(TextTimeConfig {
                time_dim: keys.required("addition_time_embed_dim")?,
                input_dim: keys.required("projection_class_embeddings_input_dim")?,
            }),
            Some(other) => return Err(keys.error("addition_embed_type", &format!("{other:?} is not supported"))),
        };
        if let Some(c) = &text_time
            && c.input_dim <= 6 * c.time_dim
        {
            let message = "must exceed 6 × addition_time_embed_dim (pooled text comes on top of six size numbers)";
            return Err(keys.error("projection_class_embeddings_input_dim", message));
        }
        let config = Self {
            in_channels: keys.number("in_channels", 4)?,
            out_channels: keys.number("out_channels", 4)?,
            down,
            mid,
            up: Vec::new(),
            use_linear_projection: keys.flag("use_linear_projection", false)?,
            text_time,
            time_cond_proj_dim: keys.optional("time_cond_proj_dim")?,
            norm_num_groups: keys.number("norm_num_groups", 32)?,
            norm_eps: keys.float("norm_eps", 1e-5)?,
            flip_sin_to_cos: keys.flag("flip_sin_to_cos", true)?,
            freq_shift: keys.float("freq_shift", 0.0)?,
            downsample_padding: keys.number("downsample_padding", 1)?,
            conv_in_kernel: keys.number("conv_in_kernel", 3)?,
            conv_out_kernel: keys.number("conv_out_kernel", 3)?,
            center_input_sample: keys.flag("center_input_sample", false)?,
        };
        config.check(keys)?;
        Ok(config)
    }

    fn up_blocks(keys: &Keys<'_>, config: &Self) -> Result<Vec<BlockConfig>> {
        let types = keys.strings(
            "up_block_types",
            &["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
        )?;
        let levels = config.down.len();
        if types.len() != levels {
            return Err(keys.error("up_block_types", &format!("expected {levels} entries (one per level)")));
        }
        let layers: Vec<usize> = config.down.iter().rev().map(|b| b.layers + 1).collect();
        // Depths of the way up are given explicitly (SSD-1B), or mirror the way down.
        let depths = match keys.json.get("reverse_transformer_layers_per_block") {
            None | Some(Value::Null) => {
                let mut mirrored = keys.depths(
                    "transformer_layers_per_block",
                    levels,
                    &config.down.iter().map(|b| b.layers + 1).collect::<Vec<_>>(),
                )?;
                mirrored.reverse();
                mirrored
            }
            Some(_) => keys.depths("reverse_transformer_layers_per_block", levels, &layers)?,
        };
        let mut up = Vec::with_capacity(levels);
        for (level, mirror) in config.down.iter().rev().enumerate() {
            let attention = match types[level].as_str() {
                "CrossAttnUpBlock2D" => true,
                "UpBlock2D" => false,
                other => return Err(keys.error("up_block_types", &format!("{other} is not supported"))),
            };
            up.push(BlockConfig {
                layers: layers[level],
                transformer_layers: if attention { depths[level].clone() } else { Vec::new() },
                ..mirror.clone()
            });
        }
        Ok(up)
    }

    /// What would otherwise fail deep inside a forward pass.
    fn check(&self, keys: &Keys<'_>) -> Result<()> {
        for block in &self.down {
            if self.norm_num_groups == 0 || block.channels % self.norm_num_groups != 0 {
                let message =
                    format!("{} is not a multiple of norm_num_groups {}", block.channels, self.norm_num_groups);
                return Err(keys.error("block_out_channels", &message));
            }
            if block.heads == 0 || block.channels % block.heads != 0 {
                let message = format!("{} heads do not divide {} channels", block.heads, block.channels);
                return Err(keys.error("attention_head_dim", &message));
            }
        }
        for (key, kernel) in [("conv_in_kernel", self.conv_in_kernel), ("conv_out_kernel", self.conv_out_kernel)] {
            if kernel % 2 == 0 {
                return Err(keys.error(key, &format!("expected an odd number, got {kernel}")));
            }
        }
        let deepest =
            self.down.iter().flat_map(|b| &b.transformer_layers).copied().chain(self.down.iter().map(|b| b.layers));
        if let Some(layers) = deepest.filter(|n| *n > MOST_LAYERS).max() {
            let message = format!("expected at most {MOST_LAYERS} layers, got {layers}");
            return Err(keys.error("layers_per_block or transformer_layers_per_block", &message));
        }
        if self.downsample_padding > 1 {
            return Err(keys.error("downsample_padding", "expected 0 or 1"));
        }
        Ok(())
    }

    /// Width of the time embedding: four times the first level.
    pub(crate) fn time_embed_dim(&self) -> usize {
        self.down[0].channels * 4
    }

    /// Channels of the deepest level.
    pub(crate) fn deepest(&self) -> &BlockConfig {
        &self.down[self.down.len() - 1]
    }
}

/// No published network has more layers at one place (SDXL: 10 transformer blocks).
const MOST_LAYERS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_empty_config_is_sd15() {
        let config = UNetConfig::from_json(&json!({})).unwrap();
        assert_eq!(config.down.iter().map(|b| b.channels).collect::<Vec<_>>(), [320, 640, 1280, 1280]);
        assert_eq!(config.up.iter().map(|b| b.transformer_layers.len()).collect::<Vec<_>>(), [0, 3, 3, 3]);
        assert_eq!(config.mid, MidConfig::CrossAttention(1));
    }

    #[test]
    fn depths_may_differ_up_and_down() {
        let config = UNetConfig::from_json(&json!({
            "block_out_channels": [320, 640, 1280],
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            "mid_block_type": "UNetMidBlock2D",
            "transformer_layers_per_block": [0, 2, 4],
            "reverse_transformer_layers_per_block": [[4, 4, 10], [2, 1, 1], 1],
        }))
        .unwrap();
        assert_eq!(config.down[2].transformer_layers, [4, 4]);
        assert_eq!(config.up[0].transformer_layers, [4, 4, 10]);
        assert_eq!(config.up[1].transformer_layers, [2, 1, 1]);
        assert_eq!(config.mid, MidConfig::Residual);
    }

    #[test]
    fn what_is_not_supported_is_named() {
        for (config, word) in [
            (json!({"class_embed_type": "timestep"}), "class_embed_type"),
            (json!({"resnet_time_scale_shift": "scale_shift"}), "resnet_time_scale_shift"),
            (
                json!({"down_block_types": ["AttnDownBlock2D", "DownBlock2D", "DownBlock2D", "DownBlock2D"]}),
                "AttnDownBlock2D",
            ),
            (json!({"block_out_channels": [30, 60, 120, 120]}), "norm_num_groups"),
            (json!({"layers_per_block": "two"}), "layers_per_block"),
            (json!({"addition_embed_type": "text_time"}), "addition_time_embed_dim"),
        ] {
            let message = UNetConfig::from_json(&config).unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        }
    }
}
