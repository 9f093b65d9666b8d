//! Latents to pictures.

use super::MAX_WHOLE;
use crate::Compute;
use crate::compute::measure;
use crate::networks::{Autoencoder, autoencoder};
use crate::wires::{Vae, image_from_device, to_device};
use selfsame_models::vae::Tiling;
use selfsame_models::{Cancel, Work};
use selfsame_sdk::prelude::*;

/// Makes pictures of latents.
#[node(id = "core.vae.decode", name = "VAEDecode", title = "VAE decode", category = "latent", device, search = ["taesd"])]
#[output(image = "the pictures, RGB")]
pub fn vae_decode(
    ctx: Ctx,
    /// The autoencoder of the model that made the latents.
    vae: Vae,
    /// The latents.
    latent: Latent,
    /// The side of a tile in latent pixels. Large pictures are decoded in overlapping tiles, which take less memory; 0
    /// does so only beyond 1536 px.
    #[param(default = 0, hard = 0..=512, soft = 0..=128, step = 8.0)]
    tile: usize,
) -> Result<Image> {
    let compute: &Compute = ctx.get()?;
    let cancel: &Cancel = ctx.get()?;
    let network = autoencoder(ctx, &vae)?;
    let latents = to_device(&latent.samples, &compute.device)?;
    let (_, _, height, width) = latents.dims4()?;
    let image = measure(ctx, Work::VaeDecode, || match &*network {
        Autoencoder::Tiny { decoder: Some(decoder), .. } => Ok(decoder.decode(&latents, cancel)?),
        Autoencoder::Tiny { decoder: None, .. } => Err(Error::input("vae", "the file has no decoder")),
        Autoencoder::Kl(kl) => {
            let latents = kl.config().from_model_latents(&latents)?;
            if tile > 0 || height.max(width) > MAX_WHOLE {
                let tiling = match tile {
                    0 => Tiling::default(),
                    tile => Tiling { tile, overlap: tile / 4 },
                };
                let mut progress = |done, total| ctx.progress(done as u64, total as u64, "tiles");
                Ok(kl.decode_tiled(&latents, tiling, &mut progress, cancel)?)
            } else {
                Ok(kl.decode(&latents, cancel)?)
            }
        }
    })?;
    // From -1..1.
    image_from_device(&image.affine(0.5, 0.5)?)
}
