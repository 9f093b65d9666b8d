//! DPM-Solver++(2M): second order from one model call a step.
//!
//! **Source**: Lu et al. 2022, *DPM-Solver++*, algorithm 2 (<https://arxiv.org/abs/2211.01095>); k-diffusion
//! `sample_dpmpp_2m`. CFG++: Chung et al. 2024 (<https://arxiv.org/abs/2406.08070>), as in ComfyUI.

use super::math::combine;
use super::{Method, Run};
use crate::Result;
use candle_core::Tensor;

/// Extrapolates from the last two estimates; the first step and a last one to 0 are first order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DpmPp2M {
    /// Follows the unconditional noise direction (CFG++).
    pub cfg_pp: bool,
}

impl DpmPp2M {
    /// `dpmpp_2m` of k-diffusion.
    pub const DEFAULT: Self = Self { cfg_pp: false };
}

impl Method for DpmPp2M {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        // The previous step's base estimate and its length in -ln sigma.
        let mut last: Option<(Tensor, f64)> = None;
        for (i, from, to) in run.steps() {
            let estimate = run.estimate_step(i, &x, from, self.cfg_pp)?;
            let ratio = to / from;
            let length = -ratio.ln(); // infinite in a step to 0
            let first_order = [(1.0, &estimate.denoised), (ratio, &x), (-ratio, &estimate.base)];
            x = match &last {
                Some((old, old_length)) if to > 0.0 => {
                    let weight = (1.0 - ratio) * length / (2.0 * old_length);
                    let trend = [(weight, &estimate.denoised), (-weight, old)];
                    combine(&[&first_order[..], &trend].concat())?
                }
                _ => combine(&first_order)?,
            };
            last = Some((estimate.base, length));
        }
        Ok(x)
    }
}
