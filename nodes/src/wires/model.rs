//! MODEL: a denoising network with what is laid over it.

use super::{ModelFile, Span, wire};
use crate::networks;
use selfsame_models::samplers::{ModelSigmas, Prediction};
use selfsame_models::sampling::Rescale;
use selfsame_models::unet::{CrossLayer, MaskResize};
use selfsame_models::weights::Family;
use selfsame_sdk::{self as sdk, Ctx, LayerInfo, Mask, ModelInfo, ModelPatchValue, Result, Tensor, Type};
use std::fmt;

/// A denoising network with what is laid over it. Nodes that change it give a changed copy.
#[derive(Clone, Debug)]
pub struct Model {
    /// The checkpoint, or the file of the network alone.
    pub file: ModelFile,
    /// What it was trained as.
    pub family: Family,
    /// What its output means.
    pub prediction: Prediction,
    /// Its noise levels end in pure noise.
    pub zero_terminal_snr: bool,
    /// A diffusers folder's scheduler configuration, as JSON.
    pub scheduler_config: Option<String>,
    /// LoRAs, in the order in which they were added.
    pub loras: Vec<Lora>,
    /// Image Adapters; their contributions add up.
    pub adapters: Vec<AdapterUse>,
    /// What else steers the network, in the order in which it was added.
    pub patches: Vec<ModelPatchValue>,
    /// How guidance is kept from raising the contrast.
    pub rescale: Rescale,
}

impl Model {
    /// The noise levels that it was trained with.
    pub fn sigmas(&self) -> ModelSigmas {
        match self.zero_terminal_snr {
            true => ModelSigmas::stable_diffusion_zero_snr(),
            false => ModelSigmas::stable_diffusion(),
        }
    }

    /// What its output means, in the words of the SDK.
    pub(crate) fn told_prediction(&self) -> sdk::Prediction {
        match self.prediction {
            Prediction::Epsilon => sdk::Prediction::Epsilon,
            Prediction::VPrediction => sdk::Prediction::Velocity,
            Prediction::Sample => sdk::Prediction::Sample,
            Prediction::LcmEpsilon => sdk::Prediction::LcmEpsilon,
        }
    }
}

/// What plugins may ask of it.
impl sdk::Model for Model {
    fn info(&self, ctx: Ctx) -> Result<ModelInfo> {
        let denoiser = networks::denoiser(ctx, self)?;
        let layer = |layer: &CrossLayer| LayerInfo {
            path: layer.path.clone(),
            heads: layer.heads,
            hidden: layer.hidden,
            context: layer.context,
        };
        Ok(ModelInfo {
            family: self.family.to_string(),
            prediction: self.told_prediction(),
            layers: denoiser.unet.cross_layers().iter().map(layer).collect(),
        })
    }
}

/// A LoRA and how strongly it works.
#[derive(Clone, Debug, PartialEq)]
pub struct Lora {
    /// The file.
    pub file: ModelFile,
    /// On the denoising network.
    pub unet: f64,
    /// On the text encoders.
    pub text: f64,
}

/// An Image Adapter with its tokens.
#[derive(Clone, Debug)]
pub struct AdapterUse {
    /// The file with the projections.
    pub file: ModelFile,
    /// `[1 or B, T, D]` for positive conditions.
    pub tokens: Tensor,
    /// The same for negative conditions: the Resampler's answer to zeros.
    pub negative_tokens: Tensor,
    /// One weight for all cross-attention layers, or one for each (down, up, mid).
    pub weights: Vec<f64>,
    /// When it works.
    pub span: Span,
    /// Where it works, and how that is resized to the layers.
    pub mask: Option<(Mask, MaskResize)>,
    /// Leaves out the layers of the middle block.
    pub skip_middle: bool,
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.family, self.file)?;
        match self.loras.len() {
            0 => {}
            1 => write!(f, " with a LoRA")?,
            n => write!(f, " with {n} LoRAs")?,
        }
        match self.adapters.len() {
            0 => {}
            1 => write!(f, " with an Image Adapter")?,
            n => write!(f, " with {n} Image Adapters")?,
        }
        match self.patches.len() {
            0 => Ok(()),
            1 => write!(f, " with a patch"),
            n => write!(f, " with {n} patches"),
        }
    }
}

fn bytes(model: &Model) -> u64 {
    let adapter = |a: &AdapterUse| {
        let mask = a.mask.as_ref().map_or(0, |(mask, _)| mask.data().len() as u64 * 4);
        a.tokens.bytes() + a.negative_tokens.bytes() + mask
    };
    let patches = model.patches.iter().map(|patch| patch.object().bytes()).sum::<u64>();
    1024 + model.adapters.iter().map(adapter).sum::<u64>() + patches
}

wire!(Model, "MODEL", Type::MODEL, bytes, {
    fn is_lost(&self) -> bool {
        self.patches.iter().any(|patch| patch.object().is_lost())
    }

    fn as_model(&self) -> Option<&dyn sdk::Model> {
        Some(self)
    }
});
