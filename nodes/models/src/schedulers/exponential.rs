//! The exponential integrators behind DPM-Solver: what the network's results are multiplied with over one step.
//!
//! **Source**: `dpmsolver`: <https://arxiv.org/abs/2206.00927>; `dpmsolver++` and its SDE form: <https://arxiv.org/abs/2211.01095>
//! (algorithms 1 and 2, appendix B); `sde-dpmsolver` and the third orders: diffusers 0.42.1, against which all are checked.

use super::config::Config;
use super::prediction::{Bounds, Prediction, epsilon_from_denoised};
use super::schedule::Level;
use crate::Result;
use candle_core::Tensor;

/// Which equation is solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// The flow, by its noise.
    DpmSolver,
    /// The flow, by its clean picture.
    DpmSolverPp,
    /// The diffusion, by its noise.
    SdeDpmSolver,
    /// The diffusion, by its clean picture.
    SdeDpmSolverPp,
}

/// How a second-order step uses the change of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SolverType {
    Midpoint,
    Heun,
}

impl SolverType {
    /// Reads `solver_type`; the names of other solvers mean the default, as in diffusers, where classes are switched by
    /// handing over the settings.
    pub fn read(config: &Config) -> Result<Self> {
        let names = [
            ("midpoint", Self::Midpoint),
            ("heun", Self::Heun),
            ("logrho", Self::Midpoint),
            ("bh1", Self::Midpoint),
            ("bh2", Self::Midpoint),
        ];
        config.choice("solver_type", &names, Self::Midpoint)
    }
}

impl Algorithm {
    /// Reads `algorithm_type`, for a class that knows `more` than the three of both; one that integrates the noise cannot
    /// step to `last_sigma` 0.
    pub fn read(config: &Config, more: &[(&str, Self)], last_sigma: f64) -> Result<Self> {
        let mut names = vec![
            ("dpmsolver++", Self::DpmSolverPp),
            ("sde-dpmsolver++", Self::SdeDpmSolverPp),
            ("dpmsolver", Self::DpmSolver),
            // What a DEIS scheduler's settings mean here.
            ("deis", Self::DpmSolverPp),
        ];
        names.extend(more);
        let algorithm = config.choice("algorithm_type", &names, Self::DpmSolverPp)?;
        if !algorithm.is_plus_plus() && last_sigma == 0.0 {
            let message = "zero does not go with an algorithm_type that integrates the noise, choose sigma_min";
            return Err(config.error("final_sigmas_type", message));
        }
        Ok(algorithm)
    }

    pub fn is_sde(self) -> bool {
        matches!(self, Self::SdeDpmSolver | Self::SdeDpmSolverPp)
    }

    /// Whether it integrates the clean picture.
    pub fn is_plus_plus(self) -> bool {
        matches!(self, Self::DpmSolverPp | Self::SdeDpmSolverPp)
    }

    /// What is integrated: the clean picture or the noise, the picture within `bounds`.
    pub fn convert(
        self,
        prediction: Prediction,
        bounds: Bounds,
        output: &Tensor,
        sample: &Tensor,
        level: Level,
    ) -> Result<Tensor> {
        if !self.is_plus_plus() && bounds == Bounds::None {
            return prediction.epsilon(output, sample, level);
        }
        let denoised = bounds.apply(prediction.denoised(output, sample, level)?)?;
        if self.is_plus_plus() { Ok(denoised) } else { epsilon_from_denoised(&denoised, sample, level) }
    }
}

/// The factors of one step: of the sample, of the result it starts with, and of that result's differences.
#[derive(Debug, Clone, Copy)]
pub(super) struct Factors {
    pub sample: f32,
    pub result: f32,
    /// Of the first difference, by the midpoint rule.
    pub slope_midpoint: f32,
    /// Of the first difference, by its exact integral.
    pub slope: f32,
    /// Of the second difference, by its exact integral.
    pub curve: f32,
    /// Of fresh noise; 0 for the flow.
    pub noise: f32,
}

impl Factors {
    /// Those for a step between two levels, in f32 as diffusers computes them. To a level without noise only `sample`,
    /// `result` and `noise` are finite.
    pub fn new(algorithm: Algorithm, from: Level, to: Level) -> Self {
        let h = to.lambda() - from.lambda();
        match algorithm {
            Algorithm::DpmSolverPp => {
                let e = (-h).exp() - 1.0;
                Self {
                    sample: to.noise / from.noise,
                    result: -(to.signal * e),
                    slope_midpoint: -0.5 * (to.signal * e),
                    slope: to.signal * (e / h + 1.0),
                    curve: -(to.signal * ((e + h) / (h * h) - 0.5)),
                    noise: 0.0,
                }
            }
            Algorithm::DpmSolver => {
                let e = h.exp() - 1.0;
                Self {
                    sample: to.signal / from.signal,
                    result: -(to.noise * e),
                    slope_midpoint: -0.5 * (to.noise * e),
                    slope: -(to.noise * (e / h - 1.0)),
                    curve: -(to.noise * ((e - h) / (h * h) - 0.5)),
                    noise: 0.0,
                }
            }
            Algorithm::SdeDpmSolverPp => {
                let e = 1.0 - (-2.0 * h).exp();
                Self {
                    sample: to.noise / from.noise * (-h).exp(),
                    result: to.signal * e,
                    slope_midpoint: 0.5 * (to.signal * e),
                    slope: to.signal * (e / (-2.0 * h) + 1.0),
                    curve: to.signal * ((e - 2.0 * h) / (4.0 * h * h) - 0.5),
                    noise: to.noise * e.sqrt(),
                }
            }
            // Of third order it is not defined, so that it has no `curve`.
            Algorithm::SdeDpmSolver => {
                let e = h.exp() - 1.0;
                Self {
                    sample: to.signal / from.signal,
                    result: -2.0 * (to.noise * e),
                    slope_midpoint: -(to.noise * e),
                    slope: -2.0 * (to.noise * (e / h - 1.0)),
                    curve: 0.0,
                    noise: to.noise * ((2.0 * h).exp() - 1.0).sqrt(),
                }
            }
        }
    }
}

/// Reads `solver_order` for a class that knows 1 to 3.
pub(super) fn read_order(config: &Config) -> Result<usize> {
    match config.count("solver_order", 2)? {
        order @ 1..=3 => Ok(order),
        order => Err(config.error("solver_order", format!("expected 1, 2 or 3, got {order}"))),
    }
}

/// Reads `final_sigmas_type`: the sigma after the last step, zero or `min`.
pub(super) fn read_final_sigma(config: &Config, min: f64) -> Result<f64> {
    config.choice("final_sigmas_type", &[("zero", 0.0), ("sigma_min", min)], 0.0)
}

/// Checks `variance_type`: models that predict their variance have twice the channels.
pub(super) fn refuse_learned_variance(config: &Config) -> Result<()> {
    let fixed = ["fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log"].map(|name| (name, ()));
    config.choice("variance_type", &fixed, ())
}
