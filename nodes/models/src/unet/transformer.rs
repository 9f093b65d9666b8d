//! The spatial transformer: self-attention, cross-attention and a gated feed-forward over pixels as tokens.
//!
//! **Source**: `Transformer2DModel` and `BasicTransformerBlock` of diffusers.
//! **Weights**: `norm`, `proj_in`, `transformer_blocks.{i}.{norm1,attn1,norm2,attn2,norm3,ff}`, `proj_out`.

use super::config::{BlockConfig, UNetConfig};
use super::cross_attention::CrossLayers;
use super::hook::{AttentionPart, HookSite};
use super::pass::Pass;
use crate::layers::{Conv2d, GroupNorm, LayerNorm, Linear};
use crate::weights::Weights;
use crate::{Result, ops};
use candle_core::Tensor;

/// Group normalisation of transformers; residual blocks use the config's 1e-5.
const NORM_EPS: f64 = 1e-6;
/// Layer normalisation inside a block.
const LAYER_NORM_EPS: f64 = 1e-5;

/// Where an attention layer gets its keys and values from.
#[derive(Debug, Clone)]
enum Source {
    /// The picture itself.
    Itself { to_k: Linear, to_v: Linear },
    /// Layer `index` of the projected context, and of every adapter.
    Context { index: usize },
}

#[derive(Debug, Clone)]
struct Attention {
    to_q: Linear,
    to_out: Linear,
    source: Source,
    heads: usize,
    path: String,
    /// The number of the cross-attention layer in the same block.
    number: usize,
}

impl Attention {
    fn load(weights: &Weights, hidden: usize, heads: usize, source: Source, number: usize) -> Result<Self> {
        Ok(Self {
            to_q: Linear::load_no_bias(&weights.pp("to_q"), hidden, hidden)?,
            to_out: Linear::load(&weights.pp("to_out").pp(0), hidden, hidden)?,
            source,
            heads,
            path: weights.path().to_string(),
            number,
        })
    }

    fn forward(&self, x: &Tensor, size: (usize, usize), pass: &Pass<'_>) -> Result<Tensor> {
        let hooked = |part, x: Tensor| match pass.hook {
            None => Ok(x),
            Some(hook) => {
                hook(HookSite::Attention { part, layer: self.number, path: &self.path, heads: self.heads }, x)
            }
        };
        let q = hooked(AttentionPart::Query, self.to_q.forward(x)?)?;
        let attend = |k: Tensor, v: Tensor| {
            let (k, v) = (hooked(AttentionPart::Key, k)?, hooked(AttentionPart::Value, v)?);
            ops::attention(&q, &k, &v, self.heads, ops::Mask::None)
        };
        let out = match &self.source {
            Source::Itself { to_k, to_v } => attend(to_k.forward(x)?, to_v.forward(x)?)?,
            Source::Context { index } => {
                let (k, v) = pass.context.layer(*index)?;
                let mut out = attend(k.clone(), v.clone())?;
                for adapter in pass.adapters {
                    if let Some(added) = adapter.attend(*index, &q, self.heads, size)? {
                        out = (out + added)?;
                    }
                }
                out
            }
        };
        self.to_out.forward(&hooked(AttentionPart::Out, out)?)
    }
}

#[derive(Debug, Clone)]
struct Block {
    norm1: LayerNorm,
    attn1: Attention,
    norm2: LayerNorm,
    attn2: Attention,
    norm3: LayerNorm,
    ff_in: Linear,
    ff_out: Linear,
}

