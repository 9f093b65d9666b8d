//! Pictures to latents.

use super::MAX_WHOLE;
use crate::Compute;
use crate::compute::measure;
use crate::networks::{Autoencoder, autoencoder};
use crate::wires::{Vae, from_device, image_to_device, to_device};
use selfsame_models::rng::TorchGenerator;
use selfsame_models::vae::Tiling;
use selfsame_models::{Cancel, Work};
use selfsame_sdk::prelude::*;

/// Makes latents of pictures.
///
/// Sides that are no multiple of 8 lose what is over, half of it on each side, as in ComfyUI.
#[node(id = "core.vae.encode", name = "VAEEncode", title = "VAE encode", category = "latent", device)]
#[output(latent = "the latents, scaled as the denoising network expects them")]
pub fn vae_encode(
    ctx: Ctx,
    /// The autoencoder of the model that works with the latents.
    vae: Vae,
    /// The pictures; alpha is left out.
    image: Image,
    /// Draws from the distribution that the autoencoder gives, by this seed, as diffusers does. Without it the middle of
    /// the distribution is taken, as in ComfyUI's exact mode.
    seed: Option<Seed>,
    /// Noise to draw with instead of that of the seed, of the shape of the latents and of unit strength.
    noise: Option<Latent>,
) -> Result<Latent> {
    let compute: &Compute = ctx.get()?;
    let cancel: &Cancel = ctx.get()?;
    let network = autoencoder(ctx, &vae)?;
    let (height, width) = (image.height() / 8 * 8, image.width() / 8 * 8);
    if height == 0 || width == 0 {
        let got = format!("{} x {} pixels", image.width(), image.height());
        return Err(Error::input("image", format!("expected at least 8 x 8 pixels, got {got}")));
    }
    let (top, left) = ((image.height() - height) / 2, (image.width() - width) / 2);
    let pixels = image_to_device(&image, &compute.device)?.narrow(2, top, height)?.narrow(3, left, width)?;
    let pixels = pixels.affine(2.0, -1.0)?; // -1..1
    let latents = measure(ctx, Work::VaeEncode, || match &*network {
        Autoencoder::Tiny { encoder: Some(encoder), .. } => Ok(encoder.encode(&pixels, cancel)?),
        Autoencoder::Tiny { encoder: None, .. } => Err(Error::input("vae", "the file has no encoder")),
        Autoencoder::Kl(kl) => {
            let posterior = if height.max(width) / 8 > MAX_WHOLE {
                let mut progress = |done, total| ctx.progress(done as u64, total as u64, "tiles");
                kl.encode_tiled(&pixels, Tiling::default(), &mut progress, cancel)?
            } else {
                kl.encode(&pixels, cancel)?
            };
            let latents = match (noise, seed) {
                (Some(noise), _) => posterior.sample(&to_device(&noise.samples, &compute.device)?)?,
                (None, None) => posterior.mean().clone(),
                (None, Some(Seed(seed))) => {
                    let shape = posterior.mean().dims().to_vec();
                    posterior.sample(&TorchGenerator::new(seed).randn_tensor(&shape, &compute.device)?)?
                }
            };
            Ok(kl.config().to_model_latents(&latents)?)
        }
    })?;
    Latent::new(from_device(&latents)?)
}
