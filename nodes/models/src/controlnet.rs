//! ControlNet: a copy of the UNet's encoder that turns a picture into residuals. IdentityNet is one.
//!
//! **Source**: `ControlNetModel` of diffusers 0.42.1 (ControlNet, arXiv 2302.05543; IdentityNet, arXiv 2401.07519: the same
//! network, given face tokens instead of text as context).
//! **Weights**: diffusers names; `controlnet_cond_embedding`, `controlnet_down_blocks`, `controlnet_mid_block` beside the
//! encoder's.
//!
//! What does not change over the steps is computed once by the caller and passed in: the picture's embedding
//! ([`ControlNet::embed_hint`]) and the context's keys and values ([`ControlNet::project_context`]).

use crate::layers::Conv2d;
use crate::unet::{
    AddedConditions, ContextKv, CrossLayer, CrossLayers, DownBlocks, Embedding, Keys, MidBlock, Pass, Residuals,
    UNetConfig,
};
use crate::weights::Weights;
use crate::{Cancel, Error, Result, ops};
use candle_core::{DType, Tensor};
use serde_json::Value;

/// The structure of a ControlNet.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlNetConfig {
    /// The encoder that it copies; its `up` is empty.
    pub encoder: UNetConfig,
    /// Channels of the picture: 3.
    pub conditioning_channels: usize,
    /// Widths of the picture's embedding, from full resolution to an eighth.
    pub conditioning_widths: Vec<usize>,
    /// Whether the picture's channels are to be reversed first.
    pub bgr: bool,
    /// Whether residuals are averaged over the picture (shuffle nets).
    pub global_pool: bool,
}

impl ControlNetConfig {
    /// Reads the parsed `config.json` of a ControlNet.
    ///
    /// # Errors
    /// [`Error::Config`] naming the key that is malformed or asks for something this crate cannot do.
    pub fn from_json(json: &Value) -> Result<Self> {
        let keys = Keys { json, what: "controlnet config" };
        let widths = keys.list("conditioning_embedding_out_channels", &[16, 32, 96, 256])?;
        if widths.is_empty() {
            return Err(keys.error("conditioning_embedding_out_channels", "expected at least one width"));
        }
        let bgr = match json.get("controlnet_conditioning_channel_order").and_then(Value::as_str) {
            None | Some("rgb") => false,
            Some("bgr") => true,
            Some(other) => {
                let message = format!("expected rgb or bgr, got {other}");
                return Err(keys.error("controlnet_conditioning_channel_order", &message));
            }
        };
        Ok(Self {
            encoder: UNetConfig::encoder_half(&keys)?,
            conditioning_channels: keys.number("conditioning_channels", 3)?,
            conditioning_widths: widths,
            bgr,
            global_pool: keys.flag("global_pool_conditions", false)?,
        })
    }
}

/// Picture to features at latent resolution: 3×3 convolutions with SiLU, three of them halving.
#[derive(Debug, Clone)]
struct HintEncoder {
    conv_in: Conv2d,
    blocks: Vec<Conv2d>,
    conv_out: Conv2d,
}

impl HintEncoder {
    fn load(config: &ControlNetConfig, weights: &Weights) -> Result<Self> {
        let weights = weights.pp("controlnet_cond_embedding");
        let widths = &config.conditioning_widths;
        let mut blocks = Vec::new();
        for pair in widths.windows(2) {
            let next = |blocks: &Vec<Conv2d>| weights.pp("blocks").pp(blocks.len());
            blocks.push(Conv2d::load_3x3(&next(&blocks), pair[0], pair[0])?);
            blocks.push(Conv2d::load(&next(&blocks), pair[0], pair[1], 3, 2, 1)?);
        }
        let last = widths[widths.len() - 1];
        Ok(Self {
            conv_in: Conv2d::load_3x3(&weights.pp("conv_in"), config.conditioning_channels, widths[0])?,
            blocks,
            conv_out: Conv2d::load_3x3(&weights.pp("conv_out"), last, config.encoder.down[0].channels)?,
        })
    }

