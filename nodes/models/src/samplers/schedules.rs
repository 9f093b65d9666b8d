//! Which sigmas to visit: ComfyUI's nine schedules.
//!
//! **Source**: ComfyUI `comfy/samplers.py`; each function names the paper behind it. Numbers are f32 as in the reference,
//! rounded in the same places.

use super::ModelSigmas;
use super::names::find;
use crate::beta::beta_quantile;
use crate::schedulers::linspace_f32;
use crate::{Error, Result};

/// A schedule under its ComfyUI name, with ComfyUI's default options.
pub struct Schedule {
    /// ComfyUI's name for it.
    pub name: &'static str,
    /// One line for people.
    pub doc: &'static str,
    build: fn(&ModelSigmas, usize) -> Vec<f64>,
}

impl Schedule {
    /// The schedule of that name.
    ///
    /// # Errors
    /// That there is none, with the nearest name.
    pub fn from_name(name: &str) -> Result<&'static Self> {
        find(SCHEDULES, "schedule", name, |s| s.name)
    }

    /// The sigmas for about `steps` steps, falling, with 0 at the end.
    ///
    /// `ddim_uniform` may give some steps more, `beta` fewer. `kl_optimal` with one step gives NaN, as the reference does;
    /// [`super::sample`] refuses that.
    ///
    /// # Errors
    /// When `steps` is 0.
    pub fn sigmas(&self, model: &ModelSigmas, steps: usize) -> Result<Vec<f64>> {
        if steps == 0 {
            return Err(Error::input("steps", "at least 1", "0"));
        }
        Ok((self.build)(model, steps))
    }
}

impl std::fmt::Debug for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Schedule({})", self.name)
    }
}

/// All schedules, in ComfyUI's order.
pub static SCHEDULES: &[Schedule] = &[
    Schedule { name: "simple", doc: "evenly spaced entries of the model's own sigmas", build: simple },
    Schedule { name: "sgm_uniform", doc: "even timesteps without the lowest", build: sgm_uniform },
    Schedule {
        name: "karras",
        doc: "more steps at low noise; the usual choice for DPM++ samplers",
        build: |model, steps| karras(steps, model.sigma_min(), model.sigma_max(), 7.0),
    },
    Schedule {
        name: "exponential",
        doc: "even in ln sigma",
        build: |model, steps| exponential(steps, model.sigma_min(), model.sigma_max()),
    },
    Schedule { name: "ddim_uniform", doc: "even timesteps counted from the lowest, as DDIM", build: ddim_uniform },
    Schedule { name: "beta", doc: "more steps at both ends", build: |model, steps| beta(model, steps, 0.6, 0.6) },
    Schedule { name: "normal", doc: "even timesteps from the highest to the lowest", build: normal },
    Schedule {
        name: "linear_quadratic",
        doc: "small even steps first, then growing ones; made for video models",
        build: |model, steps| linear_quadratic(steps, model.sigma_max(), 0.025),
    },
    Schedule {
        name: "kl_optimal",
        doc: "even in the arc tangent of sigma",
        build: |model, steps| kl_optimal(steps, model.sigma_min(), model.sigma_max()),
    },
];

fn normal(model: &ModelSigmas, steps: usize) -> Vec<f64> {
    let (start, end) = timestep_range(model);
    ending_at_zero(linspace_f32(start, end, steps).into_iter().map(|t| model.timestep_to_sigma(f64::from(t))))
}

fn sgm_uniform(model: &ModelSigmas, steps: usize) -> Vec<f64> {
    let (start, end) = timestep_range(model);
    ending_at_zero(
        linspace_f32(start, end, steps + 1).into_iter().take(steps).map(|t| model.timestep_to_sigma(f64::from(t))),
    )
}

fn simple(model: &ModelSigmas, steps: usize) -> Vec<f64> {
    let table = model.sigmas();
    let stride = table.len() as f64 / steps as f64;
    ending_at_zero((0..steps).map(|i| f64::from(table[table.len() - 1 - (i as f64 * stride) as usize])))
}

fn ddim_uniform(model: &ModelSigmas, steps: usize) -> Vec<f64> {
    let table = model.sigmas();
    let stride = (table.len() / steps).max(1);
    let rising: Vec<f64> = table.iter().skip(1).step_by(stride).map(|s| f64::from(*s)).collect();
    ending_at_zero(rising.into_iter().rev())
}

