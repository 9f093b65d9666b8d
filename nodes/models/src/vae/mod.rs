//! Pictures to latents and back: AutoencoderKL, the tiny TAESD, tiling for large pictures, and cheap previews.
//!
//! **Pictures** are `[B, 3, H, W]`, RGB, in -1..1 (`x = 2·u8/255 - 1`); decoders may overshoot that range, so clamp before
//! quantising. **Latents** come in two scalings that must not be mixed up:
//!
//! | scaling | who speaks it |
//! |---|---|
//! | the autoencoder's own | [`AutoencoderKl::encode`], [`AutoencoderKl::decode`], ComfyUI's LATENT |
//! | the denoising model's, about unit variance | UNet, samplers, [`TaesdEncoder`], [`TaesdDecoder`], [`LatentRgb`] |
//!
//! [`AutoencoderKlConfig::to_model_latents`] and [`AutoencoderKlConfig::from_model_latents`] go between them.
//!
//! Networks compute in the dtype and on the device of their weights, take tensors of any float dtype from any device, and give f32
//! on the device of the weights. The published SD1.5 and SDXL autoencoders overflow f16: see
//! [`AutoencoderKlConfig::force_upcast`].

mod autoencoder_kl;
mod blocks;
mod config;
mod decoder;
mod encoder;
mod preview;
mod taesd;
mod tiled;

pub use autoencoder_kl::{AutoencoderKl, Posterior};
pub use config::{AutoencoderKlConfig, DownBlockType, UpBlockType};
pub use preview::LatentRgb;
pub use taesd::{AutoencoderTinyConfig, TaesdDecoder, TaesdEncoder};
pub use tiled::Tiling;
