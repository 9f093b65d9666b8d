//! Latent consistency models: every step jumps to the clean picture, and noise takes it back to the next timestep.
//!
//! **Source**: algorithm 1 of <https://arxiv.org/abs/2310.04378> with the boundary scalings of <https://arxiv.org/abs/2303.01469>
//! (sigma_data 0.5); checked against diffusers 0.42.1.

use super::alpha_space::{AlphaSpace, distilled_timesteps};
use super::config::Config;
use super::prediction::{Bounds, combine};
use super::schedule::Schedule;
use super::training::{Training, TrainingDefaults};
use super::{Scheduler, Step};
use crate::Result;
use candle_core::Tensor;

struct Lcm {
    space: AlphaSpace,
    bounds: Bounds,
    timestep_scaling: f32,
}

pub(super) fn build(config: &Config, steps: usize, _eta: Option<f64>) -> Result<Box<dyn Scheduler>> {
    let training = Training::read(config, &TrainingDefaults::CONSISTENCY)?;
    let grid = config.count("original_inference_steps", 50)?;
    let timesteps = distilled_timesteps(config, training.len(), grid, steps)?;
    Ok(Box::new(Lcm {
        bounds: Bounds::read(config, false)?,
        timestep_scaling: config.number("timestep_scaling", 10.0)? as f32,
        space: AlphaSpace::at(config, training, steps, timesteps)?,
    }))
}

impl Scheduler for Lcm {
    fn schedule(&self) -> &Schedule {
        &self.space.schedule
    }

    fn advance(&mut self, mut step: Step<'_>) -> Result<Tensor> {
        const SIGMA_DATA: f32 = 0.5;
        let AlphaSpace { timesteps, prediction, schedule, .. } = &self.space;
        let from = schedule.level(step.index)?;
        let denoised = self.bounds.apply(prediction.denoised(&step.output, &step.sample, from)?)?;
        let time = timesteps[step.index] as f32 * self.timestep_scaling;
        let square = time * time + SIGMA_DATA * SIGMA_DATA;
        let (skip, out) = (SIGMA_DATA * SIGMA_DATA / square, time / square.sqrt());
        let denoised = combine(&[(out, &denoised), (skip, &step.sample)])?;
        if step.index + 1 == timesteps.len() {
            return Ok(denoised);
        }
        let to = schedule.level(step.index + 1)?;
        let noise = step.noise(from, to)?;
        combine(&[(to.signal, &denoised), (to.noise, &noise)])
    }
}
