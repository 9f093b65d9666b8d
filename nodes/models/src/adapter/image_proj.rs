//! The networks that make image tokens in the IP-Adapter family, recognised from their tensors.
//!
//! **Source**: tencent-ailab/IP-Adapter `ip_adapter/{ip_adapter,ip_adapter_faceid,resampler}.py`; diffusers'
//! `models/embeddings.py` names the same networks `ImageProjection`, `IPAdapter*ImageProjection`.

use super::AdapterProblem;
use super::input::{Input, size};
use super::resampler::{Perceiver, PerceiverConfig, Resampler};
use crate::layers::{LayerNorm, Linear};
use crate::weights::Weights;
use crate::{Error, Result, ops};
use candle_core::Tensor;

/// The default of PyTorch's `LayerNorm`.
const EPS: f64 = 1e-5;

/// The image projection of an adapter file.
#[derive(Debug, Clone)]
pub enum ImageProjection {
    /// InstantID (`[B, n, 512]` raw ArcFace) or IP-Adapter Plus (`[B, 257, 1280]` penultimate CLIP image patches).
    Resampler(Resampler),
    /// IP-Adapter: pooled CLIP image embeddings.
    Linear(LinearProjection),
    /// FaceID (normalised ArcFace embeddings) or IP-Adapter Full (CLIP image patches).
    Mlp(MlpProjection),
    /// FaceID Plus and Plus v2: face embeddings that look at the CLIP patches of the face.
    FacePlus(FacePlusProjection),
}

impl ImageProjection {
    /// Recognises the network under the cursor from its tensors and reads it; for `heads` see [`PerceiverConfig::infer`].
    ///
    /// # Errors
    /// [`Error::Adapter`] when it is none of these; missing tensors are noted for [`Weights::finish`].
    pub fn load(weights: &Weights, heads: Option<usize>) -> Result<Self> {
        if weights.contains("perceiver_resampler.proj_in.weight") {
            Ok(Self::FacePlus(FacePlusProjection::load(weights, heads)?))
        } else if weights.contains("latents") {
            Ok(Self::Resampler(Resampler::load(weights, heads)?))
        } else if weights.contains("proj.weight") {
            Ok(Self::Linear(LinearProjection::load(weights)?))
        } else if weights.contains("proj.0.weight") && weights.contains("proj.2.weight") {
            Ok(Self::Mlp(MlpProjection::load(weights)?))
        } else {
            let looked_under = weights.path().to_string();
            Err(Error::adapter(weights, AdapterProblem::NoProjection { looked_under }))
        }
    }

    /// Width of the tokens: that of the UNet's text.
    pub fn output_dim(&self) -> usize {
        match self {
            Self::Resampler(net) => net.config().output_dim,
            Self::Linear(net) => net.tokens.width,
            Self::Mlp(net) => net.tokens.width,
            Self::FacePlus(net) => net.output_dim,
        }
    }
}

/// The end of a projection: a row of features cut into tokens, each normalised.
#[derive(Debug, Clone)]
struct Tokens {
    norm: LayerNorm,
    width: usize,
}

impl Tokens {
    fn load(weights: &Weights) -> Result<Self> {
        let width = size(weights, "weight", 0)?;
        Ok(Self { norm: LayerNorm::load(weights, width, EPS)?, width })
    }

    /// `[B, n, k·width] -> [B, n·k, width]`.
    fn cut(&self, x: &Tensor) -> Result<Tensor> {
        let batch = x.dim(0)?;
        self.norm.forward(&x.reshape((batch, (), self.width))?)
    }
}

/// IP-Adapter: one linear layer makes (usually 4) tokens of one vector.
#[derive(Debug, Clone)]
pub struct LinearProjection {
    input: Input,
    proj: Linear,
    tokens: Tokens,
}

