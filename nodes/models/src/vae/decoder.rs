//! The upward half of AutoencoderKL.
//!
//! **Source**: `Decoder` of diffusers (`models/autoencoders/vae.py`).

use super::blocks::{Level, MidBlock, NORM_EPS};
use super::config::{AutoencoderKlConfig, UpBlockType};
use crate::layers::{Conv2d, GroupNorm};
use crate::{Cancel, Result, ops, weights::Weights};
use candle_core::Tensor;

/// `[B, latent, h, w] -> [B, 3, h·scale, w·scale]`.
pub(super) struct Decoder {
    conv_in: Conv2d,
    mid_block: MidBlock,
    levels: Vec<(Level, Option<Conv2d>)>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl Decoder {
    /// `config` has been validated.
    pub fn load(weights: &Weights, config: &AutoencoderKlConfig) -> Result<Self> {
        let widths = &config.block_out_channels;
        let groups = config.norm_num_groups;
        let (first, last) = config.end_widths();
        let mut levels = Vec::new();
        let mut inputs = last;
        for (i, (&outputs, kind)) in widths.iter().rev().zip(&config.up_block_types).enumerate() {
            let weights = weights.pp("up_blocks").pp(i);
            let attend = *kind == UpBlockType::AttnUpDecoderBlock2D;
            let level = Level::load(&weights, config.layers_per_block + 1, inputs, outputs, groups, attend)?;
            let double = || Conv2d::load_3x3(&weights.pp("upsamplers.0.conv"), outputs, outputs);
            levels.push((level, if i + 1 < widths.len() { Some(double()?) } else { None }));
            inputs = outputs;
        }
        Ok(Self {
            conv_in: Conv2d::load_3x3(&weights.pp("conv_in"), config.latent_channels, last)?,
            mid_block: MidBlock::load(&weights.pp("mid_block"), last, groups, config.mid_block_add_attention)?,
            levels,
            conv_norm_out: GroupNorm::load(&weights.pp("conv_norm_out"), first, groups, NORM_EPS)?,
            conv_out: Conv2d::load_3x3(&weights.pp("conv_out"), first, config.out_channels)?,
        })
    }

    pub fn forward(&self, latents: &Tensor, cancel: &Cancel) -> Result<Tensor> {
        let mut x = self.conv_in.forward(latents)?;
        x = self.mid_block.forward(x, cancel)?;
        for (level, double) in &self.levels {
            x = level.forward(x, cancel)?;
            if let Some(conv) = double {
                cancel.check()?;
                let (_, _, height, width) = x.dims4()?;
                x = ops::upsample_nearest(&x, 2 * height, 2 * width)?;
                x = conv.forward(&x)?;
            }
        }
        cancel.check()?;
        x = self.conv_norm_out.forward_silu(&x)?;
        self.conv_out.forward(&x)
    }
}
