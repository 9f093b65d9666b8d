//! TAESD: an autoencoder a hundredth the size, good enough to watch a picture come into being.
//!
//! **Source**: madebyollin/taesd (`taesd.py`); `AutoencoderTiny` of diffusers 0.42 (`models/autoencoders/autoencoder_tiny.py`).
//!
//! **Shapes**: pictures `[B, 3, H, W]` in -1..1 (the original repository has 0..1); latents are the denoising model's: no scaling
//! factor is wanted on either side.
//!
//! **Weights**: diffusers' `encoder.layers.N.*` and `decoder.layers.N.*`, or the original's two files with bare `N.*`, in which
//! the decoder's numbers are one higher because its clamp is number 0.

use super::config::{MAX_LAYERS, MAX_WIDTH};
use crate::layers::Conv2d;
use crate::{Cancel, Error, Result, ops, weights::Weights};
use candle_core::{DType, Device, Tensor};
use serde::Deserialize;
use serde_json::Value;

/// What the configuration is called in messages.
const WHAT: &str = "AutoencoderTiny config.json";

/// The structure of a TAESD: diffusers' `config.json` of an `AutoencoderTiny`; the default is the published one for SD1.5 and SDXL.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct AutoencoderTinyConfig {
    /// Channels of the picture that goes in.
    pub in_channels: usize,
    /// Channels of the picture that comes out.
    pub out_channels: usize,
    /// Width of the encoder, once for each level.
    pub encoder_block_out_channels: Vec<usize>,
    /// Width of the decoder, once for each level.
    pub decoder_block_out_channels: Vec<usize>,
    /// Residual blocks of each encoder level, largest resolution first.
    pub num_encoder_blocks: Vec<usize>,
    /// Residual blocks of each decoder level, smallest resolution first.
    pub num_decoder_blocks: Vec<usize>,
    /// `relu`.
    pub act_fn: String,
    /// `nearest`.
    pub upsample_fn: String,
    /// How much each decoder level but the last enlarges.
    pub upsampling_scaling_factor: usize,
    /// Channels of the latents.
    pub latent_channels: usize,
    /// Half the range that [`Self::scale_latents`] covers.
    pub latent_magnitude: f64,
    /// Where [`Self::scale_latents`] puts a latent of 0.
    pub latent_shift: f64,
    /// 1: the latents are the denoising model's own.
    pub scaling_factor: f64,
    /// 0, likewise.
    pub shift_factor: f64,
}

impl Default for AutoencoderTinyConfig {
    fn default() -> Self {
        Self {
            in_channels: 3,
            out_channels: 3,
            encoder_block_out_channels: vec![64; 4],
            decoder_block_out_channels: vec![64; 4],
            num_encoder_blocks: vec![1, 3, 3, 3],
            num_decoder_blocks: vec![3, 3, 3, 1],
            act_fn: "relu".into(),
            upsample_fn: "nearest".into(),
            upsampling_scaling_factor: 2,
            latent_channels: 4,
            latent_magnitude: 3.0,
            latent_shift: 0.5,
            scaling_factor: 1.0,
            shift_factor: 0.0,
        }
    }
}

