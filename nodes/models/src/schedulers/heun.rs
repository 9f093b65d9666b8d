//! Heun's method: a step of Euler's, and a second one with the mean of the derivatives at both ends.
//!
//! **Source**: algorithm 1 of <https://arxiv.org/abs/2206.00364>; checked against diffusers 0.42.1.
//!
//! Even indices of the timesteps are first calls, odd ones second calls; the last step, to sigma 0, has a first call only.

use super::config::Config;
use super::prediction::{Bounds, Prediction, combine, scale};
use super::reshape::Reshape;
use super::schedule::{Level, Schedule};
use super::sigma_space::SigmaSpace;
use super::training::{BetaSchedule, Training, TrainingDefaults};
use super::{Scheduler, Step};
use crate::{Error, Result};
use candle_core::Tensor;

struct Heun {
    schedule: Schedule,
    prediction: Prediction,
    bounds: Bounds,
    first: Option<FirstCall>,
}

/// What the second call of a step needs of the first.
struct FirstCall {
    sample: Tensor,
    derivative: Tensor,
}

pub(super) fn build(config: &Config, steps: usize, _eta: Option<f64>) -> Result<Box<dyn Scheduler>> {
    const DEFAULTS: TrainingDefaults =
        TrainingDefaults { more_schedules: &[("exp", BetaSchedule::Exponential)], ..TrainingDefaults::SECOND_ORDER };
    let training = Training::read(config, &DEFAULTS)?;
    let prediction = Prediction::read(config)?;
    let bounds = Bounds::read_clip(config, false)?;
    let mut space = SigmaSpace::read(config, &training, steps)?;
    space.reshape(Reshape::read(config)?, None, None);
    let sigmas = space.ending_at(0.0);
    let timesteps: Vec<f64> = doubled_but_first(&space.timesteps).iter().map(|t| f64::from(*t as f32)).collect();
    let init_noise_sigma = space.init_noise_sigma(&sigmas);
    let mut sigmas = doubled_but_first(&sigmas);
    sigmas.pop();
    let schedule = Schedule::in_sigma_space(steps, timesteps, sigmas, init_noise_sigma).with_order(2);
    Ok(Box::new(Heun { schedule, prediction, bounds, first: None }))
}

/// `[a, b, c]` to `[a, b, b, c, c]`.
fn doubled_but_first<T: Copy>(values: &[T]) -> Vec<T> {
    values.iter().flat_map(|v| [*v, *v]).skip(1).collect()
}

/// The error of a run that was started at an odd index of a two-call scheduler.
pub(super) fn no_first_call(index: usize) -> Error {
    Error::input("first scheduler step index", "an even number: every step makes two network calls", index.to_string())
}

impl Scheduler for Heun {
    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn advance(&mut self, step: Step<'_>) -> Result<Tensor> {
        let sigma = self.schedule.level(step.index)?.noise;
        let denoised = self.prediction.denoised_at_sigma(&step.output, &step.sample, sigma)?;
        let denoised = self.bounds.apply(denoised)?;
        let derivative = scale(&(&step.sample - denoised)?, 1.0 / sigma)?;
        if step.index % 2 == 0 {
            let (_, Level { noise: next, .. }) = self.schedule.step_levels(step.index);
            let predicted = combine(&[(1.0, &step.sample), (next - sigma, &derivative)])?;
            self.first = Some(FirstCall { sample: step.sample, derivative });
            return Ok(predicted);
        }
        let first = self.first.take().ok_or_else(|| no_first_call(step.index))?;
        let dt = sigma - self.schedule.level(step.index - 1)?.noise;
        let derivative = scale(&(first.derivative + derivative)?, 0.5)?;
        combine(&[(1.0, &first.sample), (dt, &derivative)])
    }
}