impl Block {
    fn load(config: &BlockConfig, weights: &Weights, cross: &mut CrossLayers) -> Result<Self> {
        let (hidden, context, heads) = (config.channels, config.cross_attention_dim, config.heads);
        let norm = |name: &str| LayerNorm::load(&weights.pp(name), hidden, LAYER_NORM_EPS);
        let (attn1, attn2) = (weights.pp("attn1"), weights.pp("attn2"));
        let first = if config.only_cross_attention {
            Source::Context { index: cross.load(&attn1, heads, hidden, context)? }
        } else {
            Source::Itself {
                to_k: Linear::load_no_bias(&attn1.pp("to_k"), hidden, hidden)?,
                to_v: Linear::load_no_bias(&attn1.pp("to_v"), hidden, hidden)?,
            }
        };
        let number = cross.load(&attn2, heads, hidden, context)?;
        let second = Source::Context { index: number };
        let ff = weights.pp("ff.net");
        Ok(Self {
            norm1: norm("norm1")?,
            attn1: Attention::load(&attn1, hidden, heads, first, number)?,
            norm2: norm("norm2")?,
            attn2: Attention::load(&attn2, hidden, heads, second, number)?,
            norm3: norm("norm3")?,
            ff_in: Linear::load(&ff.pp("0.proj"), hidden, hidden * 8)?, // GEGLU: value and gate, 4·C each
            ff_out: Linear::load(&ff.pp(2), hidden * 4, hidden)?,
        })
    }

    fn forward(&self, x: &Tensor, size: (usize, usize), pass: &Pass<'_>) -> Result<Tensor> {
        pass.cancel.check()?;
        let x = (x + self.attn1.forward(&self.norm1.forward(x)?, size, pass)?)?;
        let x = (&x + self.attn2.forward(&self.norm2.forward(&x)?, size, pass)?)?;
        let gated = self.ff_in.forward_geglu(&self.norm3.forward(&x)?)?;
        Ok((&x + self.ff_out.forward(&gated)?)?)
    }
}

/// How pixels become tokens and back.
#[derive(Debug, Clone)]
enum Projection {
    /// A matrix on tokens (SDXL).
    Linear(Linear, Linear),
    /// A 1×1 convolution on pixels (SD1.5).
    Conv(Conv2d, Conv2d),
}

/// `[B, C, h, w] -> [B, C, h, w]`.
#[derive(Debug, Clone)]
pub(crate) struct Transformer {
    norm: GroupNorm,
    projection: Projection,
    blocks: Vec<Block>,
    pub path: String,
}

impl Transformer {
    pub fn load(
        config: &UNetConfig,
        block: &BlockConfig,
        depth: usize,
        weights: &Weights,
        cross: &mut CrossLayers,
    ) -> Result<Self> {
        let channels = block.channels;
        let (proj_in, proj_out) = (weights.pp("proj_in"), weights.pp("proj_out"));
        let projection = if config.use_linear_projection {
            Projection::Linear(
                Linear::load(&proj_in, channels, channels)?,
                Linear::load(&proj_out, channels, channels)?,
            )
        } else {
            Projection::Conv(
                Conv2d::load_1x1(&proj_in, channels, channels)?,
                Conv2d::load_1x1(&proj_out, channels, channels)?,
            )
        };
        let blocks = weights.pp("transformer_blocks");
        Ok(Self {
            norm: GroupNorm::load(&weights.pp("norm"), channels, config.norm_num_groups, NORM_EPS)?,
            projection,
            blocks: (0..depth).map(|i| Block::load(block, &blocks.pp(i), cross)).collect::<Result<_>>()?,
            path: weights.path().to_string(),
        })
    }

    pub fn forward(&self, x: &Tensor, pass: &Pass<'_>) -> Result<Tensor> {
        let (batch, channels, height, width) = x.dims4()?;
        let normed = self.norm.forward(x)?;
        let to_tokens = |x: &Tensor| ops::transpose(&x.flatten_from(2)?); // [B, h·w, C]
        let to_pixels =
            |x: &Tensor| -> Result<Tensor> { Ok(ops::transpose(x)?.reshape((batch, channels, height, width))?) };
        let mut tokens = match &self.projection {
            Projection::Linear(proj_in, _) => proj_in.forward(&to_tokens(&normed)?)?,
            Projection::Conv(proj_in, _) => to_tokens(&proj_in.forward(&normed)?)?,
        };
        for block in &self.blocks {
            tokens = block.forward(&tokens, (height, width), pass)?;
        }
        let out = match &self.projection {
            Projection::Linear(_, proj_out) => to_pixels(&proj_out.forward(&tokens)?)?,
            Projection::Conv(_, proj_out) => proj_out.forward(&to_pixels(&tokens)?)?,
        };
        Ok((out + x)?)
    }
}
