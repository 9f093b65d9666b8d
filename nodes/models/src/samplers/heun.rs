//! Heun's method, and Heun++ with up to three slopes a step.
//!
//! **Source**: Karras et al. 2022, algorithm 2 (<https://arxiv.org/abs/2206.00364>), k-diffusion `sample_heun`;
//! Heun++ 2 is <https://github.com/Carzit/sd-webui-samplers-scheduler>, as ComfyUI's `heunpp2`.

use super::math::{AddScaled, Churn, combine, slope};
use super::{Method, Run};
use crate::Result;
use candle_core::Tensor;

/// Averages the slopes at both ends of a step: two model calls, second order; a last step to 0 is Euler's.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Heun {
    /// Extra noise before each step.
    pub churn: Churn,
}

impl Heun {
    /// Deterministic.
    pub const DEFAULT: Self = Self { churn: Churn::NONE };
}

impl Method for Heun {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        for (i, from, to) in run.steps() {
            let (noisy, sigma) = self.churn.apply(run, x, from)?;
            let denoised = run.denoise_step(i, &noisy, sigma)?;
            let first = slope(&noisy, &denoised, sigma)?;
            let dt = to - sigma;
            let euler = noisy.plus(dt, &first)?;
            x = if to == 0.0 {
                euler
            } else {
                let second = slope(&euler, &run.denoise(&euler, to)?, to)?;
                combine(&[(1.0, &noisy), (dt / 2.0, &first), (dt / 2.0, &second)])?
            };
        }
        Ok(x)
    }
}

/// Looks two steps ahead and weighs slopes by sigma: three model calls a step, two before the last, one in the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeunPp2;

impl Method for HeunPp2 {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        let sigmas = run.sigmas;
        for (i, from, to) in run.steps() {
            let first = slope(&x, &run.denoise_step(i, &x, from)?, from)?;
            let dt = to - from;
            let Some(&next) = sigmas.get(i + 2) else {
                x = x.plus(dt, &first)?;
                continue;
            };
            let ahead = x.plus(dt, &first)?;
            let second = slope(&ahead, &run.denoise(&ahead, to)?, to)?;
            let mean = if sigmas.len() == i + 3 {
                let second_weight = to / (2.0 * sigmas[0]);
                combine(&[(1.0 - second_weight, &first), (second_weight, &second)])?
            } else {
                let further = ahead.plus(next - to, &second)?;
                let third = slope(&further, &run.denoise(&further, next)?, next)?;
                let (second_weight, third_weight) = (to / (3.0 * sigmas[0]), next / (3.0 * sigmas[0]));
                let first_weight = 1.0 - second_weight - third_weight;
                combine(&[(first_weight, &first), (second_weight, &second), (third_weight, &third)])?
            };
            x = x.plus(dt, &mean)?;
        }
        Ok(x)
    }
}
