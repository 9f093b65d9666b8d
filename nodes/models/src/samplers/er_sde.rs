//! Extended reverse-time SDE solver, three stages.
//!
//! **Source**: Cui et al. 2023, *Elucidating the Solution Space of Extended Reverse-Time SDE for Diffusion Models*,
//! VP ER-SDE-Solver-3 (<https://arxiv.org/abs/2309.06169>), with the noise scale of its recommended SDE 5 as ComfyUI's
//! `er_sde` has it.

use super::math::{combine, glide};
use super::{Method, Run};
use crate::{Error, Result};
use candle_core::Tensor;

/// Points of the sums that stand for the solver's integrals, as upstream.
const POINTS: usize = 200;

/// One model call and one draw of noise a step; the step to 0 takes the model's estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErSde {
    /// Deviation of the noise; 0 adds none.
    pub s_noise: f64,
    /// How many estimates are used, 1 to 3.
    pub max_stage: usize,
}

impl ErSde {
    /// `er_sde` of ComfyUI.
    pub const DEFAULT: Self = Self { s_noise: 1.0, max_stage: 3 };
}

impl Method for ErSde {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        if !(1..=3).contains(&self.max_stage) {
            return Err(Error::input("max_stage of er_sde", "1 to 3", self.max_stage.to_string()));
        }
        let sigmas = run.sigmas;
        let mut last: Option<Tensor> = None;
        let mut last_trend: Option<Tensor> = None;
        for (i, from, to) in run.steps() {
            let denoised = run.denoise_step(i, &x, from)?;
            if to == 0.0 {
                return Ok(denoised);
            }
            let ratio = noise_scale(to) / noise_scale(from);
            x = glide(&x, &denoised, ratio)?;
            let dt = to - from;
            if let Some(old) = last.filter(|_| self.max_stage >= 2) {
                let width = -dt / POINTS as f64;
                let integral = |f: &dyn Fn(f64) -> f64| {
                    let at = |k: usize| to + k as f64 * width;
                    noise_scale(to) * width * (0..POINTS).map(|k| f(at(k)) / noise_scale(at(k))).sum::<f64>()
                };
                let distance = from - sigmas[i - 1];
                let trend = combine(&[(1.0 / distance, &denoised), (-1.0 / distance, &old)])?;
                x = combine(&[(1.0, &x), (dt + integral(&|_| 1.0), &trend)])?;
                if let Some(old) = last_trend.filter(|_| self.max_stage >= 3) {
                    let weight = (dt * dt / 2.0 + integral(&|s| s - from)) / ((from - sigmas[i - 2]) / 2.0);
                    x = combine(&[(1.0, &x), (weight, &trend), (-weight, &old)])?;
                }
                last_trend = Some(trend);
            }
            let amount = (to * to - from * from * ratio * ratio).max(0.0).sqrt();
            x = run.add_noise(x, from, to, amount * self.s_noise)?;
            last = Some(denoised);
        }
        Ok(x)
    }
}

/// `φ(σ) = σ (exp(σ^0.3) + 10)`.
fn noise_scale(sigma: f64) -> f64 {
    sigma * (sigma.powf(0.3).exp() + 10.0)
}
