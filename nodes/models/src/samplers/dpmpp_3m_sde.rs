//! DPM-Solver++(3M) for the stochastic equation.
//!
//! **Source**: k-diffusion `sample_dpmpp_3m_sde`, by Katherine Crowson: Lu et al. 2022, *DPM-Solver++*
//! (<https://arxiv.org/abs/2211.01095>) with divided differences of three estimates.

use super::math::{combine, glide};
use super::{Method, Run};
use crate::Result;
use candle_core::Tensor;

/// One model call and one draw of noise a step; the step to 0 takes the model's estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DpmPp3MSde {
    /// Strength of the noise: 0 none, 1 as DDPM.
    pub eta: f64,
    /// Deviation of that noise, 1 keeps the level exact.
    pub s_noise: f64,
}

impl DpmPp3MSde {
    /// `dpmpp_3m_sde` of k-diffusion.
    pub const DEFAULT: Self = Self { eta: 1.0, s_noise: 1.0 };
}

impl Method for DpmPp3MSde {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        // Earlier estimates with their steps' lengths in -ln sigma, newest first.
        let mut last: Vec<(Tensor, f64)> = Vec::new();
        for (i, from, to) in run.steps() {
            let denoised = run.denoise_step(i, &x, from)?;
            if to == 0.0 {
                return Ok(denoised);
            }
            let length = (from / to).ln();
            let noisy_length = length * (1.0 + self.eta);
            let decay = (-noisy_length).exp();
            // Integrals of a linear and a quadratic trend against the exponential.
            let phi_2 = 1.0 - (1.0 - decay) / noisy_length;
            let phi_3 = phi_2 / noisy_length - 0.5;
            x = glide(&x, &denoised, decay)?;
            match &last[..] {
                [] => {}
                [(old, old_length)] => {
                    let weight = phi_2 * length / old_length;
                    x = combine(&[(1.0, &x), (weight, &denoised), (-weight, old)])?;
                }
                [(old, old_length), (older, older_length), ..] => {
                    let (r0, r1) = (old_length / length, older_length / length);
                    let newer_trend = combine(&[(1.0 / r0, &denoised), (-1.0 / r0, old)])?;
                    let older_trend = combine(&[(1.0 / r1, old), (-1.0 / r1, older)])?;
                    let bend = (phi_2 * r0 - phi_3) / (r0 + r1);
                    x = combine(&[(1.0, &x), (phi_2 + bend, &newer_trend), (-bend, &older_trend)])?;
                }
            }
            let amount = to * (-(-2.0 * self.eta * length).exp_m1()).sqrt();
            x = run.add_noise(x, from, to, amount * self.s_noise)?;
            last.insert(0, (denoised, length));
            last.truncate(2);
        }
        Ok(x)
    }
}
