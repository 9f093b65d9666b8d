//! Second-order exponential multistep method (RES), plain and ancestral.
//!
//! **Source**: Zhang et al. 2023, *Improved Order Analysis and Design of Exponential Integrator for Diffusion Models
//! Sampling* (<https://arxiv.org/abs/2308.02157>); ComfyUI `res_multistep`. CFG++: Chung et al. 2024
//! (<https://arxiv.org/abs/2406.08070>).

use super::math::{ancestral, combine};
use super::{Method, Run};
use crate::Result;
use candle_core::Tensor;

/// One model call a step; the first step and the step to 0 are Euler's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResMultistep {
    /// Share of noise that is made anew: 0 none, 1 as DDPM.
    pub eta: f64,
    /// Deviation of that noise, 1 keeps the level exact.
    pub s_noise: f64,
    /// Follows the unconditional noise direction (CFG++).
    pub cfg_pp: bool,
}

impl ResMultistep {
    /// `res_multistep` of ComfyUI: deterministic.
    pub const DEFAULT: Self = Self { eta: 0.0, s_noise: 1.0, cfg_pp: false };
}

impl Method for ResMultistep {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        // The previous step's start, where its deterministic part ended, and its base estimate.
        let mut last: Option<(f64, f64, Tensor)> = None;
        for (i, from, to) in run.steps() {
            let estimate = run.estimate_step(i, &x, from, self.cfg_pp)?;
            let (down, up) = ancestral(from, to, self.eta);
            let ratio = down / from;
            x = match &last {
                Some((last_from, last_down, old)) if down > 0.0 => {
                    let h = -ratio.ln();
                    let place = (last_down / last_from).ln() / h; // of the old estimate; the paper's c2
                    let phi_1 = (1.0 - ratio) / h;
                    let phi_2 = (1.0 - phi_1) / h;
                    let old_weight = h * phi_2 / place;
                    let base_weight = h * phi_1 - old_weight - ratio;
                    let guided = [(ratio, &x), (ratio, &estimate.denoised)];
                    combine(&[&guided[..], &[(base_weight, &estimate.base), (old_weight, old)]].concat())?
                }
                _ => combine(&[(1.0, &estimate.denoised), (ratio, &x), (-ratio, &estimate.base)])?,
            };
            x = run.add_noise(x, from, to, up * self.s_noise)?;
            last = Some((from, down, estimate.base));
        }
        Ok(x)
    }
}
