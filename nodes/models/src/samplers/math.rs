//! What samplers share: weighted sums of tensors, the exact first-order step, ancestral noise.

use super::Run;
use crate::Result;
use candle_core::Tensor;

/// `Σ weight · tensor`. The list must not be empty.
pub(super) fn combine(terms: &[(f64, &Tensor)]) -> Result<Tensor> {
    let (first, rest) = terms.split_first().expect("every caller lists at least one term");
    let start = (first.1 * first.0)?;
    rest.iter().try_fold(start, |sum, (weight, tensor)| sum.plus(*weight, tensor))
}

/// Adding a scaled tensor.
pub(super) trait AddScaled {
    /// `self + weight · other`.
    fn plus(&self, weight: f64, other: &Tensor) -> Result<Tensor>;
}

impl AddScaled for Tensor {
    fn plus(&self, weight: f64, other: &Tensor) -> Result<Tensor> {
        Ok((self + (other * weight)?)?)
    }
}

/// Goes to noise level `ratio · sigma` as if `denoised` were right: `denoised + (x - denoised) · ratio`.
///
/// It is an Euler step of Karras et al. 2022 and the first-order step of DPM-Solver++ alike.
pub(super) fn glide(x: &Tensor, denoised: &Tensor, ratio: f64) -> Result<Tensor> {
    combine(&[(ratio, x), (1.0 - ratio, denoised)])
}

/// The slope `dx/dsigma = (x - denoised) / sigma` (Karras et al. 2022, equation 1 with s = 1).
pub(super) fn slope(x: &Tensor, denoised: &Tensor, sigma: f64) -> Result<Tensor> {
    Ok(((x - denoised)? / sigma)?)
}

/// Splits a step into a deterministic one to the first sigma, and noise of the second that lifts it to `to`.
///
/// `eta` 0 is deterministic, 1 is DDPM's posterior variance (k-diffusion's `get_ancestral_step`; the variance is that of
/// Song et al. 2021, *Denoising Diffusion Implicit Models*, equation 16, in sigma space).
pub(super) fn ancestral(from: f64, to: f64, eta: f64) -> (f64, f64) {
    let up = to.min(eta * to * ((from * from - to * to) / (from * from)).sqrt());
    ((to * to - up * up).sqrt(), up)
}

/// Extra noise before each step (Karras et al. 2022, algorithm 2, <https://arxiv.org/abs/2206.00364>).
///
/// The default adds none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Churn {
    /// `S_churn`: how much, over the whole run; 0 adds none.
    pub amount: f64,
    /// `S_tmin`: the smallest sigma at which noise is added.
    pub sigma_min: f64,
    /// `S_tmax`: the largest sigma at which noise is added.
    pub sigma_max: f64,
    /// `S_noise`: deviation of the noise, 1 keeps the level exact.
    pub s_noise: f64,
}

impl Churn {
    /// Adds no noise.
    pub const NONE: Self = Self { amount: 0.0, sigma_min: 0.0, sigma_max: f64::INFINITY, s_noise: 1.0 };

    /// The state with its raised noise level for a step that starts at `sigma`.
    pub(super) fn apply(&self, run: &mut Run<'_>, x: Tensor, sigma: f64) -> Result<(Tensor, f64)> {
        let inside = (self.sigma_min..=self.sigma_max).contains(&sigma);
        let steps = run.sigmas.len().saturating_sub(1).max(1) as f64;
        let gamma = if inside { (self.amount / steps).min(2f64.sqrt() - 1.0) } else { 0.0 };
        if gamma <= 0.0 {
            return Ok((x, sigma));
        }
        let raised = sigma * (1.0 + gamma);
        let amount = self.s_noise * (raised * raised - sigma * sigma).sqrt();
        Ok((run.add_noise(x, raised, sigma, amount)?, raised))
    }
}

impl Default for Churn {
    fn default() -> Self {
        Self::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ancestral_steps_keep_the_variance() {
        let (down, up) = ancestral(3.0, 2.0, 1.0);
        assert!((down * down + up * up - 4.0).abs() < 1e-12);
        assert!((down - 4.0 / 3.0).abs() < 1e-12); // to² / from, DDPM's mean
        assert_eq!(ancestral(3.0, 2.0, 0.0), (2.0, 0.0));
        assert_eq!(ancestral(3.0, 0.0, 1.0), (0.0, 0.0));
        assert_eq!(ancestral(3.0, 2.0, 9.0), (0.0, 2.0));
    }
}
