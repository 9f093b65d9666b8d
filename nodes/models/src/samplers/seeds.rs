//! SEEDS: stochastic explicit exponential derivative-free solvers, two and three stages.
//!
//! **Source**: Gonzalez et al. 2023, *SEEDS: Exponential SDE Solvers for Fast High-Quality Sampling from Diffusion
//! Models* (<https://arxiv.org/abs/2305.14267>), predicting data; ComfyUI `seeds_2` and `seeds_3`.
//!
//! The noise of a step is built up over its stages, so that later stages continue the same path.

use super::math::{combine, glide};
use super::{Method, Run};
use crate::{Error, Result};
use candle_core::Tensor;

/// Two model calls and two draws of noise a step; the step to 0 takes the model's estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seeds2 {
    /// Strength of the noise: 0 none, 1 as DDPM.
    pub eta: f64,
    /// Deviation of that noise, 1 keeps the level exact.
    pub s_noise: f64,
    /// Where the second model call is, as a share of the step in `ln sigma`, in (0, 1].
    pub r: f64,
}

impl Seeds2 {
    /// `seeds_2` of ComfyUI.
    pub const DEFAULT: Self = Self { eta: 1.0, s_noise: 1.0, r: 0.5 };
}

impl Method for Seeds2 {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        if !(self.r > 0.0 && self.r <= 1.0) {
            return Err(Error::input("r of seeds_2", "a number in (0, 1]", self.r.to_string()));
        }
        for (i, from, to) in run.steps() {
            let first = run.denoise_step(i, &x, from)?;
            if to == 0.0 {
                return Ok(first);
            }
            let h = (from / to).ln();
            let inner = from * (-self.r * h).exp();
            let mut path = NoisePath { eta: self.eta, s_noise: self.s_noise, sigma: from, noise: None };

            let state = glide(&x, &first, (-self.r * h * (1.0 + self.eta)).exp())?;
            let state = path.lift(run, state, inner)?;
            let second = run.denoise(&state, inner)?;

            let weight = 1.0 / (2.0 * self.r);
            let mixed = combine(&[(1.0 - weight, &first), (weight, &second)])?;
            let state = glide(&x, &mixed, (-h * (1.0 + self.eta)).exp())?;
            x = path.lift(run, state, to)?;
        }
        Ok(x)
    }
}

/// Three model calls and three draws of noise a step; the step to 0 takes the model's estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seeds3 {
    /// Strength of the noise: 0 none, 1 as DDPM.
    pub eta: f64,
    /// Deviation of that noise, 1 keeps the level exact.
    pub s_noise: f64,
    /// Where the second model call is, as a share of the step in `ln sigma`.
    pub r1: f64,
    /// Where the third model call is; `0 < r1 < r2 <= 1`.
    pub r2: f64,
}

impl Seeds3 {
    /// `seeds_3` of ComfyUI.
    pub const DEFAULT: Self = Self { eta: 1.0, s_noise: 1.0, r1: 1.0 / 3.0, r2: 2.0 / 3.0 };
}

impl Method for Seeds3 {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        let Self { eta, s_noise, r1, r2 } = *self;
        if !(r1 > 0.0 && r1 < r2 && r2 <= 1.0) {
            return Err(Error::input("r1 and r2 of seeds_3", "0 < r1 < r2 <= 1", format!("{r1} and {r2}")));
        }
        for (i, from, to) in run.steps() {
            let first = run.denoise_step(i, &x, from)?;
            if to == 0.0 {
                return Ok(first);
            }
            let h = (from / to).ln();
            let h_noisy = h * (1.0 + eta);
            let (sigma1, sigma2) = (from * (-r1 * h).exp(), from * (-r2 * h).exp());
            let mut path = NoisePath { eta, s_noise, sigma: from, noise: None };

            let state = glide(&x, &first, (-r1 * h_noisy).exp())?;
            let state = path.lift(run, state, sigma1)?;
            let second = run.denoise(&state, sigma1)?;

            let state = trend_step(&x, &first, &second, r2 * h_noisy, r2 / r1)?;
            let state = path.lift(run, state, sigma2)?;
            let third = run.denoise(&state, sigma2)?;

            let state = trend_step(&x, &first, &third, h_noisy, 1.0 / r2)?;
            x = path.lift(run, state, to)?;
        }
        Ok(x)
    }
}

/// A step of length `h` in `-ln sigma` for data that changes from `first` towards `later`, `slope` times over the step.
fn trend_step(x: &Tensor, first: &Tensor, later: &Tensor, h: f64, slope: f64) -> Result<Tensor> {
    let decay = (-h).exp();
    let later_weight = slope * (1.0 - (1.0 - decay) / h); // φ₂
    combine(&[(decay, x), (1.0 - decay - later_weight, first), (later_weight, later)])
}

/// The noise of one step, carried from stage to stage.
struct NoisePath {
    eta: f64,
    s_noise: f64,
    /// Where it has been drawn up to.
    sigma: f64,
    noise: Option<Tensor>,
}

impl NoisePath {
    /// Continues the noise to `sigma` and adds it to the state there.
    fn lift(&mut self, run: &mut Run<'_>, state: Tensor, sigma: f64) -> Result<Tensor> {
        if self.eta == 0.0 || self.s_noise == 0.0 || sigma == self.sigma {
            return Ok(state);
        }
        let segment = self.eta * (self.sigma / sigma).ln();
        let fresh_weight = (-(-2.0 * segment).exp_m1()).sqrt();
        let fresh = run.draw(&state, self.sigma, sigma)?;
        let noise = match &self.noise {
            None => (fresh * fresh_weight)?,
            Some(old) => combine(&[((-segment).exp(), old), (fresh_weight, &fresh)])?,
        };
        self.sigma = sigma;
        let state = combine(&[(1.0, &state), (sigma * self.s_noise, &noise)])?;
        self.noise = Some(noise);
        Ok(state)
    }
}
