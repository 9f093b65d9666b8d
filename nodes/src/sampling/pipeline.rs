//! Denoise with diffusers' schedulers.

use super::errors::told;
use super::guided::{Preview, mask_to_device, prepare};
use crate::Compute;
use crate::compute::measure;
use crate::wires::{Conditioning, Model, Span, from_device, to_device};
use selfsame_models::Work;
use selfsame_models::noise::{NoiseSource, RecordedNoise, TorchNoise};
use selfsame_models::rng::TorchGenerator;
use selfsame_models::sampling::{Guidance, Hooks, Inpaint, TimestepEvent, TimestepSettings, Window, sample_timesteps};
use selfsame_models::schedulers::{self, SCHEDULERS};
use selfsame_sdk::prelude::*;

/// Makes latents of a picture as the pipelines of diffusers do, with their schedulers, also the official one of InstantID.
///
/// Windows of ControlNets and conditionings count in steps here, and a seed gives one stream of noise: first that of the
/// latents, then that of the steps.
#[node(id = "core.sampling.pipeline_sampler", category = "sampling", device, search = ["diffusers", "scheduler", "ddim", "lcm"])]
#[output(latent = "the denoised latents", steps = "the latents after every step, if they are kept; else an empty list")]
pub fn pipeline_sampler(
    ctx: Ctx,
    /// The denoising network.
    model: Model,
    /// What the picture should show.
    positive: Conditioning,
    /// What it should not show.
    negative: Conditioning,
    /// What to start from: empty latents for a new picture.
    latent: Latent,
    /// Where the noise is drawn from.
    #[param(default = 0)]
    seed: Seed,
    /// The number of steps.
    #[param(default = 30, hard = 1..=1000, soft = 1..=100)]
    steps: usize,
    /// How much more the picture follows the positive than the negative prompt; up to 1 the negative one is not used.
    #[param(default = 5.0, hard = 0.0..=100.0, soft = 1.0..=20.0, step = 0.1)]
    guidance_scale: f64,
    /// The scheduler.
    #[param(default = "EulerDiscreteScheduler", choices = SCHEDULERS.iter().map(|scheduler| scheduler.name))]
    scheduler: String,
    /// Settings of the scheduler as a JSON object, as in a `scheduler_config.json`. They go before those of the model's
    /// folder; missing ones have the scheduler's defaults, but the noise schedule of Stable Diffusion.
    #[param(default = "", multiline)]
    config: String,
    /// DDIM's and TCD's share of fresh noise; the scheduler's default if not set.
    #[param(hard = 0.0..=1.0)]
    eta: Option<f64>,
    /// The share of the steps that is done, for latents that show a picture already: 1 makes a new picture.
    #[param(default = 1.0, hard = 0.0..=1.0)]
    strength: f64,
    /// Noise to use instead of that of the seed, of the shape of the latents and of unit strength.
    noise_latent: Option<Latent>,
    /// Noise for the steps of schedulers that add some, in order, instead of that of the seed.
    step_noise: Option<Vec<Latent>>,
    /// Gives the latents after every step too.
    #[param(default = false)]
    keep_steps: bool,
) -> Result<(Latent, Vec<Latent>)> {
    let window = |span: Span| Window::Steps { start: span.start, end: span.end };
    let compute: &Compute = ctx.get()?;
    let latents = to_device(&latent.samples, &compute.device)?;
    let mut run = prepare(ctx, &model, &positive, &negative, latent.samples.dims("[B,C,H,W]")?, &window)?;
    let config = scheduler_config(&model, &config)?;
    let mut rule = schedulers::build(&scheduler, &config, steps, eta)?;
    let mut generator = TorchGenerator::new(seed.0);
    let shape = latents.dims().to_vec();
    let noise = match &noise_latent {
        Some(given) => to_device(&given.samples, &compute.device)?,
        None => generator.randn_tensor(&shape, &compute.device)?,
    };
    let start = if strength < 1.0 { rule.schedule().start_index(strength) } else { 0 };
    let sample = match strength < 1.0 {
        true if start >= rule.schedule().timesteps().len() => return Ok((latent, Vec::new())),
        true => rule.schedule().add_noise(&latents, &noise, start)?,
        false => (&noise * rule.schedule().init_noise_sigma())?,
    };
    let inpaint = match &latent.noise_mask {
        Some(mask) => Some(Inpaint::new(&mask_to_device(mask, &compute.device)?, &latents, &noise)?),
        None => None,
    };
    let hooks = run.patches.asked_in(ctx);
    let settings = TimestepSettings {
        start,
        guidance: Guidance { scale: guidance_scale, rescale: model.rescale },
        inpaint: inpaint.as_ref(),
        prediction: model.prediction,
        hooks: hooks.as_ref().map(|hooks| hooks as &dyn Hooks),
    };
    let mut step_noise: Box<dyn NoiseSource> = match step_noise {
        None => Box::new(TorchNoise::new(generator)),
        Some(recorded) => {
            let recorded = recorded.iter().map(|latent| to_device(&latent.samples, &compute.device));
            Box::new(RecordedNoise::new(recorded.collect::<Result<Vec<_>>>()?))
        }
    };
    let mut steps = Vec::new();
    let mut preview = Preview::new(model.family);
    let mut on_step = |step: &TimestepEvent<'_>| {
        ctx.progress((step.index - start) as u64 + 1, (step.total - start) as u64, "steps");
        if keep_steps {
            steps.push(step.sample.clone());
        }
        // A preview that fails is no reason to stop.
        let _ = preview.show(ctx, step.denoised);
        Ok(())
    };
    let samples = measure(ctx, Work::Sampling, || {
        sample_timesteps(&mut run.guided, &mut *rule, &settings, &sample, &mut *step_noise, &mut on_step).map_err(told)
    })?;
    let steps = steps.iter().map(|step| Latent::new(from_device(step)?)).collect::<Result<_>>()?;
    Ok((Latent { samples: from_device(&samples)?, noise_mask: latent.noise_mask }, steps))
}

/// The settings of the graph over those of the model's folder over the noise schedule of Stable Diffusion.
fn scheduler_config(model: &Model, own: &str) -> Result<serde_json::Value> {
    // Source: scheduler/scheduler_config.json of SD1.5 and SDXL.
    let mut config = serde_json::json!({
        "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1,
        "timestep_spacing": "leading", "num_train_timesteps": 1000,
    });
    let folder = model.scheduler_config.as_deref().map(serde_json::from_str).transpose()?;
    let given = match own.trim() {
        "" => None,
        text => Some(serde_json::from_str(text).context(|| "the settings are no JSON".to_owned()).input("config")?),
    };
    for layer in [folder, given].into_iter().flatten() {
        let layer: serde_json::Value = layer;
        match (config.as_object_mut(), layer) {
            (Some(config), serde_json::Value::Object(layer)) => config.extend(layer),
            (_, other) => return Err(Error::input("config", format!("expected a JSON object, got {other}"))),
        }
    }
    Ok(config)
}
