//! Load an autoencoder.

use crate::wires::{ModelFile, Vae};
use selfsame_models::weights::{Kind, open, recognise};
use selfsame_sdk::prelude::*;

/// Loads an autoencoder from a file of its own: AutoencoderKL, or TAESD, which is less exact and many times faster.
#[node(id = "core.loaders.vae", category = "loaders", search = ["taesd", "VAELoader"])]
#[output(vae = "the autoencoder")]
pub fn load_vae(
    ctx: Ctx,
    /// The file.
    #[param(model = "vae")]
    vae: String,
) -> Result<Vae> {
    let file = ModelFile::read(ctx, "vae", &vae).input("vae")?;
    let architecture = recognise(&open(&file.path).input("vae")?);
    match architecture.kind {
        Kind::Vae | Kind::Checkpoint => Ok(Vae { file, is_tiny: false, family: architecture.family }),
        Kind::TinyVae => Ok(Vae { file, is_tiny: true, family: architecture.family }),
        _ => Err(Error::input("vae", format!("expected an autoencoder, got {architecture}"))),
    }
}