impl AutoencoderTinyConfig {
    /// Reads a `config.json`.
    ///
    /// # Errors
    /// [`Error::Config`] when it describes another class of model, or asks for something this crate cannot do.
    pub fn from_json(json: &Value) -> Result<Self> {
        #[derive(Deserialize)]
        struct File {
            _class_name: Option<String>,
            #[serde(flatten)]
            config: AutoencoderTinyConfig,
        }
        let file: File = File::deserialize(json).map_err(|e| Error::config(WHAT, e.to_string()))?;
        if let Some(class) = file._class_name.filter(|class| class != "AutoencoderTiny") {
            return Err(Error::config(WHAT, format!("describes {class}, expected AutoencoderTiny")));
        }
        file.config.validate()?;
        Ok(file.config)
    }

    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// [`Error::Config`] naming the first key that cannot be.
    pub fn validate(&self) -> Result<()> {
        let refuse = |message: String| Err(Error::config(WHAT, message));
        for (half, widths, blocks) in [
            ("encoder", &self.encoder_block_out_channels, &self.num_encoder_blocks),
            ("decoder", &self.decoder_block_out_channels, &self.num_decoder_blocks),
        ] {
            if blocks.iter().any(|n| *n > MAX_LAYERS) || widths.iter().any(|w| *w > MAX_WIDTH) {
                return refuse(format!(
                    "{half}: expected widths of at most {MAX_WIDTH} and at most {MAX_LAYERS} blocks"
                ));
            }
            // The convolutions between levels have the same width on both sides, so the reference fails on anything else, too.
            if widths.len() != blocks.len() || widths.is_empty() || widths.iter().any(|w| *w != widths[0]) {
                return refuse(format!(
                    "{half}_block_out_channels must be one width repeated for each entry of num_{half}_blocks {blocks:?}, got {widths:?}"
                ));
            }
        }
        if self.act_fn != "relu" {
            return refuse(format!("act_fn must be relu, got {}", self.act_fn));
        }
        if self.upsample_fn != "nearest" {
            return refuse(format!("upsample_fn must be nearest, got {}", self.upsample_fn));
        }
        if self.upsampling_scaling_factor == 0 {
            return refuse("upsampling_scaling_factor must be at least 1, got 0".into());
        }
        if self.scaling_factor != 1.0 || self.shift_factor != 0.0 {
            let got = format!("{} and {}", self.scaling_factor, self.shift_factor);
            return refuse(format!(
                "scaling_factor must be 1 and shift_factor 0 (the latents are the model's), got {got}"
            ));
        }
        Ok(())
    }

    /// Latents into 0..1, for storing them as a picture; what is beyond `latent_magnitude` is cut off.
    pub fn scale_latents(&self, latents: &Tensor) -> Result<Tensor> {
        Ok(latents.affine(0.5 / self.latent_magnitude, self.latent_shift)?.clamp(0f64, 1f64)?)
    }

    /// The inverse of [`Self::scale_latents`].
    pub fn unscale_latents(&self, scaled: &Tensor) -> Result<Tensor> {
        let range = 2.0 * self.latent_magnitude;
        Ok(scaled.affine(range, -range * self.latent_shift)?)
    }
}

/// Pictures to latents.
pub struct TaesdEncoder {
    layers: Layers,
    in_channels: usize,
}

impl TaesdEncoder {
    /// Builds the encoder on `weights` in either naming; call [`Weights::finish`] before using it.
    ///
    /// # Errors
    /// [`Error::Config`] when `config` is not valid, or when a file cannot be read.
    pub fn new(config: &AutoencoderTinyConfig, weights: &Weights) -> Result<Self> {
        config.validate()?;
        let bare = weights.contains("0.weight");
        let weights = if bare { weights.clone() } else { weights.pp("encoder.layers") };
        let mut layers = Builder::new(weights, 0);
        let width = config.encoder_block_out_channels.first().copied().unwrap_or(0);
        for (i, &blocks) in config.num_encoder_blocks.iter().enumerate() {
            if i == 0 {
                layers.conv(config.in_channels, width)?;
            } else {
                layers.conv_no_bias(width, 2)?;
            }
            layers.blocks(width, blocks)?;
        }
        layers.conv(width, config.latent_channels)?;
        Ok(Self { layers: layers.build(), in_channels: config.in_channels })
    }

    /// The denoising model's latents `[B, C, ⌈H/8⌉, ⌈W/8⌉]` of pictures `[B, 3, H, W]` in -1..1.
    ///
    /// # Errors
    /// [`Error::Input`] when the shape does not fit, [`Error::Cancelled`].
    pub fn encode(&self, image: &Tensor, cancel: &Cancel) -> Result<Tensor> {
        check_shape("picture to encode", image, self.in_channels)?;
        self.layers.forward(image, |x| Ok(x.affine(0.5, 0.5)?), cancel)
    }
}

