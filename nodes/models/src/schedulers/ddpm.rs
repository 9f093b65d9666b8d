//! DDPM: the ancestral sampler that the models were first described with.
//!
//! **Source**: equations 6 and 7 of <https://arxiv.org/abs/2006.11239>; checked against diffusers 0.42.1.

use super::alpha_space::AlphaSpace;
use super::config::Config;
use super::prediction::{Bounds, combine};
use super::schedule::{Level, Schedule};
use super::training::{BetaSchedule, Training, TrainingDefaults, ZeroSnr};
use super::{Scheduler, Step};
use crate::Result;
use candle_core::Tensor;

struct Ddpm {
    space: AlphaSpace,
    bounds: Bounds,
    variance: Variance,
}

/// Which variance the added noise has.
#[derive(Debug, Clone, Copy)]
enum Variance {
    /// The posterior's.
    Small,
    /// The posterior's, by way of its logarithm.
    SmallLog,
    /// That of the forward step.
    Large,
}

pub(super) fn build(config: &Config, steps: usize, _eta: Option<f64>) -> Result<Box<dyn Scheduler>> {
    const DEFAULTS: TrainingDefaults = TrainingDefaults {
        more_schedules: &[("laplace", BetaSchedule::Laplace), ("sigmoid", BetaSchedule::Sigmoid)],
        zero_snr: ZeroSnr::Exact,
        ..TrainingDefaults::COMMON
    };
    let training = Training::read(config, &DEFAULTS)?;
    // The learned kinds need a network that predicts its variance, and diffusers' `fixed_large_log` is the root of a
    // negative number.
    let variances =
        [("fixed_small", Variance::Small), ("fixed_small_log", Variance::SmallLog), ("fixed_large", Variance::Large)];
    Ok(Box::new(Ddpm {
        bounds: Bounds::read(config, true)?,
        variance: config.choice("variance_type", &variances, Variance::Small)?,
        space: AlphaSpace::spaced(config, training, steps)?,
    }))
}

impl Scheduler for Ddpm {
    fn schedule(&self) -> &Schedule {
        &self.space.schedule
    }

    fn advance(&mut self, mut step: Step<'_>) -> Result<Tensor> {
        let AlphaSpace { training, timesteps, prediction, .. } = &self.space;
        let t = timesteps[step.index];
        let alpha = training.alpha(t)?;
        let next = timesteps.get(step.index + 1).map_or(Ok(1.0), |t| training.alpha(*t))?;
        let (from, to) = (Level::from_alpha_cumprod(alpha), Level::from_alpha_cumprod(next));
        let denoised = self.bounds.apply(prediction.denoised(&step.output, &step.sample, from)?)?;
        let ratio = alpha / next;
        let beta = 1.0 - ratio;
        let mean = combine(&[
            (next.sqrt() * beta / (1.0 - alpha), &denoised),
            (ratio.sqrt() * (1.0 - next) / (1.0 - alpha), &step.sample),
        ])?;
        if t == 0 {
            return Ok(mean);
        }
        // The floor keeps the logarithm finite in the step to the clean picture.
        let posterior = ((1.0 - next) / (1.0 - alpha) * beta).max(1e-20);
        let deviation = match self.variance {
            Variance::Small => posterior.sqrt(),
            Variance::SmallLog => (0.5 * posterior.ln()).exp(),
            Variance::Large => beta.sqrt(),
        };
        let noise = step.noise(from, to)?;
        combine(&[(1.0, &mean), (deviation, &noise)])
    }
}
