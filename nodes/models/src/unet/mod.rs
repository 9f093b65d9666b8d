//! The denoising network of SD1.5 and SDXL, with hooks for everything that steers it.
//!
//! **Source**: `UNet2DConditionModel` of diffusers 0.42.1. **Weights**: diffusers names (`down_blocks.0.resnets.0.conv1.weight`).
//!
//! Nothing is forked to steer it. What can be hooked in, per forward pass: keys and values of any number of adapters
//! ([`AdapterKv`]), residuals of any number of ControlNets ([`Residuals`]), what else adds to blocks and attention ([`Hook`]), an
//! observer of every block; and, when it is built, weight deltas ([`Weights::with_deltas`]).

mod config;
mod cross_attention;
mod embedding;
mod encoder;
mod hook;
mod keys;
mod pass;
mod resnet;
mod transformer;

pub use config::{BlockConfig, MidConfig, TextTimeConfig, UNetConfig};
pub(crate) use cross_attention::CrossLayers;
pub use cross_attention::{AdapterKv, AdapterLayerKv, ContextKv, CrossLayer, MaskResize, SpatialMask};
pub use embedding::AddedConditions;
pub(crate) use embedding::Embedding;
pub(crate) use encoder::{DownBlocks, MidBlock};
pub use hook::{AttentionPart, Hook, HookSite};
pub(crate) use keys::Keys;
pub use pass::Observer;
pub(crate) use pass::Pass;

use crate::layers::{Conv2d, GroupNorm};
use crate::weights::Weights;
use crate::{Cancel, Error, Result};
use candle_core::{DType, Device, Tensor};
use resnet::{ResnetBlock, Upsample};
use transformer::Transformer;

/// What a ControlNet adds to the UNet's skip tensors and to its middle.
#[derive(Debug, Clone)]
pub struct Residuals {
    /// One per skip tensor, shallowest first.
    pub down: Vec<Tensor>,
    /// Onto the middle block's output.
    pub mid: Tensor,
}

impl Residuals {
    /// Adds another net's residuals.
    ///
    /// # Errors
    /// [`Error::Input`] when the nets have different structures.
    pub fn sum(&self, other: &Self) -> Result<Self> {
        if self.down.len() != other.down.len() {
            let (expected, got) = (self.down.len(), other.down.len());
            return Err(Error::input("residuals", format!("{expected} (as the other ControlNet)"), got.to_string()));
        }
        let down = self.down.iter().zip(&other.down).map(|(a, b)| Ok((a + b)?)).collect::<Result<_>>()?;
        Ok(Self { down, mid: (&self.mid + &other.mid)? })
    }
}

/// The arguments of one forward pass.
pub struct UNetInput<'a> {
    /// `[B, in_channels, h, w]`, scaled as the schedule wants.
    pub sample: &'a Tensor,
    /// `[B]`, training timesteps 0..1000, fractions allowed.
    pub timesteps: &'a Tensor,
    /// From [`UNet::project_context`], with B rows.
    pub context: &'a ContextKv,
    /// SDXL's pooled text and sizes.
    pub added: Option<&'a AddedConditions>,
    /// Embedding of the guidance scale `[B, time_cond_proj_dim]`, for distilled models.
    pub guidance: Option<&'a Tensor>,
    /// What adds to cross-attention in this step.
    pub adapters: &'a [&'a AdapterKv],
    /// What ControlNets add in this step.
    pub residuals: Option<&'a Residuals>,
    /// What else adds to blocks and attention.
    pub hook: Option<&'a Hook<'a>>,
    /// Looked at between layers.
    pub cancel: &'a Cancel,
    /// Shown the output of every block, by its dotted name.
    pub observe: Option<&'a Observer<'a>>,
}

/// One level on the way up: residual blocks that each take a skip tensor, transformers, then an enlargement.
#[derive(Debug, Clone)]
struct UpBlock {
    resnets: Vec<ResnetBlock>,
    attentions: Vec<Transformer>,
    upsampler: Option<Upsample>,
    path: String,
}

