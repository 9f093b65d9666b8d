//! DDIM: the implicit model, with as much fresh noise as `eta` says.
//!
//! **Source**: equations 12 and 16 of <https://arxiv.org/abs/2010.02502>; checked against diffusers 0.42.1.

use super::alpha_space::AlphaSpace;
use super::config::Config;
use super::prediction::{Bounds, combine};
use super::schedule::{Level, Schedule};
use super::training::{Training, TrainingDefaults, ZeroSnr};
use super::{Scheduler, Step};
use crate::Result;
use candle_core::Tensor;

struct Ddim {
    space: AlphaSpace,
    bounds: Bounds,
    final_alpha: f32,
    /// The distance of two steps in training timesteps.
    stride: i64,
    eta: f32,
}

pub(super) fn build(config: &Config, steps: usize, eta: Option<f64>) -> Result<Box<dyn Scheduler>> {
    let training = Training::read(config, &TrainingDefaults::COMMON.with_zero_snr(ZeroSnr::Exact))?;
    Ok(Box::new(Ddim {
        bounds: Bounds::read(config, true)?,
        final_alpha: training.final_alpha(config.flag("set_alpha_to_one", true)?),
        stride: (training.len() / steps) as i64,
        eta: eta.unwrap_or(0.0) as f32,
        space: AlphaSpace::spaced(config, training, steps)?,
    }))
}

impl Scheduler for Ddim {
    fn schedule(&self) -> &Schedule {
        &self.space.schedule
    }

    fn advance(&mut self, mut step: Step<'_>) -> Result<Tensor> {
        let AlphaSpace { training, timesteps, prediction, .. } = &self.space;
        let t = timesteps[step.index];
        let alpha = training.alpha(t)?;
        let next = training.alpha_or(t - self.stride, self.final_alpha)?;
        let (from, to) = (Level::from_alpha_cumprod(alpha), Level::from_alpha_cumprod(next));
        let denoised = self.bounds.apply(prediction.denoised(&step.output, &step.sample, from)?)?;
        let epsilon = prediction.epsilon(&step.output, &step.sample, from)?;
        let variance = (1.0 - next) / (1.0 - alpha) * (1.0 - alpha / next);
        let deviation = self.eta * variance.sqrt();
        let direction = (1.0 - next - deviation * deviation).sqrt();
        let next = combine(&[(to.signal, &denoised), (direction, &epsilon)])?;
        if self.eta == 0.0 {
            return Ok(next);
        }
        let noise = step.noise(from, to)?;
        combine(&[(1.0, &next), (deviation, &noise)])
    }
}
