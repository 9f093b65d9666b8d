//! DPM-Solver++(2S) with ancestral noise.
//!
//! **Source**: Lu et al. 2022, *DPM-Solver++*, algorithm 1 (<https://arxiv.org/abs/2211.01095>) with `r` = 1/2; k-diffusion
//! `sample_dpmpp_2s_ancestral`. CFG++: Chung et al. 2024 (<https://arxiv.org/abs/2406.08070>), as in ComfyUI.

use super::math::{ancestral, combine, glide};
use super::{Method, Run};
use crate::Result;
use candle_core::Tensor;

/// Two model calls a step; the step to 0 has one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DpmPp2SAncestral {
    /// Share of noise that is made anew: 0 none, 1 as DDPM.
    pub eta: f64,
    /// Deviation of that noise, 1 keeps the level exact.
    pub s_noise: f64,
    /// Follows the unconditional noise direction (CFG++).
    pub cfg_pp: bool,
}

impl DpmPp2SAncestral {
    /// `dpmpp_2s_ancestral` of k-diffusion.
    pub const DEFAULT: Self = Self { eta: 1.0, s_noise: 1.0, cfg_pp: false };
}

impl Method for DpmPp2SAncestral {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        for (i, from, to) in run.steps() {
            let estimate = run.estimate_step(i, &x, from, self.cfg_pp)?;
            let (down, up) = ancestral(from, to, self.eta);
            let base = if down == 0.0 {
                estimate.base.clone()
            } else {
                let middle = (from * down).sqrt();
                let halfway = glide(&x, &estimate.base, middle / from)?;
                run.estimate(&halfway, middle, self.cfg_pp)?.base
            };
            x = glide(&x, &base, down / from)?;
            x = run.add_noise(x, from, to, up * self.s_noise)?;
            if self.cfg_pp {
                x = combine(&[(1.0, &x), (1.0, &estimate.denoised), (-1.0, &estimate.base)])?;
            }
        }
        Ok(x)
    }
}
