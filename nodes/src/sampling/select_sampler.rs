//! The stepping rules that come with Selfsame, as values.

use super::errors::{carried, told};
use crate::Compute;
use crate::wires::{from_device, to_device};
use candle_core as candle;
use selfsame_models::samplers::{self, Denoiser, Guided, Run, SAMPLERS, StepEvent};
use selfsame_models::{self as models, Cancel};
use selfsame_sdk::prelude::*;
use selfsame_sdk::{Sampler, Sampling};

/// Gives a stepping rule as a value, for nodes that take one.
#[node(id = "core.sampling.select_sampler", category = "sampling", search = ["KSamplerSelect", "euler", "dpm"])]
#[output(sampler = "the rule")]
pub fn select_sampler(
    /// The stepping rule.
    #[param(default = "euler", choices = SAMPLERS.iter().map(|sampler| sampler.name))]
    sampler: String,
) -> Result<SamplerValue> {
    Ok(SamplerValue::new(Rule(samplers::Sampler::from_name(&sampler).input("sampler")?)))
}

struct Rule(&'static samplers::Sampler);

impl Sampler for Rule {
    fn sample(&self, ctx: Ctx, sampling: Sampling) -> Result<Tensor> {
        let (compute, cancel): (&Compute, &Cancel) = (ctx.get()?, ctx.get()?);
        let x = to_device(&sampling.x, &compute.device)?;
        let mut denoiser = Asked { ctx, denoiser: sampling.denoiser };
        let mut noise = self.0.default_noise(sampling.seed, sampling.sigmas)?;
        let steps = sampling.sigmas.len().saturating_sub(1);
        let mut on_step = |step: &StepEvent<'_>| {
            ctx.progress(step.index as u64 + 1, step.total.unwrap_or(steps) as u64, "steps");
            Ok(())
        };
        let mut run = Run {
            denoiser: &mut denoiser,
            noise: noise.as_mut(),
            sigmas: sampling.sigmas,
            on_step: &mut on_step,
            cancel,
        };
        from_device(&self.0.sample(&mut run, &x).map_err(told)?)
    }
}

/// A denoiser of any kind as these rules see it.
struct Asked<'a> {
    ctx: Ctx<'a>,
    denoiser: &'a DenoiserValue,
}

impl Asked<'_> {
    fn ask(&self, x: &candle::Tensor, sigma: f64, with_uncond: bool) -> Result<Guided> {
        let estimate = self.denoiser.predict(self.ctx, &from_device(x)?, sigma, with_uncond)?;
        let denoised = to_device(&estimate.denoised, x.device())?;
        let uncond = match estimate.uncond {
            Some(uncond) => to_device(&uncond, x.device())?,
            None if with_uncond => bail!("the denoiser gives no unconditional estimate, by which CFG++ samplers steer"),
            None => denoised.clone(),
        };
        Ok(Guided { denoised, uncond })
    }
}

impl Denoiser for Asked<'_> {
    fn denoise(&mut self, x: &candle::Tensor, sigma: f64) -> models::Result<candle::Tensor> {
        Ok(self.ask(x, sigma, false).map_err(carried)?.denoised)
    }

    fn denoise_guided(&mut self, x: &candle::Tensor, sigma: f64) -> models::Result<Guided> {
        self.ask(x, sigma, true).map_err(carried)
    }
}
