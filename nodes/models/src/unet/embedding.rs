//! Time, and SDXL's sizes and pooled text, as one vector for every residual block.
//!
//! **Source**: `TimestepEmbedding` and the `text_time` branch of diffusers' `UNet2DConditionModel`.
//! **Weights**: `time_embedding.linear_{1,2}`, `add_embedding.linear_{1,2}`, `time_embedding.cond_proj` (distilled models).

use super::config::UNetConfig;
use super::pass::Observer;
use crate::layers::{Linear, sinusoids};
use crate::weights::Weights;
use crate::{Error, Result, ops};
use candle_core::{DType, Tensor};

/// SDXL's conditions beside the text tokens.
#[derive(Debug, Clone)]
pub struct AddedConditions {
    /// Pooled output of the second text encoder, `[B, 1280]`.
    pub text_embeds: Tensor,
    /// `[B, 6]`: original height and width, crop top and left, target height and width, in pixels.
    pub time_ids: Tensor,
}

/// Two matrices with SiLU between.
#[derive(Debug, Clone)]
struct Mlp {
    linear_1: Linear,
    linear_2: Linear,
}

impl Mlp {
    fn load(weights: &Weights, inputs: usize, outputs: usize) -> Result<Self> {
        Ok(Self {
            linear_1: Linear::load(&weights.pp("linear_1"), inputs, outputs)?,
            linear_2: Linear::load(&weights.pp("linear_2"), outputs, outputs)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.linear_2.forward(&ops::silu(&self.linear_1.forward(x)?)?)
    }
}

/// The whole embedding of a UNet or ControlNet.
#[derive(Debug, Clone)]
pub(crate) struct Embedding {
    time: Mlp,
    cond_proj: Option<Linear>,
    added: Option<(Mlp, usize)>,
    dim: usize,
    flip_sin_to_cos: bool,
    freq_shift: f64,
}

impl Embedding {
    pub fn load(config: &UNetConfig, weights: &Weights) -> Result<Self> {
        let (dim, hidden) = (config.down[0].channels, config.time_embed_dim());
        let time = weights.pp("time_embedding");
        let added = match &config.text_time {
            None => None,
            Some(c) => Some((Mlp::load(&weights.pp("add_embedding"), c.input_dim, hidden)?, c.time_dim)),
        };
        let cond_proj = match config.time_cond_proj_dim {
            None => None,
            Some(width) => Some(Linear::load_no_bias(&time.pp("cond_proj"), width, dim)?),
        };
        Ok(Self {
            time: Mlp::load(&time, dim, hidden)?,
            cond_proj,
            added,
            dim,
            flip_sin_to_cos: config.flip_sin_to_cos,
            freq_shift: config.freq_shift,
        })
    }

    /// `[B]` timesteps and what goes with them to `[B, 4·C]` in `dtype`.
    pub fn forward(
        &self,
        timesteps: &Tensor,
        added: Option<&AddedConditions>,
        guidance: Option<&Tensor>,
        dtype: DType,
        observe: &Observer<'_>,
    ) -> Result<Tensor> {
        let mut waves = sinusoids(timesteps, self.dim, self.flip_sin_to_cos, self.freq_shift)?.to_dtype(dtype)?;
        match (&self.cond_proj, guidance) {
            (Some(proj), Some(guidance)) => waves = (waves + proj.forward(&guidance.to_dtype(dtype)?)?)?,
            (None, Some(_)) => {
                return Err(Error::input("guidance embedding", "none (this UNet has no cond_proj)", "one"));
            }
            (_, None) => {} // diffusers too runs a distilled UNet without it
        }
        let time = self.time.forward(&waves)?;
        observe("time_embedding", &time);
        match (&self.added, added) {
            (None, _) => Ok(time),
            (Some(_), None) => Err(Error::input("added conditions", "pooled text and time ids (SDXL)", "none")),
            (Some((mlp, time_dim)), Some(added)) => {
                let sizes =
                    sinusoids(&added.time_ids.flatten_all()?, *time_dim, self.flip_sin_to_cos, self.freq_shift)?;
                let sizes = sizes.reshape((added.time_ids.dim(0)?, ()))?.to_dtype(dtype)?; // [B, 6·time_dim]
                let vector = Tensor::cat(&[&added.text_embeds.to_dtype(dtype)?, &sizes], 1)?;
                let embedded = mlp.forward(&vector)?;
                observe("add_embedding", &embedded);
                Ok((time + embedded)?)
            }
        }
    }
}