/// The network.
#[derive(Debug, Clone)]
pub struct UNet {
    embedding: Embedding,
    conv_in: Conv2d,
    down: DownBlocks,
    mid: MidBlock,
    up: Vec<UpBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
    cross: CrossLayers,
    config: UNetConfig,
    dtype: DType,
    device: Device,
}

impl UNet {
    /// Builds the network; call [`Weights::finish`] before using it.
    ///
    /// # Errors
    /// When a tensor cannot be read.
    pub fn new(config: &UNetConfig, weights: &Weights) -> Result<Self> {
        let mut cross = CrossLayers::default();
        let first = config.down[0].channels;
        let (kernel_in, kernel_out) = (config.conv_in_kernel, config.conv_out_kernel);
        let conv = |name: &str, inputs, outputs, kernel: usize| {
            Conv2d::load(&weights.pp(name), inputs, outputs, kernel, 1, (kernel - 1) / 2)
        };
        // Cross-attention layers are numbered down, up, mid: the order in which diffusers registers them.
        let down = DownBlocks::load(config, weights, &mut cross)?;
        let up = Self::load_up(config, weights, &mut cross)?;
        let mid = MidBlock::load(config, weights, &mut cross)?;
        Ok(Self {
            embedding: Embedding::load(config, weights)?,
            conv_in: conv("conv_in", config.in_channels, first, kernel_in)?,
            down,
            mid,
            up,
            conv_norm_out: GroupNorm::load(
                &weights.pp("conv_norm_out"),
                first,
                config.norm_num_groups,
                config.norm_eps,
            )?,
            conv_out: conv("conv_out", first, config.out_channels, kernel_out)?,
            cross,
            config: config.clone(),
            dtype: weights.dtype(),
            device: weights.device().clone(),
        })
    }

    fn load_up(config: &UNetConfig, weights: &Weights, cross: &mut CrossLayers) -> Result<Vec<UpBlock>> {
        // The widths of the skip tensors, in the order in which the way down makes them.
        let mut skips = vec![config.down[0].channels];
        for (level, block) in config.down.iter().enumerate() {
            skips.extend(std::iter::repeat_n(block.channels, block.layers));
            skips.extend((level + 1 < config.down.len()).then_some(block.channels));
        }
        let mut blocks = Vec::new();
        let mut inputs = config.deepest().channels;
        for (level, block) in config.up.iter().enumerate() {
            let weights = weights.pp("up_blocks").pp(level);
            let mut resnets = Vec::new();
            let mut attentions = Vec::new();
            for layer in 0..block.layers {
                let skip = skips.pop().expect("the way up has one layer for each tensor of the way down");
                let resnet = weights.pp("resnets").pp(layer);
                resnets.push(ResnetBlock::load(config, &resnet, inputs + skip, block.channels)?);
                inputs = block.channels;
                if let Some(depth) = block.transformer_layers.get(layer) {
                    let attention = weights.pp("attentions").pp(layer);
                    attentions.push(Transformer::load(config, block, *depth, &attention, cross)?);
                }
            }
            let upsampler = match level + 1 < config.up.len() {
                true => Some(Upsample::load(&weights.pp("upsamplers.0"), block.channels)?),
                false => None,
            };
            blocks.push(UpBlock { resnets, attentions, upsampler, path: weights.path().to_string() });
        }
        Ok(blocks)
    }

    /// The structure it was built with.
    pub fn config(&self) -> &UNetConfig {
        &self.config
    }

    /// The dtype that every tensor handed to it must have (timesteps excepted).
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Where its weights are.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Its cross-attention layers in the order in which adapters number them.
    pub fn cross_layers(&self) -> &[CrossLayer] {
        self.cross.as_slice()
    }

    /// How many tensors the way down hands to the way up, and so how many layers that has.
    pub fn skips(&self) -> usize {
        self.up.iter().map(|block| block.resnets.len()).sum()
    }

    /// Projects a context `[B, L, cross_attention_dim]` to keys and values of every layer, once for all steps.
    ///
    /// # Errors
    /// [`Error::Input`] when the context has another width.
    pub fn project_context(&self, context: &Tensor) -> Result<ContextKv> {
        self.cross.project(context)
    }

