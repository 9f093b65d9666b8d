//! What an AutoencoderKL looks like: diffusers' `vae/config.json`.
//!
//! **Source**: `AutoencoderKL.__init__` of diffusers (`models/autoencoders/autoencoder_kl.py`, 0.42), whose defaults stand in for
//! missing keys; the published SD1.5 file, for one, has no `scaling_factor`.

use super::Tiling;
use crate::{Error, Result};
use candle_core::Tensor;
use serde::Deserialize;
use serde_json::Value;

/// What this file is called in messages.
const WHAT: &str = "vae/config.json";

/// No autoencoder has wider or deeper levels; more would only exhaust memory.
pub(super) const MAX_WIDTH: usize = 1 << 16;
/// See [`MAX_WIDTH`].
pub(super) const MAX_LAYERS: usize = 256;
/// More would halve a picture of a million pixels a side to nothing.
const MAX_LEVELS: usize = 20;

/// The structure and the latent statistics of an AutoencoderKL.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct AutoencoderKlConfig {
    /// Channels of the picture that goes in.
    pub in_channels: usize,
    /// Channels of the picture that comes out.
    pub out_channels: usize,
    /// The encoder's levels, largest resolution first.
    pub down_block_types: Vec<DownBlockType>,
    /// The decoder's levels, smallest resolution first.
    pub up_block_types: Vec<UpBlockType>,
    /// Width of each level, largest resolution first; the decoder reads it backwards.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks of an encoder level; a decoder level has one more.
    pub layers_per_block: usize,
    /// `silu` or its other name `swish`.
    pub act_fn: String,
    /// Channels of the latents.
    pub latent_channels: usize,
    /// Groups of every group normalisation.
    pub norm_num_groups: usize,
    /// The picture size (px) it was trained for; diffusers' tile size.
    pub sample_size: usize,
    /// What turns the autoencoder's latents into about unit variance.
    pub scaling_factor: f64,
    /// Subtracted before scaling (SD3, Flux).
    pub shift_factor: Option<f64>,
    /// Mean per latent channel (Playground v2.5); only together with `latents_std`.
    pub latents_mean: Option<Vec<f64>>,
    /// Standard deviation per latent channel.
    pub latents_std: Option<Vec<f64>>,
    /// Whether the weights overflow f16, so that f16 weights must be run as f32 (or bf16).
    ///
    /// Activations of the published SD1.5 and SDXL autoencoders pass 65504. Load the network with [`candle_core::DType::F16`] only
    /// where this is false (e.g. `sdxl-vae-fp16-fix`); diffusers takes it as true when the file does not say.
    pub force_upcast: bool,
    /// Whether a 1×1 convolution follows the encoder.
    pub use_quant_conv: bool,
    /// Whether a 1×1 convolution precedes the decoder.
    pub use_post_quant_conv: bool,
    /// Whether the middle blocks attend.
    pub mid_block_add_attention: bool,
}

/// One level of the encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum DownBlockType {
    /// Residual blocks, then halving.
    DownEncoderBlock2D,
    /// The same with attention after every residual block.
    AttnDownEncoderBlock2D,
}

/// One level of the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum UpBlockType {
    /// Residual blocks, then doubling.
    UpDecoderBlock2D,
    /// The same with attention after every residual block.
    AttnUpDecoderBlock2D,
}

impl Default for AutoencoderKlConfig {
    /// What diffusers assumes where a `config.json` is silent; no published model looks like this as a whole.
    fn default() -> Self {
        Self {
            in_channels: 3,
            out_channels: 3,
            down_block_types: vec![DownBlockType::DownEncoderBlock2D],
            up_block_types: vec![UpBlockType::UpDecoderBlock2D],
            block_out_channels: vec![64],
            layers_per_block: 1,
            act_fn: "silu".into(),
            latent_channels: 4,
            norm_num_groups: 32,
            sample_size: 32,
            scaling_factor: 0.18215,
            shift_factor: None,
            latents_mean: None,
            latents_std: None,
            force_upcast: true,
            use_quant_conv: true,
            use_post_quant_conv: true,
            mid_block_add_attention: true,
        }
    }
}

impl AutoencoderKlConfig {
    /// The autoencoder of SD1.x and SD2.x.
    ///
    /// Source: `vae/config.json` of `stable-diffusion-v1-5/stable-diffusion-v1-5`.
    pub fn sd15() -> Self {
        Self {
            down_block_types: vec![DownBlockType::DownEncoderBlock2D; 4],
            up_block_types: vec![UpBlockType::UpDecoderBlock2D; 4],
            block_out_channels: vec![128, 256, 512, 512],
            layers_per_block: 2,
            sample_size: 512,
            ..Self::default()
        }
    }