impl LinearProjection {
    /// Reads `proj [k·width, embedding_dim]` and `norm [width]`.
    ///
    /// # Errors
    /// When a size cannot be read off.
    pub fn load(weights: &Weights) -> Result<Self> {
        let (outputs, inputs) = (size(weights, "proj.weight", 0)?, size(weights, "proj.weight", 1)?);
        let proj = Linear::load(&weights.pp("proj"), inputs, outputs)?;
        Ok(Self { input: Input::new(weights, inputs), proj, tokens: Tokens::load(&weights.pp("norm"))? })
    }

    /// `[B, n, embedding_dim] -> [B, n·k, width]`.
    pub fn forward(&self, embeds: &Tensor) -> Result<Tensor> {
        self.tokens.cut(&self.proj.forward(&self.input.accept("embeddings", embeds)?)?)
    }
}

/// FaceID and IP-Adapter Full: two linear layers with a GELU between.
#[derive(Debug, Clone)]
pub struct MlpProjection {
    mlp: Mlp,
    tokens: Tokens,
}

impl MlpProjection {
    /// Reads `proj.0`, `proj.2` and the norm, which is `norm` in FaceID and `proj.3` in IP-Adapter Full.
    ///
    /// # Errors
    /// When a size cannot be read off.
    pub fn load(weights: &Weights) -> Result<Self> {
        let proj = weights.pp("proj");
        let norm = if proj.contains("3.weight") { proj.pp(3) } else { weights.pp("norm") };
        Ok(Self { mlp: Mlp::load(&proj)?, tokens: Tokens::load(&norm)? })
    }

    /// `[B, n, embedding_dim] -> [B, n·k, width]`: `k` tokens of every face, or one of every patch.
    pub fn forward(&self, embeds: &Tensor) -> Result<Tensor> {
        self.tokens.cut(&self.mlp.forward(embeds)?)
    }
}

#[derive(Debug, Clone)]
struct Mlp {
    input: Input,
    rise: Linear,
    fall: Linear,
}

impl Mlp {
    fn load(weights: &Weights) -> Result<Self> {
        let (hidden, inputs) = (size(weights, "0.weight", 0)?, size(weights, "0.weight", 1)?);
        let outputs = size(weights, "2.weight", 0)?;
        Ok(Self {
            input: Input::new(weights, inputs),
            rise: Linear::load(&weights.pp(0), inputs, hidden)?,
            fall: Linear::load(&weights.pp(2), hidden, outputs)?, // 1 is the GELU
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.input.accept("embeddings", x)?;
        self.fall.forward(&ops::gelu(&self.rise.forward(&x)?)?)
    }
}

/// FaceID Plus: face tokens are the latents of a perceiver over the CLIP patches of the face crop.
#[derive(Debug, Clone)]
pub struct FacePlusProjection {
    face: MlpProjection,
    patches: Input,
    perceiver: Perceiver,
    output_dim: usize,
}

impl FacePlusProjection {
    /// Reads `proj.*`, `norm.*` and `perceiver_resampler.*`; for `heads` see [`PerceiverConfig::infer`].
    ///
    /// # Errors
    /// When a size cannot be read off.
    pub fn load(weights: &Weights, heads: Option<usize>) -> Result<Self> {
        let perceiver = weights.pp("perceiver_resampler");
        let config = PerceiverConfig::infer(&perceiver, heads)?;
        Ok(Self {
            face: MlpProjection::load(weights)?,
            patches: Input::new(weights, config.embedding_dim),
            perceiver: Perceiver::load(&perceiver, &config)?,
            output_dim: config.output_dim,
        })
    }

    /// `face [B, n, 512]` (normalised), `patches [B, 257, 1280]` (penultimate CLIP states) -> `[B, n·k, width]`.
    ///
    /// `shortcut` is version 2, which the tensors do not tell from version 1: the face tokens are added to `shortcut` times what
    /// the perceiver made of them.
    pub fn forward(&self, face: &Tensor, patches: &Tensor, shortcut: Option<f64>) -> Result<Tensor> {
        let face = self.face.forward(face)?;
        let seen = self.perceiver.forward(face.clone(), &self.patches.accept("image patches", patches)?)?;
        match shortcut {
            None => Ok(seen),
            Some(scale) => Ok((face + (seen * scale)?)?),
        }
    }
}
