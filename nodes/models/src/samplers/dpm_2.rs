//! A midpoint method in `ln sigma`, plain and ancestral.
//!
//! **Source**: k-diffusion `sample_dpm_2`, `sample_dpm_2_ancestral`, after DPM-Solver-2 (Lu et al. 2022,
//! <https://arxiv.org/abs/2206.00927>) and Karras et al. 2022, algorithm 2.

use super::math::{AddScaled, Churn, ancestral, glide, slope};
use super::{Method, Run};
use crate::Result;
use candle_core::Tensor;

/// Two model calls a step, second order; a last step to 0 is Euler's.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Dpm2 {
    /// Extra noise before each step.
    pub churn: Churn,
}

impl Dpm2 {
    /// Deterministic.
    pub const DEFAULT: Self = Self { churn: Churn::NONE };
}

impl Method for Dpm2 {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        for (i, from, to) in run.steps() {
            let (noisy, sigma) = self.churn.apply(run, x, from)?;
            let denoised = run.denoise_step(i, &noisy, sigma)?;
            x = midpoint(run, &noisy, &denoised, sigma, to)?;
        }
        Ok(x)
    }
}

/// [`Dpm2`] with fresh noise after each step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dpm2Ancestral {
    /// Share of noise that is made anew: 0 none, 1 as DDPM.
    pub eta: f64,
    /// Deviation of that noise, 1 keeps the level exact.
    pub s_noise: f64,
}

impl Dpm2Ancestral {
    /// `dpm_2_ancestral` of k-diffusion.
    pub const DEFAULT: Self = Self { eta: 1.0, s_noise: 1.0 };
}

impl Method for Dpm2Ancestral {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        for (i, from, to) in run.steps() {
            let denoised = run.denoise_step(i, &x, from)?;
            let (down, up) = ancestral(from, to, self.eta);
            x = midpoint(run, &x, &denoised, from, down)?;
            x = run.add_noise(x, from, to, up * self.s_noise)?;
        }
        Ok(x)
    }
}

/// Goes all the way with the slope found halfway, in `ln sigma`; straight to `denoised` if the end is 0.
fn midpoint(run: &mut Run<'_>, x: &Tensor, denoised: &Tensor, from: f64, to: f64) -> Result<Tensor> {
    if to == 0.0 {
        return Ok(denoised.clone());
    }
    let middle = (from * to).sqrt();
    let halfway = glide(x, denoised, middle / from)?;
    let steeper = slope(&halfway, &run.denoise(&halfway, middle)?, middle)?;
    x.plus(to - from, &steeper)
}
