//! The autoencoder of Stable Diffusion: pictures to a distribution over latents, latents to pictures.
//!
//! **Source**: Rombach et al. 2022, "High-Resolution Image Synthesis with Latent Diffusion Models"; `AutoencoderKL` of diffusers 0.42
//! (`models/autoencoders/autoencoder_kl.py`).
//!
//! **Shapes**: any picture at least one latent pixel large; `H` and `W` need not be multiples of the scale (8 for SD1.5 and SDXL): what
//! is over at the right and bottom is not encoded, so the decoded picture is that much smaller.
//!
//! **Weights**: `vae/diffusion_pytorch_model.safetensors`: `encoder.*`, `decoder.*`, `quant_conv`, `post_quant_conv`.

use super::config::AutoencoderKlConfig;
use super::decoder::Decoder;
use super::encoder::Encoder;
use crate::layers::Conv2d;
use crate::{Cancel, Error, Result, weights::Weights};
use candle_core::{DType, Device, Tensor};

/// The full autoencoder of SD1.5, SDXL and their kin.
pub struct AutoencoderKl {
    config: AutoencoderKlConfig,
    encoder: Encoder,
    decoder: Decoder,
    quant_conv: Option<Conv2d>,
    post_quant_conv: Option<Conv2d>,
    dtype: DType,
    device: Device,
}

impl AutoencoderKl {
    /// Builds the network on `weights`, in their dtype; call [`Weights::finish`] before using it.
    ///
    /// # Errors
    /// [`Error::Config`] when `config` is not valid, or when a file cannot be read.
    pub fn new(config: &AutoencoderKlConfig, weights: &Weights) -> Result<Self> {
        config.validate()?;
        if config.force_upcast && weights.dtype() == DType::F16 {
            let message = "force_upcast: these weights overflow f16 (black pictures); load them as f32 or bf16";
            return Err(Error::config("vae/config.json", message));
        }
        let conv_1x1 = |name: &str, channels| Conv2d::load_1x1(&weights.pp(name), channels, channels);
        let latent = config.latent_channels;
        Ok(Self {
            encoder: Encoder::load(&weights.pp("encoder"), config)?,
            decoder: Decoder::load(&weights.pp("decoder"), config)?,
            quant_conv: if config.use_quant_conv { Some(conv_1x1("quant_conv", 2 * latent)?) } else { None },
            post_quant_conv: if config.use_post_quant_conv { Some(conv_1x1("post_quant_conv", latent)?) } else { None },
            dtype: weights.dtype(),
            device: weights.device().clone(),
            config: config.clone(),
        })
    }

    /// What it was built from; also converts latents ([`AutoencoderKlConfig::to_model_latents`]).
    pub fn config(&self) -> &AutoencoderKlConfig {
        &self.config
    }

    /// The distribution of latents for pictures `[B, 3, H, W]` in -1..1.
    ///
    /// # Errors
    /// [`Error::Input`] when the shape does not fit, [`Error::Cancelled`].
    pub fn encode(&self, image: &Tensor, cancel: &Cancel) -> Result<Posterior> {
        self.check_image(image)?;
        Posterior::new(&self.encode_moments(image, cancel)?)
    }

    /// Pictures `[B, 3, h·scale, w·scale]`, about -1..1, of the autoencoder's own latents `[B, C, h, w]`.
    ///
    /// # Errors
    /// [`Error::Input`] when the shape does not fit, [`Error::Cancelled`].
    pub fn decode(&self, latents: &Tensor, cancel: &Cancel) -> Result<Tensor> {
        self.check_latents(latents)?;
        self.decode_unchecked(latents, cancel)
    }

    pub(super) fn check_image(&self, image: &Tensor) -> Result<()> {
        let (channels, scale) = (self.config.in_channels, self.config.scale());
        match image.dims() {
            [_, c, h, w] if *c == channels && *h >= scale && *w >= scale => Ok(()),
            dims => Err(Error::input(
                "picture to encode",
                format!("[B, {channels}, H, W] with H and W at least {scale}"),
                format!("{dims:?}"),
            )),
        }
    }

    pub(super) fn check_latents(&self, latents: &Tensor) -> Result<()> {
        let channels = self.config.latent_channels;
        match latents.dims() {
            [_, c, h, w] if *c == channels && *h > 0 && *w > 0 => Ok(()),
            dims => Err(Error::input("latents to decode", format!("[B, {channels}, h, w]"), format!("{dims:?}"))),
        }
    }

    /// `[B, 3, H, W] -> [B, 2·C, h, w]` f32: what a [`Posterior`] is made of.
    pub(super) fn encode_moments(&self, image: &Tensor, cancel: &Cancel) -> Result<Tensor> {
        let x = self.encoder.forward(&self.prepare(image)?, cancel)?;
        let x = match &self.quant_conv {
            Some(conv) => conv.forward(&x)?,
            None => x,
        };
        Ok(x.to_dtype(DType::F32)?)
    }

    pub(super) fn decode_unchecked(&self, latents: &Tensor, cancel: &Cancel) -> Result<Tensor> {
        let z = self.prepare(latents)?;
        let z = match &self.post_quant_conv {
            Some(conv) => conv.forward(&z)?,
            None => z,
        };
        Ok(self.decoder.forward(&z, cancel)?.to_dtype(DType::F32)?)
    }

