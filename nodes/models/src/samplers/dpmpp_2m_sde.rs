//! DPM-Solver++(2M) for the stochastic equation.
//!
//! **Source**: Lu et al. 2022, *DPM-Solver++*, SDE-DPM-Solver++(2M) (<https://arxiv.org/abs/2211.01095>); k-diffusion
//! `sample_dpmpp_2m_sde`.

use super::math::{combine, glide};
use super::{Method, Run};
use crate::Result;
use candle_core::Tensor;

/// How the change since the last estimate is weighed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SdeCorrection {
    /// As DPM-Solver++ does.
    Midpoint,
    /// With the exact integral of a linear trend.
    Heun,
}

/// One model call and one draw of noise a step; the step to 0 takes the model's estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DpmPp2MSde {
    /// Strength of the noise: 0 none, 1 as DDPM.
    pub eta: f64,
    /// Deviation of that noise, 1 keeps the level exact.
    pub s_noise: f64,
    /// The second-order term.
    pub correction: SdeCorrection,
}

impl DpmPp2MSde {
    /// `dpmpp_2m_sde` of k-diffusion.
    pub const DEFAULT: Self = Self { eta: 1.0, s_noise: 1.0, correction: SdeCorrection::Midpoint };
}

impl Method for DpmPp2MSde {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        // The previous estimate and its step's length in -ln sigma.
        let mut last: Option<(Tensor, f64)> = None;
        for (i, from, to) in run.steps() {
            let denoised = run.denoise_step(i, &x, from)?;
            if to == 0.0 {
                return Ok(denoised);
            }
            let length = (from / to).ln();
            let noisy_length = length * (1.0 + self.eta);
            let decay = (-noisy_length).exp();
            x = glide(&x, &denoised, decay)?;
            if let Some((old, old_length)) = &last {
                let weight = match self.correction {
                    SdeCorrection::Midpoint => 0.5 * (1.0 - decay),
                    SdeCorrection::Heun => 1.0 - (1.0 - decay) / noisy_length,
                } * length
                    / old_length;
                x = combine(&[(1.0, &x), (weight, &denoised), (-weight, old)])?;
            }
            let amount = to * (-(-2.0 * self.eta * length).exp_m1()).sqrt();
            x = run.add_noise(x, from, to, amount * self.s_noise)?;
            last = Some((denoised, length));
        }
        Ok(x)
    }
}
