//! A sampler as a node: a loop over noise levels.

use selfsame_sdk::prelude::*;

/// Samples by Euler's method: one estimate for each step, first order.
#[node(id = "com.example.euler_sampler", category = "samples", search = ["sampler"])]
#[output(latent = "the latents at the last noise level")]
pub fn euler_sampler(
    ctx: Ctx,
    /// The model.
    denoiser: DenoiserValue,
    /// Where it starts: latents at the first noise level.
    latent: Latent,
    /// The noise levels, falling.
    sigmas: Vec<f64>,
) -> Result<Latent> {
    let steps = sigmas.len().saturating_sub(1) as u64;
    let mut x = latent.samples;
    for (i, pair) in sigmas.windows(2).enumerate() {
        let denoised = denoiser.denoise(ctx, &x, pair[0])?;
        // The noise in x shrinks as the noise level does: denoised + (x - denoised) · ratio.
        let ratio = pair[1] / pair[0];
        let (keep, go) = (ratio as f32, (1.0 - ratio) as f32);
        let next = x.data().iter().zip(denoised.data()).map(|(x, denoised)| x * keep + denoised * go).collect();
        x = Tensor::new(x.shape(), next)?;
        ctx.progress(i as u64 + 1, steps, "steps");
    }
    Ok(Latent { samples: x, noise_mask: latent.noise_mask })
}