    fn forward(&self, image: &Tensor, cancel: &Cancel) -> Result<Tensor> {
        let mut x = ops::silu(&self.conv_in.forward(image)?)?;
        for conv in &self.blocks {
            cancel.check()?;
            x = ops::silu(&conv.forward(&x)?)?;
        }
        self.conv_out.forward(&x)
    }
}

/// A picture's embedding at latent resolution: constant over the steps.
#[derive(Debug, Clone)]
pub struct HintEmbedding(Tensor);

impl HintEmbedding {
    /// `[B or 1, C, h, w]`.
    pub fn tensor(&self) -> &Tensor {
        &self.0
    }
}

/// How strongly each residual counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ControlStrength {
    /// All by one factor.
    Constant(f64),
    /// From a tenth of the factor at the shallowest residual, logarithmically up to the factor in the middle
    /// (diffusers' `guess_mode`).
    Ramp(f64),
}

impl ControlStrength {
    /// Whether the net says nothing at this strength.
    pub(crate) fn is_zero(self) -> bool {
        matches!(self, Self::Constant(0.0) | Self::Ramp(0.0))
    }

    /// The factor of residual `index` of `count` (the middle is the last).
    fn factor(self, index: usize, count: usize) -> f64 {
        match self {
            Self::Constant(strength) => strength,
            Self::Ramp(strength) => strength * 10f64.powf(index as f64 / (count.saturating_sub(1)).max(1) as f64 - 1.0),
        }
    }
}

/// The arguments of one forward pass.
pub struct ControlInput<'a> {
    /// `[B, 4, h, w]`: what the UNet gets in this step.
    pub sample: &'a Tensor,
    /// `[B]`, as the UNet's.
    pub timesteps: &'a Tensor,
    /// From [`ControlNet::project_context`], with B rows.
    pub context: &'a ContextKv,
    /// SDXL's pooled text and sizes, as the UNet's.
    pub added: Option<&'a AddedConditions>,
    /// From [`ControlNet::embed_hint`].
    pub hint: &'a HintEmbedding,
    /// Factor on the residuals.
    pub strength: ControlStrength,
    /// Looked at between layers.
    pub cancel: &'a Cancel,
}

/// The network.
#[derive(Debug, Clone)]
pub struct ControlNet {
    embedding: Embedding,
    conv_in: Conv2d,
    hint: HintEncoder,
    down: DownBlocks,
    mid: MidBlock,
    zero_down: Vec<Conv2d>,
    zero_mid: Conv2d,
    cross: CrossLayers,
    config: ControlNetConfig,
    dtype: DType,
}

impl ControlNet {
    /// Builds the network; call [`Weights::finish`] before using it.
    ///
    /// # Errors
    /// When a tensor cannot be read.
    pub fn new(config: &ControlNetConfig, weights: &Weights) -> Result<Self> {
        let encoder = &config.encoder;
        let mut cross = CrossLayers::default();
        let down = DownBlocks::load(encoder, weights, &mut cross)?;
        let mid = MidBlock::load(encoder, weights, &mut cross)?;
        let first = encoder.down[0].channels;
        let kernel = encoder.conv_in_kernel;
        let mut widths = vec![first];
        for (level, block) in encoder.down.iter().enumerate() {
            let halving = usize::from(level + 1 < encoder.down.len());
            widths.extend(std::iter::repeat_n(block.channels, block.layers + halving));
        }
        let zeros = weights.pp("controlnet_down_blocks");
        let zero_down = widths.iter().enumerate().map(|(i, width)| Conv2d::load_1x1(&zeros.pp(i), *width, *width));
        let deepest = encoder.deepest().channels;
        Ok(Self {
            embedding: Embedding::load(encoder, weights)?,
            conv_in: Conv2d::load(&weights.pp("conv_in"), encoder.in_channels, first, kernel, 1, (kernel - 1) / 2)?,
            hint: HintEncoder::load(config, weights)?,
            down,
            mid,
            zero_down: zero_down.collect::<Result<_>>()?,
            zero_mid: Conv2d::load_1x1(&weights.pp("controlnet_mid_block"), deepest, deepest)?,
            cross,
            config: config.clone(),
            dtype: weights.dtype(),
        })
    }

