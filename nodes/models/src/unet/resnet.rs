//! The residual block, and the changes of resolution between levels.
//!
//! **Source**: `ResnetBlock2D`, `Downsample2D`, `Upsample2D` of diffusers.

use super::config::UNetConfig;
use crate::layers::{Conv2d, GroupNorm, Linear};
use crate::weights::Weights;
use crate::{Result, ops};
use candle_core::Tensor;

/// `x + conv(silu(norm(conv(silu(norm(x))) + time)))`, with a 1×1 shortcut where the width changes.
#[derive(Debug, Clone)]
pub(crate) struct ResnetBlock {
    norm1: GroupNorm,
    conv1: Conv2d,
    time_emb_proj: Linear,
    norm2: GroupNorm,
    conv2: Conv2d,
    conv_shortcut: Option<Conv2d>,
    pub path: String,
}

impl ResnetBlock {
    pub fn load(config: &UNetConfig, weights: &Weights, inputs: usize, outputs: usize) -> Result<Self> {
        let (groups, eps) = (config.norm_num_groups, config.norm_eps);
        let conv_shortcut = match inputs == outputs {
            true => None,
            false => Some(Conv2d::load_1x1(&weights.pp("conv_shortcut"), inputs, outputs)?),
        };
        Ok(Self {
            norm1: GroupNorm::load(&weights.pp("norm1"), inputs, groups, eps)?,
            conv1: Conv2d::load_3x3(&weights.pp("conv1"), inputs, outputs)?,
            time_emb_proj: Linear::load(&weights.pp("time_emb_proj"), config.time_embed_dim(), outputs)?,
            norm2: GroupNorm::load(&weights.pp("norm2"), outputs, groups, eps)?,
            conv2: Conv2d::load_3x3(&weights.pp("conv2"), outputs, outputs)?,
            conv_shortcut,
            path: weights.path().to_string(),
        })
    }

    /// `x [B, Ci, h, w]`, `time [B, 4·C]` already through SiLU -> `[B, Co, h, w]`.
    pub fn forward(&self, x: &Tensor, time: &Tensor) -> Result<Tensor> {
        let hidden = self.conv1.forward(&self.norm1.forward_silu(x)?)?;
        let time = self.time_emb_proj.forward(time)?.unsqueeze(2)?.unsqueeze(3)?; // [B, Co, 1, 1]
        let hidden = hidden.broadcast_add(&time)?;
        let hidden = self.conv2.forward(&self.norm2.forward_silu(&hidden)?)?;
        match &self.conv_shortcut {
            None => Ok((x + hidden)?),
            Some(shortcut) => Ok((shortcut.forward(x)? + hidden)?),
        }
    }
}

/// Halves height and width with a strided convolution.
#[derive(Debug, Clone)]
pub(crate) struct Downsample {
    conv: Conv2d,
    padding: usize,
    pub path: String,
}

impl Downsample {
    pub fn load(config: &UNetConfig, weights: &Weights, channels: usize) -> Result<Self> {
        let padding = config.downsample_padding;
        let conv = Conv2d::load(&weights.pp("conv"), channels, channels, 3, 2, padding)?;
        Ok(Self { conv, padding, path: weights.path().to_string() })
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if self.padding > 0 {
            return self.conv.forward(x);
        }
        self.conv.forward(&x.pad_with_zeros(2, 0, 1)?.pad_with_zeros(3, 0, 1)?)
    }
}

/// Enlarges to the size of the level above, then convolves.
#[derive(Debug, Clone)]
pub(crate) struct Upsample {
    conv: Conv2d,
    pub path: String,
}

impl Upsample {
    pub fn load(weights: &Weights, channels: usize) -> Result<Self> {
        let conv = Conv2d::load_3x3(&weights.pp("conv"), channels, channels)?;
        Ok(Self { conv, path: weights.path().to_string() })
    }

    /// The target size is that of the skip tensor that comes next: twice the size, or one less where a level was odd.
    pub fn forward(&self, x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
        self.conv.forward(&ops::upsample_nearest(x, height, width)?)
    }
}