    /// The autoencoder of SDXL: the same network trained anew, with another scaling.
    ///
    /// Source: `vae/config.json` of `stabilityai/stable-diffusion-xl-base-1.0`.
    pub fn sdxl() -> Self {
        Self { sample_size: 1024, scaling_factor: 0.13025, ..Self::sd15() }
    }

    /// Reads a `config.json`.
    ///
    /// # Errors
    /// [`Error::Config`] when it describes another class of model, or asks for something this crate cannot do.
    pub fn from_json(json: &Value) -> Result<Self> {
        #[derive(Deserialize)]
        struct File {
            _class_name: Option<String>,
            #[serde(flatten)]
            config: AutoencoderKlConfig,
        }
        let file: File = File::deserialize(json).map_err(|e| Error::config(WHAT, e.to_string()))?;
        if let Some(class) = file._class_name.filter(|class| class != "AutoencoderKL") {
            return Err(Error::config(WHAT, format!("describes {class}, expected AutoencoderKL")));
        }
        file.config.validate()?;
        Ok(file.config)
    }

    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// [`Error::Config`] naming the first key that cannot be.
    pub fn validate(&self) -> Result<()> {
        let levels = self.block_out_channels.len();
        let refuse = |message: String| Err(Error::config(WHAT, message));
        if levels == 0 || levels > MAX_LEVELS {
            return refuse(format!("block_out_channels must have 1 to {MAX_LEVELS} levels, got {levels}"));
        }
        if self.down_block_types.len() != levels || self.up_block_types.len() != levels {
            return refuse(format!(
                "block_out_channels, down_block_types and up_block_types must have one entry for each level, got {levels}, {} and {}",
                self.down_block_types.len(),
                self.up_block_types.len()
            ));
        }
        for (key, value) in [
            ("in_channels", self.in_channels),
            ("out_channels", self.out_channels),
            ("layers_per_block", self.layers_per_block),
            ("latent_channels", self.latent_channels),
            ("norm_num_groups", self.norm_num_groups),
        ] {
            if value == 0 {
                return refuse(format!("{key} must be at least 1, got 0"));
            }
        }
        let widest = self.block_out_channels.iter().copied().chain([self.in_channels, self.out_channels]).max();
        if widest > Some(MAX_WIDTH) || self.latent_channels > MAX_WIDTH || self.layers_per_block > MAX_LAYERS {
            return refuse(format!("expected widths of at most {MAX_WIDTH} and at most {MAX_LAYERS} layers_per_block"));
        }
        if let Some(width) = self.block_out_channels.iter().find(|&&c| c == 0 || c % self.norm_num_groups != 0) {
            return refuse(format!(
                "block_out_channels must be multiples of norm_num_groups {}, got {width}",
                self.norm_num_groups
            ));
        }
        if !["silu", "swish"].contains(&self.act_fn.as_str()) {
            return refuse(format!("act_fn must be silu or swish, got {}", self.act_fn));
        }
        if !self.scaling_factor.is_finite() || self.scaling_factor == 0.0 {
            return refuse(format!("scaling_factor must be a number other than 0, got {}", self.scaling_factor));
        }
        self.validate_statistics()
    }

    fn validate_statistics(&self) -> Result<()> {
        let refuse = |message: String| Err(Error::config(WHAT, message));
        let (mean, std) = match (&self.latents_mean, &self.latents_std) {
            (None, None) => return Ok(()),
            (Some(mean), Some(std)) => (mean, std),
            _ => return refuse("latents_mean and latents_std go together, only one is given".into()),
        };
        if self.shift_factor.is_some() {
            return refuse("latents_mean and shift_factor exclude each other, both are given".into());
        }
        if mean.len() != self.latent_channels || std.len() != self.latent_channels {
            return refuse(format!(
                "latents_mean and latents_std need {} numbers (latent_channels), got {} and {}",
                self.latent_channels,
                mean.len(),
                std.len()
            ));
        }
        if std.contains(&0.0) {
            return refuse("latents_std must not hold 0".into());
        }
        Ok(())
    }

    /// Widths at the largest and at the smallest resolution of a validated configuration.
    pub(super) fn end_widths(&self) -> (usize, usize) {
        let validated = "validate refuses a configuration without levels";
        (*self.block_out_channels.first().expect(validated), *self.block_out_channels.last().expect(validated))
    }

    /// Picture pixels for each latent pixel, on each axis: 2 to the number of levels less one.
    pub fn scale(&self) -> usize {
        1 << self.block_out_channels.len().saturating_sub(1)
    }

    /// The tiles that diffusers' `enable_tiling` takes: the training size, overlapping by a quarter.
    ///
    /// # Errors
    /// [`Error::Input`] when `sample_size` is smaller than one latent pixel.
    pub fn default_tiling(&self) -> Result<Tiling> {
        Tiling::from_overlap_factor(self.sample_size / self.scale(), 0.25)
    }

