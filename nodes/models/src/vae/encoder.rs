//! The downward half of AutoencoderKL.
//!
//! **Source**: `Encoder` of diffusers (`models/autoencoders/vae.py`).

use super::blocks::{Level, MidBlock, NORM_EPS};
use super::config::{AutoencoderKlConfig, DownBlockType};
use crate::layers::{Conv2d, GroupNorm};
use crate::{Cancel, Result, weights::Weights};
use candle_core::Tensor;

/// `[B, 3, H, W] -> [B, 2·latent, ⌊H/scale⌋, ⌊W/scale⌋]`: means and log-variances one above the other.
pub(super) struct Encoder {
    conv_in: Conv2d,
    levels: Vec<(Level, Option<Conv2d>)>,
    mid_block: MidBlock,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl Encoder {
    /// `config` has been validated.
    pub fn load(weights: &Weights, config: &AutoencoderKlConfig) -> Result<Self> {
        let widths = &config.block_out_channels;
        let groups = config.norm_num_groups;
        let (first, last) = config.end_widths();
        let mut levels = Vec::new();
        let mut inputs = first;
        for (i, (&outputs, kind)) in widths.iter().zip(&config.down_block_types).enumerate() {
            let weights = weights.pp("down_blocks").pp(i);
            let attend = *kind == DownBlockType::AttnDownEncoderBlock2D;
            let level = Level::load(&weights, config.layers_per_block, inputs, outputs, groups, attend)?;
            let halve = || Conv2d::load(&weights.pp("downsamplers.0.conv"), outputs, outputs, 3, 2, 0);
            levels.push((level, if i + 1 < widths.len() { Some(halve()?) } else { None }));
            inputs = outputs;
        }
        Ok(Self {
            conv_in: Conv2d::load_3x3(&weights.pp("conv_in"), config.in_channels, first)?,
            levels,
            mid_block: MidBlock::load(&weights.pp("mid_block"), last, groups, config.mid_block_add_attention)?,
            conv_norm_out: GroupNorm::load(&weights.pp("conv_norm_out"), last, groups, NORM_EPS)?,
            conv_out: Conv2d::load_3x3(&weights.pp("conv_out"), last, 2 * config.latent_channels)?,
        })
    }

    pub fn forward(&self, image: &Tensor, cancel: &Cancel) -> Result<Tensor> {
        let mut x = self.conv_in.forward(image)?;
        for (level, halve) in &self.levels {
            x = level.forward(x, cancel)?;
            if let Some(conv) = halve {
                // Trained with one row below and one column to the right, not with padding all around.
                x = x.pad_with_zeros(2, 0, 1)?.pad_with_zeros(3, 0, 1)?;
                x = conv.forward(&x)?;
            }
        }
        x = self.mid_block.forward(x, cancel)?;
        x = self.conv_norm_out.forward_silu(&x)?;
        self.conv_out.forward(&x)
    }
}
