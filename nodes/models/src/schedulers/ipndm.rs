//! Improved PNDM: the fourth-order multistep rule without a warm-up, for models that are told a time in 0..1.
//!
//! **Source**: formula (12) of <https://arxiv.org/abs/2202.09778> on the crash noise schedule of v-diffusion
//! (<https://github.com/crowsonkb/v-diffusion-pytorch>); checked against diffusers 0.42.1.
//!
//! The class has no prediction type: its models predict velocity. It does not fit Stable Diffusion's training timesteps.

use super::config::Config;
use super::history::History;
use super::pndm::adams_bashforth;
use super::prediction::{combine, scale};
use super::schedule::{Level, Schedule};
use super::training::linspace_f32;
use super::{Scheduler, Step};
use crate::Result;
use candle_core::Tensor;
use std::f32::consts::PI;

struct Ipndm {
    schedule: Schedule,
    epsilons: History,
}

pub(super) fn build(config: &Config, steps: usize, _eta: Option<f64>) -> Result<Box<dyn Scheduler>> {
    let noises: Vec<f32> = match config.numbers("trained_betas")? {
        Some(noises) if noises.len() == steps + 1 => noises.into_iter().map(|n| n as f32).collect(),
        Some(noises) => {
            let message = format!("expected one number per step and one more, {}, got {}", steps + 1, noises.len());
            return Err(config.error("trained_betas", message));
        }
        None => linspace_f32(1.0, 0.0, steps + 1).into_iter().map(|t| (t * PI / 2.0).sin().powi(2)).collect(),
    };
    let levels: Vec<Level> =
        noises.into_iter().map(|noise| Level { signal: (1.0 - noise * noise).sqrt(), noise }).collect();
    let time = |level: &Level| f64::from(level.noise.atan2(level.signal) / PI * 2.0);
    let timesteps = levels[..steps].iter().map(time).collect();
    Ok(Box::new(Ipndm { schedule: Schedule::from_levels(steps, timesteps, levels), epsilons: History::new(4) }))
}

impl Scheduler for Ipndm {
    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn advance(&mut self, step: Step<'_>) -> Result<Tensor> {
        let (from, to) = self.schedule.step_levels(step.index);
        self.epsilons.push(combine(&[(from.noise, &step.sample), (from.signal, &step.output)])?);
        let epsilon = adams_bashforth(&self.epsilons)?;
        // The first level is pure noise: its signal is held off zero.
        let denoised = scale(&combine(&[(1.0, &step.sample), (-from.noise, &epsilon)])?, 1.0 / from.signal.max(1e-8))?;
        combine(&[(to.signal, &denoised), (to.noise, &epsilon)])
    }
}
