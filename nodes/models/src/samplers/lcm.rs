//! Multistep consistency sampling.
//!
//! **Source**: Luo et al. 2023, *Latent Consistency Models*, algorithm 3 (<https://arxiv.org/abs/2310.04378>); ComfyUI `lcm`.

use super::{Method, Run};
use crate::Result;
use candle_core::Tensor;

/// Takes the model's estimate and noises it again to the next sigma. For models distilled to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lcm {
    /// Deviation of the new noise, 1 keeps the level exact.
    pub s_noise: f64,
}

impl Lcm {
    /// `lcm` of ComfyUI.
    pub const DEFAULT: Self = Self { s_noise: 1.0 };
}

impl Method for Lcm {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        for (i, from, to) in run.steps() {
            let denoised = run.denoise_step(i, &x, from)?;
            x = run.add_noise(denoised, from, to, to * self.s_noise)?;
        }
        Ok(x)
    }
}