/// Latents to pictures.
pub struct TaesdDecoder {
    layers: Layers,
    latent_channels: usize,
}

impl TaesdDecoder {
    /// Builds the decoder on `weights` in either naming; call [`Weights::finish`] before using it.
    ///
    /// # Errors
    /// [`Error::Config`] when `config` is not valid, or when a file cannot be read.
    pub fn new(config: &AutoencoderTinyConfig, weights: &Weights) -> Result<Self> {
        config.validate()?;
        let bare = weights.contains("1.weight");
        let mut layers =
            if bare { Builder::new(weights.clone(), 1) } else { Builder::new(weights.pp("decoder.layers"), 0) };
        let width = config.decoder_block_out_channels.first().copied().unwrap_or(0);
        layers.conv(config.latent_channels, width)?;
        layers.push(Layer::Relu);
        for (i, &blocks) in config.num_decoder_blocks.iter().enumerate() {
            layers.blocks(width, blocks)?;
            if i + 1 < config.num_decoder_blocks.len() {
                layers.push(Layer::Enlarge(config.upsampling_scaling_factor));
                layers.conv_no_bias(width, 1)?;
            } else {
                layers.conv(width, config.out_channels)?;
            }
        }
        Ok(Self { layers: layers.build(), latent_channels: config.latent_channels })
    }

    /// Pictures `[B, 3, 8·h, 8·w]`, about -1..1, of the denoising model's latents `[B, C, h, w]`.
    ///
    /// # Errors
    /// [`Error::Input`] when the shape does not fit, [`Error::Cancelled`].
    pub fn decode(&self, latents: &Tensor, cancel: &Cancel) -> Result<Tensor> {
        check_shape("latents to decode", latents, self.latent_channels)?;
        // The clamp of the original: outliers are drawn softly into -3..3.
        let image = self.layers.forward(latents, |x| Ok(((x / 3.0)?.tanh()? * 3.0)?), cancel)?;
        Ok(image.affine(2.0, -1.0)?)
    }
}

fn check_shape(what: &str, x: &Tensor, channels: usize) -> Result<()> {
    match x.dims() {
        [_, c, h, w] if *c == channels && *h > 0 && *w > 0 => Ok(()),
        dims => Err(Error::input(what, format!("[B, {channels}, H, W]"), format!("{dims:?}"))),
    }
}

/// A chain of layers.
struct Layers {
    layers: Vec<Layer>,
    dtype: DType,
    device: Device,
}

enum Layer {
    Conv(Conv2d),
    Block([Conv2d; 3]),
    Relu,
    Enlarge(usize),
}

impl Layers {
    /// `prepare` runs in f32, the layers in the dtype of the weights, the result is f32.
    fn forward(&self, x: &Tensor, prepare: impl Fn(&Tensor) -> Result<Tensor>, cancel: &Cancel) -> Result<Tensor> {
        let x = prepare(&x.to_device(&self.device)?.to_dtype(DType::F32)?)?;
        let mut x = x.to_dtype(self.dtype)?.contiguous()?;
        for layer in &self.layers {
            cancel.check()?;
            x = match layer {
                Layer::Conv(conv) => conv.forward(&x)?,
                Layer::Block([a, b, c]) => {
                    let mut h = a.forward(&x)?.relu()?;
                    h = b.forward(&h)?.relu()?;
                    (c.forward(&h)? + x)?.relu()?
                }
                Layer::Relu => x.relu()?,
                Layer::Enlarge(factor) => {
                    let (_, _, height, width) = x.dims4()?;
                    ops::upsample_nearest(&x, factor * height, factor * width)?
                }
            };
        }
        Ok(x.to_dtype(DType::F32)?)
    }
}

/// Loads a chain whose layers are numbered from `first`, those without weights included.
struct Builder {
    weights: Weights,
    first: usize,
    layers: Vec<Layer>,
}

