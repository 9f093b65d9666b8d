//! Euler steps, plain and ancestral.
//!
//! **Source**: Karras et al. 2022, *Elucidating the Design Space of Diffusion-Based Generative Models*, algorithm 2
//! (<https://arxiv.org/abs/2206.00364>); k-diffusion `sample_euler`, `sample_euler_ancestral`. CFG++: Chung et al. 2024
//! (<https://arxiv.org/abs/2406.08070>).
//!
//! In sigma space a DDIM step is an Euler step, and DDPM's posterior is an ancestral Euler step with `eta` 1: with
//! `ᾱ = 1 / (1 + σ²)` its mean is `x0 + (x - x0) σ'²/σ²` and its deviation `σ' √(σ² - σ'²) / σ`.

use super::math::{Churn, ancestral, combine, glide};
use super::{Method, Run};
use crate::Result;
use candle_core::Tensor;

/// One model call a step, first order. Serves `euler` and `ddim`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Euler {
    /// Extra noise before each step.
    pub churn: Churn,
}

impl Euler {
    /// Deterministic.
    pub const DEFAULT: Self = Self { churn: Churn::NONE };
}

impl Method for Euler {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        for (i, from, to) in run.steps() {
            let (noisy, sigma) = self.churn.apply(run, x, from)?;
            let denoised = run.denoise_step(i, &noisy, sigma)?;
            x = glide(&noisy, &denoised, to / sigma)?;
        }
        Ok(x)
    }
}

/// Euler with fresh noise after each step. Serves `euler_ancestral`, `ddpm` and the two `euler…cfg_pp`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EulerAncestral {
    /// Share of noise that is made anew: 0 none, 1 as DDPM.
    pub eta: f64,
    /// Deviation of that noise, 1 keeps the level exact.
    pub s_noise: f64,
    /// Follows the unconditional noise direction (CFG++).
    pub cfg_pp: bool,
}

impl EulerAncestral {
    /// `euler_ancestral` of k-diffusion.
    pub const DEFAULT: Self = Self { eta: 1.0, s_noise: 1.0, cfg_pp: false };
}

impl Method for EulerAncestral {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        for (i, from, to) in run.steps() {
            let estimate = run.estimate_step(i, &x, from, self.cfg_pp)?;
            let (down, up) = ancestral(from, to, self.eta);
            let ratio = down / from;
            x = combine(&[(1.0, &estimate.denoised), (ratio, &x), (-ratio, &estimate.base)])?;
            x = run.add_noise(x, from, to, up * self.s_noise)?;
        }
        Ok(x)
    }
}
