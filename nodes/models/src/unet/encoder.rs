//! The way down and the middle: the half that a ControlNet copies.
//!
//! **Source**: `CrossAttnDownBlock2D`, `DownBlock2D`, `UNetMidBlock2DCrossAttn` of diffusers.

use super::config::{MidConfig, UNetConfig};
use super::cross_attention::CrossLayers;
use super::pass::Pass;
use super::resnet::{Downsample, ResnetBlock};
use super::transformer::Transformer;
use crate::Result;
use crate::weights::Weights;
use candle_core::Tensor;

/// One level: residual blocks, each followed by a transformer where the level has attention, then a halving.
#[derive(Debug, Clone)]
struct DownBlock {
    resnets: Vec<ResnetBlock>,
    attentions: Vec<Transformer>,
    downsampler: Option<Downsample>,
    path: String,
}

/// All levels on the way down.
#[derive(Debug, Clone)]
pub(crate) struct DownBlocks(Vec<DownBlock>);

impl DownBlocks {
    pub fn load(config: &UNetConfig, weights: &Weights, cross: &mut CrossLayers) -> Result<Self> {
        let mut blocks = Vec::new();
        let mut inputs = config.down[0].channels;
        for (level, block) in config.down.iter().enumerate() {
            let weights = weights.pp("down_blocks").pp(level);
            let mut resnets = Vec::new();
            let mut attentions = Vec::new();
            for layer in 0..block.layers {
                let resnet = weights.pp("resnets").pp(layer);
                resnets.push(ResnetBlock::load(config, &resnet, inputs, block.channels)?);
                inputs = block.channels;
                if let Some(depth) = block.transformer_layers.get(layer) {
                    let attention = weights.pp("attentions").pp(layer);
                    attentions.push(Transformer::load(config, block, *depth, &attention, cross)?);
                }
            }
            let downsampler = match level + 1 < config.down.len() {
                true => Some(Downsample::load(config, &weights.pp("downsamplers.0"), block.channels)?),
                false => None,
            };
            blocks.push(DownBlock { resnets, attentions, downsampler, path: weights.path().to_string() });
        }
        Ok(Self(blocks))
    }

    /// Runs `x` down, pushing the tensor after every layer onto `skips`.
    pub fn forward(&self, mut x: Tensor, pass: &Pass<'_>, skips: &mut Vec<Tensor>) -> Result<Tensor> {
        for block in &self.0 {
            for (layer, resnet) in block.resnets.iter().enumerate() {
                pass.cancel.check()?;
                x = resnet.forward(&x, pass.time)?;
                (pass.observe)(&resnet.path, &x);
                if let Some(attention) = block.attentions.get(layer) {
                    x = attention.forward(&x, pass)?;
                    (pass.observe)(&attention.path, &x);
                }
                skips.push(x.clone());
            }
            if let Some(downsampler) = &block.downsampler {
                x = downsampler.forward(&x)?;
                (pass.observe)(&downsampler.path, &x);
                skips.push(x.clone());
            }
            (pass.observe)(&block.path, &x);
        }
        Ok(x)
    }
}

/// The middle block.
#[derive(Debug, Clone)]
pub(crate) struct MidBlock {
    first: Option<ResnetBlock>,
    rest: Option<(Transformer, ResnetBlock)>,
}

impl MidBlock {
    pub fn load(config: &UNetConfig, weights: &Weights, cross: &mut CrossLayers) -> Result<Self> {
        let weights = weights.pp("mid_block");
        let block = config.deepest();
        let resnet = |i: usize| ResnetBlock::load(config, &weights.pp("resnets").pp(i), block.channels, block.channels);
        let first = match config.mid {
            MidConfig::None => None,
            _ => Some(resnet(0)?),
        };
        let rest = match config.mid {
            MidConfig::CrossAttention(depth) => {
                let attention = Transformer::load(config, block, depth, &weights.pp("attentions.0"), cross)?;
                Some((attention, resnet(1)?))
            }
            _ => None,
        };
        Ok(Self { first, rest })
    }

    pub fn forward(&self, mut x: Tensor, pass: &Pass<'_>) -> Result<Tensor> {
        pass.cancel.check()?;
        if let Some(resnet) = &self.first {
            x = resnet.forward(&x, pass.time)?;
        }
        if let Some((attention, resnet)) = &self.rest {
            x = resnet.forward(&attention.forward(&x, pass)?, pass.time)?;
        }
        (pass.observe)("mid_block", &x);
        Ok(x)
    }
}