    /// The structure it was built with.
    pub fn config(&self) -> &ControlNetConfig {
        &self.config
    }

    /// The dtype that every tensor handed to it must have (timesteps excepted).
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Its cross-attention layers: down, then mid.
    pub fn cross_layers(&self) -> &[CrossLayer] {
        self.cross.as_slice()
    }

    /// Projects a context `[B, L, cross_attention_dim]` once for all steps: text, or for IdentityNet the face tokens.
    ///
    /// # Errors
    /// [`Error::Input`] when the context has another width.
    pub fn project_context(&self, context: &Tensor) -> Result<ContextKv> {
        self.cross.project(context)
    }

    /// Embeds the control picture `[B or 1, 3, 8h, 8w]` in 0..1 (not -1..1) once for all steps.
    ///
    /// # Errors
    /// [`Error::Input`] when the number of channels differs; [`Error::Cancelled`].
    pub fn embed_hint(&self, image: &Tensor, cancel: &Cancel) -> Result<HintEmbedding> {
        let channels = image.dims4()?.1;
        if channels != self.config.conditioning_channels {
            let expected = format!("[B, {}, H, W] in 0..1", self.config.conditioning_channels);
            return Err(Error::input("control image", expected, format!("{:?}", image.dims())));
        }
        let image = if self.config.bgr { image.flip(&[1])? } else { image.clone() };
        Ok(HintEmbedding(self.hint.forward(&image, cancel)?))
    }

    /// One evaluation: residuals for the UNet, already multiplied by the strength.
    ///
    /// # Errors
    /// [`Error::Cancelled`], or [`Error::Input`] naming the argument that does not fit the network.
    pub fn forward(&self, input: &ControlInput<'_>) -> Result<Residuals> {
        let silent = |_: &str, _: &Tensor| {};
        let dtype = input.sample.dtype();
        let time = self.embedding.forward(input.timesteps, input.added, None, dtype, &silent)?;
        let time = ops::silu(&time)?;
        let pass = Pass {
            time: &time,
            context: input.context,
            adapters: &[],
            hook: None,
            cancel: input.cancel,
            observe: &silent,
        };
        if input.context.batch() != input.sample.dim(0)? {
            let expected = format!("{} rows, as the sample", input.sample.dim(0)?);
            return Err(Error::input("ControlNet context", expected, input.context.batch().to_string()));
        }
        let x = self.conv_in.forward(input.sample)?;
        let hint = &input.hint.0;
        if hint.dims()[1..] != x.dims()[1..] {
            let (_, _, h, w) = x.dims4()?;
            let (_, _, hint_h, hint_w) = hint.dims4()?;
            let expected = format!("a picture 8 times the latent: {} × {} pixels (h × w)", h * 8, w * 8);
            return Err(Error::input("control image", expected, format!("{} × {}", hint_h * 8, hint_w * 8)));
        }
        let x = x.broadcast_add(hint)?;
        let mut skips = vec![x.clone()];
        let x = self.down.forward(x, &pass, &mut skips)?;
        let x = self.mid.forward(x, &pass)?;
        let count = skips.len() + 1;
        let strength = if self.config.global_pool {
            match input.strength {
                ControlStrength::Constant(s) | ControlStrength::Ramp(s) => ControlStrength::Constant(s),
            }
        } else {
            input.strength
        };
        let finish = |zero: &Conv2d, x: &Tensor, index: usize| -> Result<Tensor> {
            let residual = (zero.forward(x)? * strength.factor(index, count))?;
            Ok(if self.config.global_pool { residual.mean_keepdim((2, 3))? } else { residual })
        };
        let down = self.zero_down.iter().zip(&skips).enumerate().map(|(i, (zero, skip))| finish(zero, skip, i));
        Ok(Residuals { down: down.collect::<Result<_>>()?, mid: finish(&self.zero_mid, &x, count - 1)? })
    }
}