/// Karras et al. 2022, equation 5 (<https://arxiv.org/abs/2206.00364>): even in `sigma^(1/rho)`, then 0.
#[must_use]
pub fn karras(steps: usize, sigma_min: f64, sigma_max: f64, rho: f64) -> Vec<f64> {
    let (low, high) = (sigma_min.powf(1.0 / rho), sigma_max.powf(1.0 / rho));
    let (start, change) = (high as f32, (low - high) as f32);
    ending_at_zero(
        linspace_f32(0.0, 1.0, steps).into_iter().map(|ramp| f64::from((start + ramp * change).powf(rho as f32))),
    )
}

/// Even in `ln sigma`, then 0 (k-diffusion `get_sigmas_exponential`).
#[must_use]
pub fn exponential(steps: usize, sigma_min: f64, sigma_max: f64) -> Vec<f64> {
    ending_at_zero(
        linspace_f32(sigma_max.ln() as f32, sigma_min.ln() as f32, steps).into_iter().map(|log| f64::from(log.exp())),
    )
}

/// Timesteps at even quantiles of a beta distribution, then 0 (Lee et al. 2024, *Beta Sampling is All You Need*,
/// <https://arxiv.org/abs/2407.12173>); repeated timesteps are left out. `alpha` and `beta` are positive.
#[must_use]
pub fn beta(model: &ModelSigmas, steps: usize, alpha: f64, beta: f64) -> Vec<f64> {
    let table = model.sigmas();
    let last = (table.len() - 1) as f64;
    let share = |i: usize| 1.0 - i as f64 * (1.0 / steps as f64);
    let mut places: Vec<usize> =
        (0..steps).map(|i| (beta_quantile(share(i), alpha, beta) * last).round_ties_even() as usize).collect();
    places.dedup();
    ending_at_zero(places.into_iter().map(|place| f64::from(table[place])))
}

/// Half of the steps go evenly down by the share `threshold_noise`, the others quadratically to 0.
///
/// From Genmo's Mochi (<https://github.com/genmoai/models>, `infer.py`).
#[must_use]
pub fn linear_quadratic(steps: usize, sigma_max: f64, threshold_noise: f64) -> Vec<f64> {
    let scaled = |done: f64| f64::from((1.0 - done) as f32 * sigma_max as f32);
    let linear = steps / 2;
    if linear == 0 {
        return ending_at_zero([scaled(0.0)].into_iter());
    }
    let (n, quadratic) = (linear as f64, (steps - linear) as f64);
    let slope = threshold_noise / n;
    // The parabola starts with the line's value at `linear` and reaches 1 at `steps`.
    let missing = n - threshold_noise * steps as f64;
    let square = missing / (n * quadratic * quadratic);
    let line = slope - 2.0 * missing / (quadratic * quadratic);
    let done = |i: usize| {
        let at = i as f64;
        if i < linear { at * slope } else { square * at * at + line * at + square * n * n }
    };
    ending_at_zero((0..steps).map(|i| scaled(done(i))))
}

/// Even in `atan sigma`, then 0 (Sabour et al. 2024, *Align Your Steps*, theorem 3.1, <https://arxiv.org/abs/2404.14507>).
/// One step gives NaN, as in the reference.
#[must_use]
pub fn kl_optimal(steps: usize, sigma_min: f64, sigma_max: f64) -> Vec<f64> {
    let (low, high) = (sigma_min.atan() as f32, sigma_max.atan() as f32);
    let ramp = |i: usize| i as f32 / (steps as f32 - 1.0);
    ending_at_zero((0..steps).map(|i| f64::from((ramp(i) * low + (1.0 - ramp(i)) * high).tan())))
}

fn timestep_range(model: &ModelSigmas) -> (f32, f32) {
    let timestep = |sigma| model.sigma_to_timestep(sigma) as f32;
    (timestep(model.sigma_max()), timestep(model.sigma_min()))
}

fn ending_at_zero(sigmas: impl Iterator<Item = f64>) -> Vec<f64> {
    sigmas.chain([0.0]).collect()
}
