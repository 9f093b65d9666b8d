//! Denoise with k-diffusion's samplers.

use super::guided::{Preview, mask_to_device, noise, prepare};
use crate::compute::measure;
use crate::wires::{Conditioning, Model, Span, from_device, to_device};
use selfsame_models::Work;
use selfsame_models::samplers::{self, ModelSigmas, Schedule, ksampler};
use selfsame_models::sampling::{Guidance, Inpaint, SigmaSettings, Window, sample_sigmas};
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
) -> Result<Latent> {
    let model_sigmas = match model.zero_terminal_snr {
        true => ModelSigmas::stable_diffusion_zero_snr(),
        false => ModelSigmas::stable_diffusion(),
    };
    let window = |span: Span| match span {
        Span::WHOLE => Window::Always,
        Span { start, end } => {
            Window::Sigmas { start: model_sigmas.percent_to_sigma(start), end: model_sigmas.percent_to_sigma(end) }
        }
    };
    let mut run = prepare(ctx, &model, &positive, &negative, &latent, &window)?;
    let rule = samplers::Sampler::from_name(&sampler).input("sampler")?;
    let schedule = Schedule::from_name(&schedule).input("schedule")?;
    let sigmas = ksampler::sigmas(&model_sigmas, rule, schedule, steps, denoise)?;
    let sigmas = ksampler::window(&sigmas, start_step, end_step, end_step.is_some());
    let noise = match &noise_latent {
        Some(given) => to_device(&given.samples, &run.compute.device)?,
        None => noise(seed, &run.latents)?,
    };
    let inpaint = match &latent.noise_mask {
        Some(mask) => Some(Inpaint::new(&mask_to_device(mask, &run.compute.device)?, &run.latents, &noise)?),
        None => None,
    };
    let settings = SigmaSettings {
        sampler: rule,
        sigmas: &sigmas,
        model_sigmas: &model_sigmas,
        prediction: model.prediction,
        guidance: Guidance { scale: guidance_scale, rescale: model.rescale },
        inpaint: inpaint.as_ref(),
    };
    let mut step_noise = rule.default_noise(seed.0, &sigmas)?;
    let mut preview = Preview::new(run.family);
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
        Ok(sample_sigmas(&mut run.guided, &settings, &run.latents, added, step_noise, &mut on_step)?)
    })?;
    Ok(Latent { samples: from_device(&samples)?, noise_mask: latent.noise_mask })
}
