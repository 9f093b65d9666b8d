//! Denoise with k-diffusion's samplers.

use super::add_noise::noisy;
use super::custom_sampler::sample;
use super::denoiser::{Keep, ModelDenoiser};
use super::errors::told;
use super::guided::{Preview, mask_to_device, noise, prepare, sigma_window};
use crate::Compute;
use crate::compute::measure;
use crate::wires::{Conditioning, Model, from_device, to_device};
use selfsame_models::Work;
use selfsame_models::samplers::{self, Schedule, ksampler};
use selfsame_models::sampling::{DenoiserSettings, Guidance, Hooks, Inpaint, SigmaSettings, sample_sigmas};
use selfsame_sdk::prelude::*;

/// Makes latents of a picture: denoises noise, or a picture with noise added, step by step.
///
/// The samplers are k-diffusion's, the schedules ComfyUI's: the same seed and settings give what they give there.
#[node(
    id = "core.sampling.sampler",
    name = "Sampler",
    category = "sampling",
    device,
    search = ["KSampler", "denoise", "euler", "dpm"]
)]
#[output(latent = "the denoised latents")]
pub fn sampler(
    ctx: Ctx,
    /// The denoising network.
    model: Model,
    /// What the picture should show.
    positive: Conditioning,
    /// What it should not show.
    negative: Conditioning,
    /// What to start from: empty latents for a new picture. Their noise mask says what is redrawn.
    latent: Latent,
    /// Where the noise is drawn from.
    #[param(default = 0)]
    seed: Seed,
    /// The number of steps.
    #[param(default = 30, hard = 1..=10000, soft = 1..=100)]
    steps: usize,
    /// How much more the picture follows the positive than the negative prompt; up to 1 the negative one is not used.
    #[param(default = 5.0, hard = 0.0..=100.0, soft = 1.0..=20.0, step = 0.1, aliases = ["cfg"])]
    guidance_scale: f64,
    /// The stepping rule.
    #[param(default = "euler", choices = samplers::SAMPLERS.iter().map(|sampler| sampler.name))]
    sampler: String,
    /// How the noise falls over the steps.
    #[param(default = "normal", choices = samplers::SCHEDULES.iter().map(|schedule| schedule.name))]
    schedule: String,
    /// The share of the noise that is undone: 1 makes a new picture, less keeps more of what the latents show.
    #[param(default = 1.0, hard = 0.0..=1.0, step = 0.01)]
    denoise: f64,
    /// Noise to use instead of that of the seed, of the shape of the latents and of unit strength.
    noise_latent: Option<Latent>,
    /// The first step that is done; those before are taken as done.
    #[param(default = 0, hard = 0..=10000)]
    start_step: usize,
    /// The step before which it stops, leaving noise for another sampler; all if not set.
    #[param(hard = 0..=10000)]
    end_step: Option<usize>,
    /// Whether noise is added at the first step; not for latents that are noisy already.
    #[param(default = true)]
    add_noise: bool,
    /// A stepping rule of another node, instead of `sampler`.
    custom_sampler: Option<SamplerValue>,
    /// Noise levels to walk along, instead of those of `steps`, `schedule` and `denoise`: falling, the last one 0 unless noise
    /// shall be left.
    #[param(hard = 0.0..)]
    sigmas: Option<Vec<f64>>,
) -> Result<Latent> {
    let model_sigmas = model.sigmas();
    let rule = samplers::Sampler::from_name(&sampler).input("sampler")?;
    let sigmas = match sigmas {
        Some(sigmas) => sigmas,
        None => {
            let schedule = Schedule::from_name(&schedule).input("schedule")?;
            ksampler::sigmas(&model_sigmas, rule, schedule, steps, denoise)?
        }
    };
    let sigmas = ksampler::window(&sigmas, start_step, end_step, end_step.is_some());
    if let Some(rule) = custom_sampler {
        let keep = latent.noise_mask.is_some().then(|| Keep {
            latent: latent.clone(),
            seed,
            noise_latent: noise_latent.clone(),
        });
        let prediction = model.prediction;
        let denoiser = DenoiserValue::new(ModelDenoiser::new(model, positive, negative, guidance_scale, keep));
        let x = match sigmas.first() {
            Some(&first) if add_noise => {
                noisy(ctx, &latent, &model_sigmas, prediction, first, seed, noise_latent.as_ref())?
            }
            _ => latent.samples.clone(),
        };
        let samples = sample(ctx, &rule, &denoiser, x, &sigmas, seed)?;
        return Ok(Latent { samples, noise_mask: latent.noise_mask });
    }
    let compute: &Compute = ctx.get()?;
    let latents = to_device(&latent.samples, &compute.device)?;
    let shape = latent.samples.dims("[B,C,H,W]")?;
    let mut run = prepare(ctx, &model, &positive, &negative, shape, &sigma_window(&model_sigmas))?;
    let noise = noise(seed, noise_latent.as_ref(), &latents)?;
    let inpaint = match &latent.noise_mask {
        Some(mask) => Some(Inpaint::new(&mask_to_device(mask, &compute.device)?, &latents, &noise)?),
        None => None,
    };
    let hooks = run.patches.asked_in(ctx);
    let settings = SigmaSettings {
        sampler: rule,
        sigmas: &sigmas,
        denoiser: DenoiserSettings {
            model_sigmas: &model_sigmas,
            prediction: model.prediction,
            guidance: Guidance { scale: guidance_scale, rescale: model.rescale },
            inpaint: inpaint.as_ref(),
            hooks: hooks.as_ref().map(|hooks| hooks as &dyn Hooks),
        },
    };
    let mut step_noise = rule.default_noise(seed.0, &sigmas)?;
    let mut preview = Preview::new(model.family);
    let added = add_noise.then_some(&noise);
    let mut on_step = |step: &samplers::StepEvent<'_>| {
        let total = step.total.unwrap_or(sigmas.len().saturating_sub(1));
        ctx.progress(step.index as u64 + 1, total as u64, "steps");
        // A preview that fails is no reason to stop.
        let _ = preview.show(ctx, step.denoised);
        Ok(())
    };
    let samples = measure(ctx, Work::Sampling, || {
        let step_noise = step_noise.as_mut();
        sample_sigmas(&mut run.guided, &settings, &latents, added, step_noise, &mut on_step).map_err(told)
    })?;
    Ok(Latent { samples: from_device(&samples)?, noise_mask: latent.noise_mask })
}
