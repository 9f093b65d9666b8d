//! Euler's method to a lower sigma than the next one, and fresh noise up to it.
//!
//! **Source**: `sample_euler_ancestral` of k-diffusion (<https://github.com/crowsonkb/k-diffusion>) with eta 1; checked against
//! diffusers 0.42.1.

use super::config::Config;
use super::prediction::{Prediction, combine, scale};
use super::schedule::Schedule;
use super::sigma_space::SigmaSpace;
use super::training::{Training, TrainingDefaults, ZeroSnr};
use super::{Scheduler, Step};
use crate::Result;
use candle_core::Tensor;

struct EulerAncestral {
    schedule: Schedule,
    prediction: Prediction,
}

pub(super) fn build(config: &Config, steps: usize, _eta: Option<f64>) -> Result<Box<dyn Scheduler>> {
    let training = Training::read(config, &TrainingDefaults::COMMON.with_zero_snr(ZeroSnr::Floored))?;
    let prediction = Prediction::read_without_sample(config)?;
    let space = SigmaSpace::read(config, &training, steps)?;
    let sigmas = space.ending_at(0.0);
    let init_noise_sigma = space.init_noise_sigma(&sigmas);
    let schedule = Schedule::in_sigma_space(steps, space.timesteps, sigmas, init_noise_sigma);
    Ok(Box::new(EulerAncestral { schedule, prediction }))
}

/// Splits the way from `sigma` to `next` into a step down to the first of the returned sigmas and noise of the second.
pub(super) fn ancestral_split(sigma: f32, next: f32) -> (f32, f32) {
    let up = (next * next * (sigma * sigma - next * next) / (sigma * sigma)).sqrt();
    ((next * next - up * up).sqrt(), up)
}

impl Scheduler for EulerAncestral {
    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn advance(&mut self, mut step: Step<'_>) -> Result<Tensor> {
        let (from, to) = self.schedule.step_levels(step.index);
        let sigma = from.noise;
        let (down, up) = ancestral_split(sigma, to.noise);
        let denoised = self.prediction.denoised_at_sigma(&step.output, &step.sample, sigma)?;
        let derivative = scale(&(&step.sample - denoised)?, 1.0 / sigma)?;
        let noise = step.noise(from, to)?;
        combine(&[(1.0, &step.sample), (down - sigma, &derivative), (up, &noise)])
    }
}
