//! The linear multistep method: the last derivatives, integrated over the step as a polynomial of sigma.
//!
//! **Source**: `sample_lms` of k-diffusion (<https://github.com/crowsonkb/k-diffusion>), an Adams-Bashforth method of order 4 for
//! uneven steps; checked against diffusers 0.42.1.

use super::config::Config;
use super::history::History;
use super::prediction::{Prediction, combine, scale};
use super::reshape::Reshape;
use super::schedule::Schedule;
use super::sigma_space::SigmaSpace;
use super::training::{Training, TrainingDefaults};
use super::{Scheduler, Step};
use crate::Result;
use candle_core::Tensor;

const ORDER: usize = 4;

struct Lms {
    schedule: Schedule,
    prediction: Prediction,
    derivatives: History,
}

pub(super) fn build(config: &Config, steps: usize, _eta: Option<f64>) -> Result<Box<dyn Scheduler>> {
    let training = Training::read(config, &TrainingDefaults::COMMON)?;
    let prediction = Prediction::read(config)?;
    let mut space = SigmaSpace::read(config, &training, steps)?;
    space.reshape(Reshape::read(config)?, None, None);
    let sigmas = space.ending_at(0.0);
    let init_noise_sigma = space.init_noise_sigma(&sigmas);
    let timesteps = space.timesteps.iter().map(|t| f64::from(*t as f32)).collect();
    let schedule = Schedule::in_sigma_space(steps, timesteps, sigmas, init_noise_sigma);
    Ok(Box::new(Lms { schedule, prediction, derivatives: History::new(ORDER) }))
}

/// The factors of the derivatives at `sigmas` (newest first, at most four) when their interpolating polynomial is
/// integrated from the newest sigma to `next`.
fn coefficients(sigmas: &[f64], next: f64) -> Vec<f32> {
    let lagrange = |of: usize, at: f64| -> f64 {
        let others = sigmas.iter().enumerate().filter(|(k, _)| *k != of);
        others.map(|(_, s)| (at - s) / (sigmas[of] - s)).product()
    };
    // Gauss-Legendre with two points is exact up to cubics.
    let (middle, half) = ((sigmas[0] + next) / 2.0, (next - sigmas[0]) / 2.0);
    let offset = half / 3f64.sqrt();
    let integral = |of| half * (lagrange(of, middle - offset) + lagrange(of, middle + offset));
    (0..sigmas.len()).map(|of| integral(of) as f32).collect()
}

impl Scheduler for Lms {
    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn advance(&mut self, step: Step<'_>) -> Result<Tensor> {
        let (from, to) = self.schedule.step_levels(step.index);
        let denoised = self.prediction.denoised_at_sigma(&step.output, &step.sample, from.noise)?;
        self.derivatives.push(scale(&(&step.sample - denoised)?, 1.0 / from.noise)?);
        // In a run that was started late the first factors are those of the full order, as in diffusers: the missing
        // derivatives are left out.
        let order = ORDER.min(step.index + 1);
        let sigma = |age: usize| Ok(f64::from(self.schedule.level(step.index - age)?.noise));
        let sigmas = (0..order).map(sigma).collect::<Result<Vec<f64>>>()?;
        let factors = coefficients(&sigmas, f64::from(to.noise));
        let terms = factors.into_iter().zip(self.derivatives.iter());
        let terms: Vec<(f32, &Tensor)> = std::iter::once((1.0, &step.sample)).chain(terms).collect();
        combine(&terms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_steps_give_adams_bashforth() {
        let factors = coefficients(&[3.0, 2.0, 1.0, 0.0], 4.0);
        let expected = [55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0];
        assert!(factors.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{factors:?}");
    }
}
