//! Sample by parts that other nodes make.

use crate::compute::measure;
use selfsame_models::Work;
use selfsame_models::samplers::check_sigmas;
use selfsame_sdk::Sampling;
use selfsame_sdk::prelude::*;

/// Samples with a denoiser, a stepping rule and noise levels that other nodes give.
#[node(id = "core.sampling.custom_sampler", category = "sampling", search = ["SamplerCustomAdvanced"])]
#[output(latent = "the latents at the last noise level")]
pub fn custom_sampler(
    ctx: Ctx,
    /// The model.
    denoiser: DenoiserValue,
    /// The stepping rule.
    sampler: SamplerValue,
    /// Where it starts: latents at the first noise level.
    latent: Latent,
    /// The noise levels, falling; the last one is 0 unless noise shall be left.
    #[param(hard = 0.0..)]
    sigmas: Vec<f64>,
    /// For a rule that adds noise.
    #[param(default = 0)]
    seed: Seed,
) -> Result<Latent> {
    let samples = sample(ctx, &sampler, &denoiser, latent.samples, &sigmas, seed)?;
    Ok(Latent { samples, noise_mask: latent.noise_mask })
}

/// Walks from latents at the first noise level to the last one.
pub(super) fn sample(
    ctx: Ctx,
    sampler: &SamplerValue,
    denoiser: &DenoiserValue,
    x: Tensor,
    sigmas: &[f64],
    seed: Seed,
) -> Result<Tensor> {
    if sigmas.len() < 2 {
        return Ok(x);
    }
    check_sigmas(sigmas)?;
    let shape = x.shape().to_vec();
    let sampling = Sampling { denoiser, x, sigmas, seed: seed.0 };
    let given = measure(ctx, Work::Sampling, || sampler.sample(ctx, sampling))?;
    if given.shape() != shape {
        return Err(Error::new(format!("{sampler:?} gave latents {:?}, expected {shape:?}", given.shape()))
            .hint("this is a mistake in the sampler; please report it to its author"));
    }
    Ok(given)
}
