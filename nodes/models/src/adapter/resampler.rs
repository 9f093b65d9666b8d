//! The perceiver that turns an embedding into image tokens.
//!
//! A fixed set of latents looks, layer after layer, at the projected input and at itself. InstantID feeds it a face embedding,
//! IP-Adapter Plus the patches of a CLIP image encoder, FaceID Plus starts it from face tokens instead of learned latents.
//!
//! **Source**: InstantID `ip_adapter/resampler.py`, IP-Adapter `ip_adapter/resampler.py` (both after Flamingo, arXiv 2204.14198).
//!
//! **Weights**: `latents`, `proj_in.*`, `layers.{i}.0.*` (attention), `layers.{i}.1.*` (feed-forward), `proj_out.*`, `norm_out.*`.

use super::input::{Input, size};
use crate::layers::{LayerNorm, Linear};
use crate::ops::{self, Mask};
use crate::weights::Weights;
use crate::{Error, Result};
use candle_core::{DType, Tensor};

/// Every published perceiver has 64 channels in a head.
const HEAD_CHANNELS: usize = 64;
/// Perceivers narrower than any published one (768) are test models, whose heads have 8 channels.
const NARROW: (usize, usize) = (512, 8);

/// The default of PyTorch's `LayerNorm`.
const EPS: f64 = 1e-5;

/// Sizes of a perceiver, read off its tensors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerceiverConfig {
    /// Width of the latents inside.
    pub dim: usize,
    /// Number of layers.
    pub depth: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of all heads together.
    pub inner: usize,
    /// Width inside of the feed-forward layers.
    pub hidden: usize,
    /// Width of the input.
    pub embedding_dim: usize,
    /// Width of the tokens that come out: that of the UNet's text.
    pub output_dim: usize,
}

impl PerceiverConfig {
    /// Reads the sizes off the shapes; `heads` overrules the usual 64 channels a head, which no tensor tells.
    ///
    /// # Errors
    /// [`Error::Config`] when a tensor that tells a size is missing or the heads do not divide the width.
    pub fn infer(weights: &Weights, heads: Option<usize>) -> Result<Self> {
        let size = |name, axis| size(weights, name, axis);
        let inner = size("layers.0.0.to_q.weight", 0)?;
        let head_channels = if inner < NARROW.0 { NARROW.1 } else { HEAD_CHANNELS };
        let heads = heads.unwrap_or(inner / head_channels);
        if heads == 0 || inner % heads != 0 {
            return Err(Error::config("perceiver", format!("{heads} heads do not divide its attention width {inner}")));
        }
        let depth = (0..).take_while(|i| weights.contains(&format!("layers.{i}.0.to_q.weight"))).count();
        Ok(Self {
            dim: size("proj_in.weight", 0)?,
            depth,
            heads,
            inner,
            hidden: size("layers.0.1.1.weight", 0)?,
            embedding_dim: size("proj_in.weight", 1)?,
            output_dim: size("proj_out.weight", 0)?,
        })
    }
}

/// Latents that look at an input: everything of the Resampler but the learned latents.
#[derive(Debug, Clone)]
pub(super) struct Perceiver {
    proj_in: Linear,
    layers: Vec<(PerceiverAttention, FeedForward)>,
    proj_out: Linear,
    norm_out: LayerNorm,
}

impl Perceiver {
    pub(super) fn load(weights: &Weights, config: &PerceiverConfig) -> Result<Self> {
        let layer = |i: usize| -> Result<_> {
            let weights = weights.pp("layers").pp(i);
            let attention = PerceiverAttention::load(&weights.pp(0), config)?;
            Ok((attention, FeedForward::load(&weights.pp(1), config)?))
        };
        Ok(Self {
            proj_in: Linear::load(&weights.pp("proj_in"), config.embedding_dim, config.dim)?,
            layers: (0..config.depth).map(layer).collect::<Result<_>>()?,
            proj_out: Linear::load(&weights.pp("proj_out"), config.dim, config.output_dim)?,
            norm_out: LayerNorm::load(&weights.pp("norm_out"), config.output_dim, EPS)?,
        })
    }

    /// `latents [B, q, dim]`, `x [B, n, embedding_dim]` -> `[B, q, output_dim]`.
    pub(super) fn forward(&self, latents: Tensor, x: &Tensor) -> Result<Tensor> {
        let x = self.proj_in.forward(x)?;
        let mut latents = latents;
        for (attention, feed_forward) in &self.layers {
            latents = (attention.forward(&x, &latents)? + latents)?;
            latents = (feed_forward.forward(&latents)? + latents)?;
        }
        self.norm_out.forward(&self.proj_out.forward(&latents)?)
    }
}

/// Attention of the latents to the input followed by themselves.
#[derive(Debug, Clone)]
struct PerceiverAttention {
    norm1: LayerNorm,
    norm2: LayerNorm,
    to_q: Linear,
    to_kv: Linear,
    to_out: Linear,
    heads: usize,
}

impl PerceiverAttention {
    fn load(weights: &Weights, config: &PerceiverConfig) -> Result<Self> {
        let (dim, inner) = (config.dim, config.inner);
        Ok(Self {
            norm1: LayerNorm::load(&weights.pp("norm1"), dim, EPS)?,
            norm2: LayerNorm::load(&weights.pp("norm2"), dim, EPS)?,
            to_q: Linear::load_no_bias(&weights.pp("to_q"), dim, inner)?,
            to_kv: Linear::load_no_bias(&weights.pp("to_kv"), dim, 2 * inner)?,
            to_out: Linear::load_no_bias(&weights.pp("to_out"), inner, dim)?,
            heads: config.heads,
        })
    }

