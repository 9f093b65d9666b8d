//! DPM-Solver++ for the stochastic equation, single-step second order.
//!
//! **Source**: k-diffusion `sample_dpmpp_sde`, after Lu et al. 2022, *DPM-Solver++* (<https://arxiv.org/abs/2211.01095>).

use super::math::{ancestral, combine, glide};
use super::{Method, Run};
use crate::{Error, Result};
use candle_core::Tensor;

/// Two model calls and two draws of noise a step; the step to 0 takes the model's estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DpmPpSde {
    /// Strength of the noise: 0 none, 1 as DDPM.
    pub eta: f64,
    /// Deviation of that noise, 1 keeps the level exact.
    pub s_noise: f64,
    /// Where the second model call is, as a share of the step in `ln sigma`; above 0.
    pub r: f64,
}

impl DpmPpSde {
    /// `dpmpp_sde` of k-diffusion.
    pub const DEFAULT: Self = Self { eta: 1.0, s_noise: 1.0, r: 0.5 };
}

impl Method for DpmPpSde {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        if !(self.r > 0.0 && self.r.is_finite()) {
            return Err(Error::input("r of dpmpp_sde", "a number above 0", self.r.to_string()));
        }
        for (i, from, to) in run.steps() {
            let denoised = run.denoise_step(i, &x, from)?;
            if to == 0.0 {
                return Ok(denoised);
            }
            let middle = from.powf(1.0 - self.r) * to.powf(self.r);
            let (down, up) = ancestral(from, middle, self.eta);
            let halfway = glide(&x, &denoised, down / from)?;
            let halfway = run.add_noise(halfway, from, middle, up * self.s_noise)?;
            let second = run.denoise(&halfway, middle)?;

            let (down, up) = ancestral(from, to, self.eta);
            let second_weight = 1.0 / (2.0 * self.r);
            let mixed = combine(&[(1.0 - second_weight, &denoised), (second_weight, &second)])?;
            x = glide(&x, &mixed, down / from)?;
            x = run.add_noise(x, from, to, up * self.s_noise)?;
        }
        Ok(x)
    }
}
