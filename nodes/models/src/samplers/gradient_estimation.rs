//! Gradient estimation: Euler with an extrapolated slope.
//!
//! **Source**: Permenter and Yuan 2024, *Interpreting and Improving Diffusion Models from an Optimization Perspective*,
//! algorithm 2 (<https://openreview.net/pdf?id=o2ND9v0CeK>); ComfyUI `gradient_estimation`. CFG++: Chung et al. 2024
//! (<https://arxiv.org/abs/2406.08070>).

use super::math::{AddScaled, combine, slope};
use super::{Method, Run};
use crate::Result;
use candle_core::Tensor;

/// One model call a step; the step to 0 takes the model's estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradientEstimation {
    /// Weight of the new slope against the last one, from 1 (Euler) to 5.
    pub gamma: f64,
    /// Follows the unconditional noise direction (CFG++).
    pub cfg_pp: bool,
}

impl GradientEstimation {
    /// `gradient_estimation` of ComfyUI.
    pub const DEFAULT: Self = Self { gamma: 2.0, cfg_pp: false };
}

impl Method for GradientEstimation {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        let mut last: Option<Tensor> = None;
        for (i, from, to) in run.steps() {
            let estimate = run.estimate_step(i, &x, from, self.cfg_pp)?;
            if to == 0.0 {
                return Ok(estimate.denoised);
            }
            let slope = slope(&x, &estimate.base, from)?;
            x = estimate.denoised.plus(to, &slope)?;
            if let Some(old) = &last {
                let weight = (self.gamma - 1.0) * (to - from);
                x = combine(&[(1.0, &x), (weight, &slope), (-weight, old)])?;
            }
            last = Some(slope);
        }
        Ok(x)
    }
}