impl Builder {
    fn new(weights: Weights, first: usize) -> Self {
        Self { weights, first, layers: Vec::new() }
    }

    fn push(&mut self, layer: Layer) {
        self.layers.push(layer);
    }

    /// The weights of the layer that comes next.
    fn next(&self) -> Weights {
        self.weights.pp(self.first + self.layers.len())
    }

    fn conv(&mut self, inputs: usize, outputs: usize) -> Result<()> {
        self.push(Layer::Conv(Conv2d::load_3x3(&self.next(), inputs, outputs)?));
        Ok(())
    }

    fn conv_no_bias(&mut self, width: usize, stride: usize) -> Result<()> {
        self.push(Layer::Conv(Conv2d::load_3x3_no_bias(&self.next(), width, width, stride)?));
        Ok(())
    }

    fn blocks(&mut self, width: usize, count: usize) -> Result<()> {
        for _ in 0..count {
            let conv = |i| Conv2d::load_3x3(&self.next().pp("conv").pp(i), width, width);
            let block = [conv(0)?, conv(2)?, conv(4)?];
            self.push(Layer::Block(block));
        }
        Ok(())
    }

    fn build(self) -> Layers {
        Layers { dtype: self.weights.dtype(), device: self.weights.device().clone(), layers: self.layers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// What both halves ask for, a line a tensor.
    fn encoder_and_decoder(config: &AutoencoderTinyConfig) -> String {
        let weights = Weights::from_tensors(HashMap::new(), DType::F32, &Device::Cpu);
        TaesdEncoder::new(config, &weights).unwrap();
        TaesdDecoder::new(config, &weights).unwrap();
        let Err(Error::Weights(report)) = weights.finish("TAESD") else { panic!("the source is empty") };
        report.problems.iter().map(|problem| format!("{problem}\n")).collect()
    }

    #[test]
    fn layers_are_numbered_like_the_reference() {
        let missing = encoder_and_decoder(&AutoencoderTinyConfig::default());
        assert_eq!(missing.lines().count(), 67 + 67);
        for tensor in [
            "encoder.layers.10.weight [64, 64, 3, 3]",
            "encoder.layers.14.weight [4, 64, 3, 3]",
            "decoder.layers.17.conv.4.bias [64]",
            "decoder.layers.18.weight [3, 64, 3, 3]",
        ] {
            assert!(missing.contains(&format!("missing {tensor}")), "{tensor}");
        }
    }

    #[test]
    fn refuses_what_it_cannot_build() {
        for (json, words) in [
            (r#"{"_class_name": "AutoencoderKL"}"#, "describes AutoencoderKL"),
            (r#"{"act_fn": "silu"}"#, "act_fn must be relu"),
            (r#"{"upsample_fn": "bilinear"}"#, "upsample_fn must be nearest"),
            (r#"{"encoder_block_out_channels": [64, 64, 64, 32]}"#, "one width repeated"),
            (r#"{"num_decoder_blocks": [3]}"#, "decoder_block_out_channels"),
            (r#"{"scaling_factor": 0.5}"#, "scaling_factor must be 1"),
            ("[]", "AutoencoderTiny config.json: "),
        ] {
            let error = AutoencoderTinyConfig::from_json(&json.parse().unwrap()).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn latents_are_stored_as_a_picture_and_read_back() {
        let config = AutoencoderTinyConfig::default();
        let latents = Tensor::new(&[-4f32, -3.0, 0.0, 1.5, 3.0], &Device::Cpu).unwrap();
        let stored = config.scale_latents(&latents).unwrap();
        assert_eq!(stored.to_vec1::<f32>().unwrap(), [0.0, 0.0, 0.5, 0.75, 1.0]);
        assert_eq!(config.unscale_latents(&stored).unwrap().to_vec1::<f32>().unwrap(), [-3.0, -3.0, 0.0, 1.5, 3.0]);
    }
}
