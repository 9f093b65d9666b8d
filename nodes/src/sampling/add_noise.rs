//! Where a sampling starts.

use super::guided::noise;
use crate::Compute;
use crate::wires::{Model, from_device, to_device};
use selfsame_models::samplers::ModelSigmas;
use selfsame_models::samplers::Prediction;
use selfsame_sdk::prelude::*;

/// Adds the noise that a sampling starts from, as `Sampler` does.
#[node(id = "core.sampling.add_noise", category = "sampling", device, search = ["noise", "img2img"])]
#[output(latent = "the latents at the first noise level")]
pub fn add_noise(
    ctx: Ctx,
    /// The denoising network.
    model: Model,
    /// What to start from: empty latents for a new picture.
    latent: Latent,
    /// The noise levels of the sampling; the first one counts.
    sigmas: Vec<f64>,
    /// Where the noise is drawn from.
    #[param(default = 0)]
    seed: Seed,
    /// Noise to use instead of that of the seed, of the shape of the latents and of unit strength.
    noise_latent: Option<Latent>,
) -> Result<Latent> {
    let Some(&first) = sigmas.first() else { return Ok(latent) };
    let samples = noisy(ctx, &latent, &model.sigmas(), model.prediction, first, seed, noise_latent.as_ref())?;
    Ok(Latent { samples, noise_mask: latent.noise_mask })
}

/// Latents at a noise level.
pub(super) fn noisy(
    ctx: Ctx,
    latent: &Latent,
    sigmas: &ModelSigmas,
    prediction: Prediction,
    sigma: f64,
    seed: Seed,
    noise_latent: Option<&Latent>,
) -> Result<Tensor> {
    let compute: &Compute = ctx.get()?;
    let latents = to_device(&latent.samples, &compute.device)?;
    let noise = noise(seed, noise_latent, &latents)?;
    if noise.dims() != latents.dims() {
        let message = format!("expected the shape of the latents {:?}, got {:?}", latents.dims(), noise.dims());
        return Err(Error::input("noise_latent", message));
    }
    from_device(&prediction.noise_scaling(sigma, &noise, &latents, sigmas.is_max_denoise(sigma))?)
}