    /// The reference scales queries and keys by `d^-1/4` each, which keeps f16 products small; with scores in f32 one factor
    /// `d^-1/2` is the same up to rounding.
    fn forward(&self, x: &Tensor, latents: &Tensor) -> Result<Tensor> {
        let (x, latents) = (self.norm1.forward(x)?, self.norm2.forward(latents)?);
        let q = self.to_q.forward(&latents)?;
        let kv = self.to_kv.forward(&Tensor::cat(&[&x, &latents], 1)?)?.chunk(2, 2)?; // 2 × [B, n + q, inner]
        let attended = ops::attention(&q, &kv[0].contiguous()?, &kv[1].contiguous()?, self.heads, Mask::None)?;
        self.to_out.forward(&attended)
    }
}

/// `W2 · gelu(W1 · norm(x))`.
#[derive(Debug, Clone)]
struct FeedForward {
    norm: LayerNorm,
    rise: Linear,
    fall: Linear,
}

impl FeedForward {
    fn load(weights: &Weights, config: &PerceiverConfig) -> Result<Self> {
        Ok(Self {
            norm: LayerNorm::load(&weights.pp(0), config.dim, EPS)?,
            rise: Linear::load_no_bias(&weights.pp(1), config.dim, config.hidden)?,
            fall: Linear::load_no_bias(&weights.pp(3), config.hidden, config.dim)?, // 2 is the GELU
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.fall.forward(&ops::gelu(&self.rise.forward(&self.norm.forward(x)?)?)?)
    }
}

/// A perceiver with learned latents: InstantID's Resampler and IP-Adapter Plus.
///
/// # Shapes
/// `[B, n, embedding_dim] -> [B, queries, output_dim]`; released for SDXL: `[B, 1, 512] -> [B, 16, 2048]`.
#[derive(Debug, Clone)]
pub struct Resampler {
    input: Input,
    latents: Tensor,
    perceiver: Perceiver,
    config: PerceiverConfig,
}

impl Resampler {
    /// Reads the network; sizes come from the tensors' shapes, see [`PerceiverConfig::infer`] for `heads`.
    ///
    /// # Errors
    /// When a size cannot be read off; other missing tensors are noted for [`Weights::finish`].
    pub fn load(weights: &Weights, heads: Option<usize>) -> Result<Self> {
        Self::new(PerceiverConfig::infer(weights, heads)?, size(weights, "latents", 1)?, weights)
    }

    /// Builds the network with `queries` latents, one for each token that comes out; call [`Weights::finish`] before using it.
    ///
    /// # Errors
    /// When a tensor cannot be read.
    pub fn new(config: PerceiverConfig, queries: usize, weights: &Weights) -> Result<Self> {
        let latents = weights.get("latents", (1, queries, config.dim))?;
        let input = Input::new(weights, config.embedding_dim);
        Ok(Self { input, latents, perceiver: Perceiver::load(weights, &config)?, config })
    }

    /// The sizes.
    pub fn config(&self) -> &PerceiverConfig {
        &self.config
    }

    /// Tokens of `embeds [B, n, embedding_dim]`: for InstantID raw ArcFace embeddings, *not* normalised.
    ///
    /// # Errors
    /// [`Error::Input`] for another shape.
    pub fn forward(&self, embeds: &Tensor) -> Result<Tensor> {
        let embeds = self.input.accept("embeddings", embeds)?;
        let latents = self.latents.repeat((embeds.dim(0)?, 1, 1))?; // [B, queries, dim]
        self.perceiver.forward(latents, &embeds)
    }

    /// Tokens of the unconditional half: those of an embedding of zeros, not zero tokens.
    ///
    /// `noise` replaces the zeros: ComfyUI's InstantID node takes 0.35 times uniform numbers, which counters over-saturated
    /// faces; their seed is [`noise_seed`]. `like [B, n, embedding_dim]` is the conditional half's embedding.
    ///
    /// # Errors
    /// [`Error::Input`] when `noise` has another shape than `like`.
    pub fn forward_unconditional(&self, like: &Tensor, noise: Option<&Tensor>) -> Result<Tensor> {
        match noise {
            None => self.forward(&like.zeros_like()?),
            Some(noise) if noise.dims() == like.dims() => self.forward(noise),
            Some(noise) => Err(Error::input(
                "noise",
                format!("the embeddings' shape {:?}", like.dims()),
                format!("{:?}", noise.dims()),
            )),
        }
    }
}

/// The seed of ComfyUI_InstantID's noise for the unconditional embedding: the whole part of the embedding's sum, modulo
/// 1 000 000 007 as Python does it (never negative).
///
/// Source: cubiq/ComfyUI_InstantID `InstantID.py`.
pub fn noise_seed(embeds: &Tensor) -> Result<u64> {
    let sum = embeds.to_dtype(DType::F32)?.sum_all()?.to_scalar::<f32>()?;
    Ok((sum as i64).rem_euclid(1_000_000_007) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn seeds_as_python_takes_the_remainder() {
        let seed = |values: &[f32]| noise_seed(&Tensor::new(values, &Device::Cpu).unwrap()).unwrap();
        assert_eq!(seed(&[1.5, 2.25]), 3);
        assert_eq!(seed(&[-1.5, -2.25]), 1_000_000_004); // int(-3.75) = -3
    }
}
