//! Euler's method.
//!
//! **Source**: algorithm 2 of <https://arxiv.org/abs/2206.00364> without churn; checked against diffusers 0.42.1.

use super::config::Config;
use super::prediction::{Prediction, combine, scale};
use super::reshape::Reshape;
use super::schedule::{Level, Schedule};
use super::sigma_space::SigmaSpace;
use super::training::{Training, TrainingDefaults, ZeroSnr, linspace_f32};
use super::{Scheduler, Step};
use crate::Result;
use candle_core::Tensor;

struct Euler {
    schedule: Schedule,
    prediction: Prediction,
}

pub(super) fn build(config: &Config, steps: usize, _eta: Option<f64>) -> Result<Box<dyn Scheduler>> {
    let training = Training::read(config, &TrainingDefaults::COMMON.with_zero_snr(ZeroSnr::Floored))?;
    let prediction = Prediction::read(config)?;
    let mut space = SigmaSpace::read(config, &training, steps)?;
    if config.choice("interpolation_type", &[("linear", false), ("log_linear", true)], false)? {
        // One more sigma than steps: the list then ends at the smallest one before the final zero.
        let (max, min) = ((space.table.max() as f32).ln(), (space.table.min() as f32).ln());
        space.sigmas = linspace_f32(max, min, steps + 1).into_iter().map(|log| f64::from(log.exp())).collect();
    }
    let (max, min) = (config.optional_number("sigma_max")?, config.optional_number("sigma_min")?);
    space.reshape(Reshape::read(config)?, max, min);
    let last = config.choice("final_sigmas_type", &[("zero", 0.0), ("sigma_min", space.table.min())], 0.0)?;
    let sigmas = space.ending_at(last);
    let continuous = config.choice("timestep_type", &[("discrete", false), ("continuous", true)], false)?;
    let timesteps = if continuous && prediction == Prediction::Velocity {
        // Models of continuous time are told a quarter of log(sigma), as EDM does.
        sigmas[..sigmas.len() - 1].iter().map(|s| f64::from(0.25 * s.ln())).collect()
    } else {
        space.timesteps.iter().map(|t| f64::from(*t as f32)).collect()
    };
    let init_noise_sigma = space.init_noise_sigma(&sigmas);
    let schedule = Schedule::in_sigma_space(steps, timesteps, sigmas, init_noise_sigma);
    Ok(Box::new(Euler { schedule, prediction }))
}

impl Scheduler for Euler {
    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn advance(&mut self, step: Step<'_>) -> Result<Tensor> {
        let (Level { noise: sigma, .. }, Level { noise: next, .. }) = self.schedule.step_levels(step.index);
        let denoised = self.prediction.denoised_at_sigma(&step.output, &step.sample, sigma)?;
        let derivative = scale(&(&step.sample - denoised)?, 1.0 / sigma)?;
        combine(&[(1.0, &step.sample), (next - sigma, &derivative)])
    }
}
