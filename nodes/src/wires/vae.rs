//! VAE: between pictures and latents.

use super::{ModelFile, wire};
use selfsame_models::weights::Family;
use selfsame_sdk::Type;
use std::fmt;

/// An autoencoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Vae {
    /// A checkpoint, or the file of the autoencoder alone.
    pub file: ModelFile,
    /// TAESD rather than AutoencoderKL.
    pub is_tiny: bool,
    /// What its latents belong to, where that is known.
    pub family: Option<Family>,
}

impl fmt::Display for Vae {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", if self.is_tiny { "TAESD" } else { "AutoencoderKL" }, self.file)
    }
}

wire!(Vae, "VAE", Type::VAE, |_| 512);