    /// The autoencoder's latents `[B, C, h, w]` as the denoising model wants them: `(z - shift) · scaling_factor`, or
    /// `(z - latents_mean) / latents_std · scaling_factor`.
    ///
    /// Source: `prepare_latents` of diffusers' SDXL img2img pipeline, and of its SD3 pipeline for the shift.
    ///
    /// # Errors
    /// When `latents` has not [`Self::latent_channels`] channels.
    pub fn to_model_latents(&self, latents: &Tensor) -> Result<Tensor> {
        let centred = match (&self.latents_mean, &self.latents_std) {
            (Some(mean), Some(std)) => {
                latents.broadcast_sub(&per_channel(mean, latents)?)?.broadcast_div(&per_channel(std, latents)?)?
            }
            _ => latents.affine(1.0, -self.shift_factor.unwrap_or(0.0))?,
        };
        Ok((centred * self.scaling_factor)?)
    }

    /// The inverse of [`Self::to_model_latents`]: what to hand to [`super::AutoencoderKl::decode`] after sampling.
    ///
    /// # Errors
    /// When `latents` has not [`Self::latent_channels`] channels.
    pub fn from_model_latents(&self, latents: &Tensor) -> Result<Tensor> {
        let scaled = (latents / self.scaling_factor)?;
        Ok(match (&self.latents_mean, &self.latents_std) {
            (Some(mean), Some(std)) => {
                scaled.broadcast_mul(&per_channel(std, latents)?)?.broadcast_add(&per_channel(mean, latents)?)?
            }
            _ => scaled.affine(1.0, self.shift_factor.unwrap_or(0.0))?,
        })
    }
}

/// One number a channel as `[1, C, 1, 1]` in the dtype and on the device of `like`.
fn per_channel(values: &[f64], like: &Tensor) -> Result<Tensor> {
    Ok(Tensor::from_slice(values, (1, values.len(), 1, 1), like.device())?.to_dtype(like.dtype())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;
    use serde_json::json;

    #[test]
    fn what_the_file_does_not_say_is_diffusers_default() {
        let config =
            AutoencoderKlConfig::from_json(&json!({"_class_name": "AutoencoderKL", "latents_mean": null})).unwrap();
        assert_eq!(config, AutoencoderKlConfig::default());
        assert_eq!(config.scaling_factor, 0.18215);
        assert!(config.force_upcast && config.use_quant_conv && config.mid_block_add_attention);
    }

    #[test]
    fn refuses_what_it_cannot_build() {
        for (json, words) in [
            (r#"{"_class_name": "AutoencoderTiny"}"#, "describes AutoencoderTiny"),
            (r#"{"act_fn": "mish"}"#, "act_fn must be silu"),
            (r#"{"down_block_types": ["DownBlock3D"]}"#, "unknown variant `DownBlock3D`"),
            (r#"{"block_out_channels": [64, 64]}"#, "one entry for each level"),
            (r#"{"block_out_channels": [48]}"#, "multiples of norm_num_groups 32, got 48"),
            (r#"{"norm_num_groups": 0}"#, "norm_num_groups must be at least 1"),
            (r#"{"latents_mean": [0, 0, 0, 0]}"#, "go together"),
            (r#"{"latents_mean": [0], "latents_std": [1]}"#, "need 4 numbers"),
            (r#"{"scaling_factor": 0}"#, "other than 0"),
        ] {
            let error = AutoencoderKlConfig::from_json(&json.parse().unwrap()).unwrap_err().to_string();
            assert!(error.starts_with("vae/config.json: ") && error.contains(words), "{error}");
        }
    }

    #[test]
    fn model_latents_go_forth_and_back() {
        let latents = Tensor::new(&[[[[3f32]], [[4.0]], [[5.0]], [[6.0]]]], &Device::Cpu).unwrap();
        let plain = AutoencoderKlConfig { scaling_factor: 0.5, ..Default::default() };
        let shifted = AutoencoderKlConfig { shift_factor: Some(1.0), ..plain.clone() };
        let normed = AutoencoderKlConfig {
            latents_mean: Some(vec![1.0, 2.0, 3.0, 4.0]),
            latents_std: Some(vec![1.0, 2.0, 4.0, 8.0]),
            ..plain.clone()
        };
        for (config, expected) in
            [(plain, [1.5f32, 2.0, 2.5, 3.0]), (shifted, [1.0, 1.5, 2.0, 2.5]), (normed, [1.0, 0.5, 0.25, 0.125])]
        {
            config.validate().unwrap();
            let model = config.to_model_latents(&latents).unwrap();
            assert_eq!(model.flatten_all().unwrap().to_vec1::<f32>().unwrap(), expected);
            let back = config.from_model_latents(&model).unwrap();
            assert_eq!(back.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [3.0, 4.0, 5.0, 6.0]);
        }
    }
}
