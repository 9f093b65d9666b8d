//! What the encoder and the decoder are built of.
//!
//! **Source**: `ResnetBlock2D`, `Attention`, `UNetMidBlock2D` and the `*EncoderBlock2D` / `*DecoderBlock2D` of diffusers, without their
//! time embedding.
//!
//! **Weights**: diffusers' names; the attention also takes the names from before diffusers 0.15
//! (`query`, `key`, `value`, `proj_attn`), which many published files still have.

use crate::layers::{Conv2d, GroupNorm, Linear};
use crate::ops::{self, Mask};
use crate::{Cancel, Result, weights::Weights};
use candle_core::Tensor;

/// Of every normalisation in the autoencoder; the UNet's residual blocks have 1e-5.
pub(super) const NORM_EPS: f64 = 1e-6;

/// Two convolutions beside a shortcut: `[B, Ci, H, W] -> [B, Co, H, W]`.
struct Resnet {
    norm1: GroupNorm,
    conv1: Conv2d,
    norm2: GroupNorm,
    conv2: Conv2d,
    conv_shortcut: Option<Conv2d>,
}

impl Resnet {
    fn load(weights: &Weights, inputs: usize, outputs: usize, groups: usize) -> Result<Self> {
        let shortcut = || Conv2d::load_1x1(&weights.pp("conv_shortcut"), inputs, outputs);
        Ok(Self {
            norm1: GroupNorm::load(&weights.pp("norm1"), inputs, groups, NORM_EPS)?,
            conv1: Conv2d::load_3x3(&weights.pp("conv1"), inputs, outputs)?,
            norm2: GroupNorm::load(&weights.pp("norm2"), outputs, groups, NORM_EPS)?,
            conv2: Conv2d::load_3x3(&weights.pp("conv2"), outputs, outputs)?,
            conv_shortcut: if inputs == outputs { None } else { Some(shortcut()?) },
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        // Assigned, not shadowed: at full resolution each of these is the largest tensor there is.
        let mut h = self.norm1.forward_silu(x)?;
        h = self.conv1.forward(&h)?;
        h = self.norm2.forward_silu(&h)?;
        h = self.conv2.forward(&h)?;
        Ok(match &self.conv_shortcut {
            Some(conv) => (conv.forward(x)? + h)?,
            None => (x + h)?,
        })
    }
}

/// Single-headed self-attention over all pixels: `[B, C, H, W] -> [B, C, H, W]`.
struct Attention {
    group_norm: GroupNorm,
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
}

impl Attention {
    fn load(weights: &Weights, channels: usize, groups: usize) -> Result<Self> {
        let [q, k, v, out] = if weights.contains("query.weight") {
            ["query", "key", "value", "proj_attn"]
        } else {
            ["to_q", "to_k", "to_v", "to_out.0"]
        };
        let linear = |name: &str| Linear::load(&weights.pp(name), channels, channels);
        Ok(Self {
            group_norm: GroupNorm::load(&weights.pp("group_norm"), channels, groups, NORM_EPS)?,
            to_q: linear(q)?,
            to_k: linear(k)?,
            to_v: linear(v)?,
            to_out: linear(out)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let tokens = ops::transpose(&self.group_norm.forward(x)?.flatten_from(2)?)?; // [B, HW, C]
        let (q, k, v) = (self.to_q.forward(&tokens)?, self.to_k.forward(&tokens)?, self.to_v.forward(&tokens)?);
        let attended = self.to_out.forward(&ops::attention(&q, &k, &v, 1, Mask::None)?)?;
        Ok((x + ops::transpose(&attended)?.reshape(x.dims())?)?) // [B, C, H, W]
    }
}

/// The residual blocks of one level, each followed by attention if the level's type has it.
pub(super) struct Level {
    resnets: Vec<Resnet>,
    attentions: Vec<Attention>,
}

impl Level {
    /// `layers` blocks, of which the first goes from `inputs` to `outputs` channels.
    pub fn load(
        weights: &Weights,
        layers: usize,
        inputs: usize,
        outputs: usize,
        groups: usize,
        attend: bool,
    ) -> Result<Self> {
        let resnet = |i| {
            let inputs = if i == 0 { inputs } else { outputs };
            Resnet::load(&weights.pp("resnets").pp(i), inputs, outputs, groups)
        };
        let attention = |i| Attention::load(&weights.pp("attentions").pp(i), outputs, groups);
        Ok(Self {
            resnets: (0..layers).map(resnet).collect::<Result<_>>()?,
            attentions: (0..if attend { layers } else { 0 }).map(attention).collect::<Result<_>>()?,
        })
    }

    pub fn forward(&self, x: Tensor, cancel: &Cancel) -> Result<Tensor> {
        let mut x = x;
        for (i, resnet) in self.resnets.iter().enumerate() {
            cancel.check()?;
            x = resnet.forward(&x)?;
            if let Some(attention) = self.attentions.get(i) {
                cancel.check()?;
                x = attention.forward(&x)?;
            }
        }
        Ok(x)
    }
}

/// The blocks at the lowest resolution: residual, attention, residual.
pub(super) struct MidBlock {
    first: Resnet,
    attention: Option<Attention>,
    second: Resnet,
}

impl MidBlock {
    pub fn load(weights: &Weights, channels: usize, groups: usize, attend: bool) -> Result<Self> {
        let resnet = |i| Resnet::load(&weights.pp("resnets").pp(i), channels, channels, groups);
        let attention = || Attention::load(&weights.pp("attentions.0"), channels, groups);
        Ok(Self { first: resnet(0)?, attention: if attend { Some(attention()?) } else { None }, second: resnet(1)? })
    }

    pub fn forward(&self, x: Tensor, cancel: &Cancel) -> Result<Tensor> {
        cancel.check()?;
        let mut x = self.first.forward(&x)?;
        if let Some(attention) = &self.attention {
            cancel.check()?;
            x = attention.forward(&x)?;
        }
        cancel.check()?;
        self.second.forward(&x)
    }
}