    fn prepare(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.to_device(&self.device)?.to_dtype(self.dtype)?.contiguous()?)
    }
}

/// A normal distribution over each number of the autoencoder's latents; all tensors `[B, C, h, w]` f32.
///
/// Source: `DiagonalGaussianDistribution` of diffusers (`models/autoencoders/vae.py`).
#[derive(Debug, Clone)]
pub struct Posterior {
    mean: Tensor,
    logvar: Tensor,
}

impl Posterior {
    /// From `[B, 2·C, h, w]`: means, then log-variances, which are clamped to -30..20 so that their exponent stays finite.
    pub(super) fn new(moments: &Tensor) -> Result<Self> {
        let halves = moments.chunk(2, 1)?;
        let [mean, logvar] = halves.as_slice() else {
            return Err(Error::input("moments", "an even number of channels", format!("{:?}", moments.dims())));
        };
        Ok(Self { mean: mean.contiguous()?, logvar: logvar.clamp(-30f32, 20f32)? })
    }

    /// The most likely latents: what img2img in ComfyUI starts from.
    pub fn mean(&self) -> &Tensor {
        &self.mean
    }

    /// Logarithms of the variances, -30..20.
    pub fn logvar(&self) -> &Tensor {
        &self.logvar
    }

    /// `mean + exp(logvar / 2) · noise`, with unit-variance noise of the same shape.
    ///
    /// # Errors
    /// [`Error::Input`] when the noise has another shape.
    pub fn sample(&self, noise: &Tensor) -> Result<Tensor> {
        if noise.dims() != self.mean.dims() {
            let (expected, got) = (format!("{:?}", self.mean.dims()), format!("{:?}", noise.dims()));
            return Err(Error::input("posterior noise", expected, got));
        }
        let noise = noise.to_device(self.mean.device())?.to_dtype(DType::F32)?;
        Ok((&self.mean + (&self.logvar * 0.5)?.exp()? * noise)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::WeightProblem;
    use std::collections::HashMap;

    /// Built on no tensors at all, a network reports every tensor it wants.
    fn wanted(config: AutoencoderKlConfig) -> (usize, usize) {
        let weights = Weights::from_tensors(HashMap::new(), DType::F32, &Device::Cpu);
        AutoencoderKl::new(&config, &weights).unwrap();
        let Err(Error::Weights(report)) = weights.finish("VAE") else { panic!("nothing was missing") };
        let params = |p: &WeightProblem| match p {
            WeightProblem::Missing { expected, .. } => expected.iter().product::<usize>(),
            other => panic!("{other}"),
        };
        (report.problems.len(), report.problems.iter().map(params).sum())
    }

    #[test]
    fn the_published_autoencoders_have_their_known_size() {
        assert_eq!(wanted(AutoencoderKlConfig::sdxl()), (248, 83_653_863));
        assert_eq!(wanted(AutoencoderKlConfig::sd15()), (248, 83_653_863));
    }

    #[test]
    fn parts_that_are_switched_off_ask_for_nothing() {
        let bare = AutoencoderKlConfig {
            use_quant_conv: false,
            use_post_quant_conv: false,
            mid_block_add_attention: false,
            ..AutoencoderKlConfig::sd15()
        };
        assert_eq!(wanted(bare).0, 248 - 4 - 2 * 10);
    }

    #[test]
    fn pictures_and_latents_that_do_not_fit_are_refused() {
        let weights = Weights::from_tensors(HashMap::new(), DType::F32, &Device::Cpu);
        let vae = AutoencoderKl::new(&AutoencoderKlConfig::sdxl(), &weights).unwrap();
        let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
        let error = vae.encode(&zeros(&[1, 3, 7, 64]), &Cancel::default()).unwrap_err().to_string();
        assert_eq!(error, "picture to encode: expected [B, 3, H, W] with H and W at least 8, got [1, 3, 7, 64]");
        let error = vae.decode(&zeros(&[4, 8, 8]), &Cancel::default()).unwrap_err().to_string();
        assert_eq!(error, "latents to decode: expected [B, 4, h, w], got [4, 8, 8]");
    }

    #[test]
    fn posterior_clamps_and_samples() {
        let moments = Tensor::new(&[[[[1f32]], [[2.0]], [[-100.0]], [[100.0]]]], &Device::Cpu).unwrap();
        let posterior = Posterior::new(&moments).unwrap();
        assert_eq!(posterior.logvar().flatten_all().unwrap().to_vec1::<f32>().unwrap(), [-30.0, 20.0]);
        let noise = Tensor::new(&[[[[1f32]], [[-1.0]]]], &Device::Cpu).unwrap();
        let sample = posterior.sample(&noise).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!((sample[0] - (1.0 + (-15f32).exp())).abs() < 1e-6);
        assert!((sample[1] - (2.0 - 10f32.exp())).abs() < 1e-2);
        let error = posterior.sample(&noise.squeeze(0).unwrap()).unwrap_err().to_string();
        assert_eq!(error, "posterior noise: expected [1, 2, 1, 1], got [2, 1, 1]");
    }
}
