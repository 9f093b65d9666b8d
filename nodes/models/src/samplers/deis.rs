//! Diffusion exponential integrator sampler: slopes extrapolated in the VP time `t`, integrated over sigma.
//!
//! **Source**: Zhang and Chen 2022, *Fast Sampling of Diffusion Models with Exponential Integrator*, tAB-DEIS
//! (<https://arxiv.org/abs/2204.13902>); the discretisation of <https://github.com/zju-pi/diff-sampler>, as ComfyUI has it:
//! a VP schedule through sigma 0.002 at `t` = 0.001 and sigma 80 at `t` = 1, and sums over 10 000 points.

use super::lms::lagrange;
use super::math::{AddScaled, slope};
use super::{Method, Run};
use crate::{Error, Result};
use candle_core::Tensor;

/// Points of the sum that stands for the integral; its error (about 1e-4) is part of the reference's pictures.
const POINTS: usize = 10_000;

/// One model call a step, order up to 4; the step to 0 takes the model's estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deis {
    /// How many slopes are used, 1 to 4.
    pub max_order: usize,
}

impl Deis {
    /// `deis` of ComfyUI.
    pub const DEFAULT: Self = Self { max_order: 3 };
}

impl Method for Deis {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        if !(1..=4).contains(&self.max_order) {
            return Err(Error::input("max_order of deis", "1 to 4", self.max_order.to_string()));
        }
        let vp = Vp::new();
        let times: Vec<f64> = run.sigmas.iter().map(|s| vp.time(*s)).collect();
        let mut slopes: Vec<Tensor> = Vec::new(); // newest first
        for (i, from, to) in run.steps() {
            let denoised = run.denoise_step(i, &x, from)?;
            if to == 0.0 {
                return Ok(denoised);
            }
            slopes.insert(0, slope(&x, &denoised, from)?);
            slopes.truncate(self.max_order);
            if slopes.len() == 1 {
                x = x.plus(to - from, &slopes[0])?;
                continue;
            }
            let nodes: Vec<f64> = times[..=i].iter().rev().take(slopes.len()).copied().collect();
            for (weight, slope) in vp.weights(&nodes, times[i + 1]).into_iter().zip(&slopes) {
                x = x.plus(weight, slope)?;
            }
        }
        Ok(x)
    }
}

/// The continuous VP schedule `sigma² = exp(d t²/2 + b t) - 1`.
struct Vp {
    /// `b`.
    beta_min: f64,
    /// `d`.
    beta_d: f64,
}

impl Vp {
    fn new() -> Self {
        let (eps, low, high) = (1e-3, (1.0 + 0.002f64.powi(2)).ln(), (1.0 + 80f64.powi(2)).ln());
        let beta_d = 2.0 * (low / eps - high) / (eps - 1.0);
        Self { beta_min: high - 0.5 * beta_d, beta_d }
    }

    fn time(&self, sigma: f64) -> f64 {
        ((self.beta_min.powi(2) + 2.0 * self.beta_d * (sigma * sigma).ln_1p()).sqrt() - self.beta_min) / self.beta_d
    }

    /// `dsigma/dt`.
    fn sigma_rate(&self, t: f64) -> f64 {
        let log_alpha = -t * (0.5 * self.beta_d * t + self.beta_min);
        let alpha = log_alpha.exp();
        0.5 * (self.beta_d * t + self.beta_min) / (alpha * -log_alpha.exp_m1()).sqrt()
    }

    /// The integral over sigma of each Lagrange polynomial on `nodes` (newest first), from the newest node to `end`.
    fn weights(&self, nodes: &[f64], end: f64) -> Vec<f64> {
        let start = nodes[0];
        let mut weights = vec![0.0; nodes.len()];
        for point in 0..POINTS {
            let t = start + (end - start) * point as f64 / (POINTS - 1) as f64;
            let width = self.sigma_rate(t) * (end - start) / POINTS as f64;
            for (j, weight) in weights.iter_mut().enumerate() {
                *weight += width * lagrange(nodes, j, t);
            }
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_rate_fit_the_schedule() {
        let vp = Vp::new();
        assert!((vp.time(0.002) - 1e-3).abs() < 1e-9 && (vp.time(80.0) - 1.0).abs() < 1e-9);
        let (sigma, step) = (3.0, 1e-5);
        let slope = (sigma + step - (sigma - step)) / (vp.time(sigma + step) - vp.time(sigma - step));
        assert!((slope / vp.sigma_rate(vp.time(sigma)) - 1.0).abs() < 1e-6);
        // Constants integrate to the step in sigma, up to the sum's error.
        let total: f64 = vp.weights(&[vp.time(3.0), vp.time(5.0)], vp.time(2.0)).iter().sum();
        assert!((total + 1.0).abs() < 1e-3);
    }
}
