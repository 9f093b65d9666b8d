//! Trajectory consistency distillation: a jump part of the way down, and noise up to the next timestep; `eta` (the paper's
//! gamma) says how far the jump overshoots.
//!
//! **Source**: algorithm 4 of <https://arxiv.org/abs/2402.19159>; checked against diffusers 0.42.1.
//!
//! **Differences**: without `original_inference_steps` in the settings steps spread evenly over all training timesteps, as in
//! the paper and as diffusers does when the number is handed to `set_timesteps`; with it they are taken from that many, as
//! diffusers does with the number in its settings.

use super::alpha_space::{AlphaSpace, distilled_timesteps};
use super::config::Config;
use super::prediction::combine;
use super::schedule::{Level, Schedule};
use super::training::{Training, TrainingDefaults};
use super::{Scheduler, Step};
use crate::Result;
use candle_core::Tensor;

struct Tcd {
    space: AlphaSpace,
    eta: f64,
}

pub(super) fn build(config: &Config, steps: usize, eta: Option<f64>) -> Result<Box<dyn Scheduler>> {
    let training = Training::read(config, &TrainingDefaults::CONSISTENCY)?;
    let grid = config.count("original_inference_steps", training.len())?;
    let timesteps = distilled_timesteps(config, training.len(), grid, steps)?;
    Ok(Box::new(Tcd { space: AlphaSpace::at(config, training, steps, timesteps)?, eta: eta.unwrap_or(0.3) }))
}

impl Scheduler for Tcd {
    fn schedule(&self) -> &Schedule {
        &self.space.schedule
    }

    fn advance(&mut self, mut step: Step<'_>) -> Result<Tensor> {
        let AlphaSpace { training, timesteps, prediction, schedule } = &self.space;
        let next_t = timesteps.get(step.index + 1).copied().unwrap_or(0);
        // In f32, as torch multiplies whole numbers by a fraction.
        let jump_t = ((1.0 - self.eta) as f32 * next_t as f32).floor() as i64;
        let (next, jump) = (training.alpha(next_t)?, training.alpha(jump_t)?);
        let (from, middle) = (schedule.level(step.index)?, Level::from_alpha_cumprod(jump));
        let denoised = prediction.denoised(&step.output, &step.sample, from)?;
        let epsilon = prediction.epsilon(&step.output, &step.sample, from)?;
        let jumped = combine(&[(middle.signal, &denoised), (middle.noise, &epsilon)])?;
        if self.eta == 0.0 || step.index + 1 == timesteps.len() {
            return Ok(jumped);
        }
        let noise = step.noise(middle, Level::from_alpha_cumprod(next))?;
        combine(&[((next / jump).sqrt(), &jumped), ((1.0 - next / jump).sqrt(), &noise)])
    }
}