    /// One evaluation: `[B, in_channels, h, w] -> [B, out_channels, h, w]`, any h and w.
    ///
    /// # Errors
    /// [`Error::Cancelled`], or [`Error::Input`] naming the argument that does not fit the network.
    pub fn forward(&self, input: &UNetInput<'_>) -> Result<Tensor> {
        let (batch, channels, ..) = input.sample.dims4()?;
        if channels != self.config.in_channels {
            let inpainting = match self.config.in_channels {
                9 => " (an inpainting UNet: latents, mask and masked latents)",
                _ => "",
            };
            let expected = format!("[B, {}, h, w]{inpainting}", self.config.in_channels);
            return Err(Error::input("sample", expected, format!("{:?}", input.sample.dims())));
        }
        if input.context.batch() != batch {
            let expected = format!("{batch} rows, as the sample");
            return Err(Error::input("context", expected, input.context.batch().to_string()));
        }
        let silent = |_: &str, _: &Tensor| {};
        let observe = input.observe.unwrap_or(&silent);
        let dtype = input.sample.dtype();
        let time = self.embedding.forward(input.timesteps, input.added, input.guidance, dtype, observe)?;
        let time = crate::ops::silu(&time)?;
        let pass = Pass {
            time: &time,
            context: input.context,
            adapters: input.adapters,
            hook: input.hook,
            cancel: input.cancel,
            observe,
        };
        let centred = match self.config.center_input_sample {
            true => ((input.sample * 2.0)? - 1.0)?,
            false => input.sample.clone(),
        };
        let x = self.conv_in.forward(&centred)?;
        observe("conv_in", &x);
        let mut skips = vec![x.clone()];
        let x = self.down.forward(x, &pass, &mut skips)?;
        let mut x = self.mid.forward(x, &pass)?;
        if let Some(residuals) = input.residuals {
            add_residuals(residuals, &mut skips, &mut x)?;
        }
        if let Some(hook) = input.hook {
            for (block, skip) in skips.iter_mut().enumerate() {
                *skip = hook(HookSite::Input(block), skip.clone())?;
            }
            x = hook(HookSite::Middle, x)?;
        }
        let x = self.run_up(x, skips, &pass)?;
        let x = self.conv_norm_out.forward(&x)?;
        observe("conv_norm_out", &x);
        self.conv_out.forward(&crate::ops::silu(&x)?)
    }

    fn run_up(&self, mut x: Tensor, mut skips: Vec<Tensor>, pass: &Pass<'_>) -> Result<Tensor> {
        let mut blocks = 0..;
        for block in &self.up {
            for (layer, resnet) in block.resnets.iter().enumerate() {
                pass.cancel.check()?;
                let skip = skips.pop().expect("load_up counted as many layers as the way down pushes tensors");
                if let (Some(hook), Some(block)) = (pass.hook, blocks.next()) {
                    x = hook(HookSite::Output(block), x)?;
                }
                x = resnet.forward(&Tensor::cat(&[&x, &skip], 1)?, pass.time)?;
                (pass.observe)(&resnet.path, &x);
                if let Some(attention) = block.attentions.get(layer) {
                    x = attention.forward(&x, pass)?;
                    (pass.observe)(&attention.path, &x);
                }
            }
            if let (Some(upsampler), Some(skip)) = (&block.upsampler, skips.last()) {
                let (_, _, height, width) = skip.dims4()?;
                x = upsampler.forward(&x, height, width)?;
                (pass.observe)(&upsampler.path, &x);
            }
            (pass.observe)(&block.path, &x);
        }
        Ok(x)
    }
}

fn add_residuals(residuals: &Residuals, skips: &mut [Tensor], mid: &mut Tensor) -> Result<()> {
    if residuals.down.len() != skips.len() {
        let expected = format!("{} (one per skip tensor of the UNet)", skips.len());
        return Err(Error::input("ControlNet residuals", expected, residuals.down.len().to_string()));
    }
    for (skip, residual) in skips.iter_mut().zip(&residuals.down) {
        *skip = skip.broadcast_add(residual)?; // pooled residuals are 1 × 1
    }
    *mid = mid.broadcast_add(&residuals.mid)?;
    Ok(())
}
