//! One sampling run: the model, the noise, the sigmas, and who wants to know of each step.

use super::math::AddScaled;
use crate::noise::NoiseSource;
use crate::{Cancel, Error, Result};
use candle_core::{DType, Tensor};

/// The model as samplers see it: guidance, conditioning and masks are inside.
pub trait Denoiser {
    /// The estimate of the clean latents in `x = x0 + sigma · noise`, guidance applied.
    ///
    /// # Shapes
    /// `x` and the result alike, f32 going in; any float dtype may come out.
    ///
    /// # Errors
    /// What the model says.
    fn denoise(&mut self, x: &Tensor, sigma: f64) -> Result<Tensor>;

    /// [`Self::denoise`] together with the unconditional estimate it was made from, for the CFG++ samplers.
    ///
    /// # Errors
    /// What the model says; by default, that there is no unconditional estimate.
    fn denoise_guided(&mut self, _x: &Tensor, _sigma: f64) -> Result<Guided> {
        let expected = "a model that tells its unconditional prediction (CFG++ samplers steer by it)";
        Err(Error::input("denoiser", expected, "one that gives the guided prediction only"))
    }
}

/// A guided estimate and what it was guided away from.
#[derive(Debug, Clone)]
pub struct Guided {
    /// The estimate with guidance.
    pub denoised: Tensor,
    /// The unconditional estimate.
    pub uncond: Tensor,
}

/// What a sampler tells after the model's first answer in a step.
#[derive(Debug)]
pub struct StepEvent<'a> {
    /// Counts from 0.
    pub index: usize,
    /// How many steps there will be; `None` for `dpm_adaptive`, which finds its steps on the way.
    pub total: Option<usize>,
    /// The noise level of `x`.
    pub sigma: f64,
    /// The state in sigma space.
    pub x: &'a Tensor,
    /// The model's estimate of the clean latents: what a preview shows.
    pub denoised: &'a Tensor,
}

/// Everything a [`Method`] needs besides the state.
pub struct Run<'a> {
    /// The model.
    pub denoiser: &'a mut dyn Denoiser,
    /// Noise for the samplers that add some; see [`super::Sampler::default_noise`].
    pub noise: &'a mut dyn NoiseSource,
    /// Noise levels to walk along: strictly decreasing, all positive but perhaps the last.
    pub sigmas: &'a [f64],
    /// Hears of every step; an error from it ends the run.
    pub on_step: &'a mut dyn FnMut(&StepEvent<'_>) -> Result<()>,
    /// Looked at before every call of the model.
    pub cancel: &'a Cancel,
}

/// A stepping rule with its options.
///
/// Call it through [`sample`] or [`super::Sampler::sample`], which check the sigmas first.
pub trait Method: Sync {
    /// Walks `x` (f32) from the first sigma of the run to the last.
    ///
    /// # Errors
    /// What the model, the noise source or a tensor operation says, and [`Error::Cancelled`].
    fn integrate(&self, run: &mut Run<'_>, x: Tensor) -> Result<Tensor>;
}

/// Runs `method` from the noisy latents `x` at the first sigma down to the last one.
///
/// # Shapes
/// Any; the result is f32 of the same shape, in sigma space (at sigma 0: clean latents). A single sigma means no step,
/// and gives `x` back.
///
/// # Errors
/// Sigmas that are not finite, positive (but perhaps the last) and strictly decreasing; what the model or the noise source
/// says; [`Error::Cancelled`].
pub fn sample(method: &dyn Method, run: &mut Run<'_>, x: &Tensor) -> Result<Tensor> {
    check_sigmas(run.sigmas)?;
    let x = x.to_dtype(DType::F32)?;
    if run.sigmas.len() == 1 { Ok(x) } else { method.integrate(run, x) }
}

/// Refuses sigmas that no sampler can walk along.
///
/// # Errors
/// If they are not finite, positive (but perhaps the last) and strictly decreasing, or there are none.
pub fn check_sigmas(sigmas: &[f64]) -> Result<()> {
    let expected = "finite, strictly decreasing numbers that are positive, but for a last 0";
    if sigmas.is_empty() {
        return Err(Error::input("sigmas", expected, "none (is denoise 0, or the start step behind the last one?)"));
    }
    if let Some((i, sigma)) = sigmas.iter().enumerate().find(|(_, s)| !s.is_finite() || **s < 0.0) {
        return Err(Error::input("sigmas", expected, format!("{sigma} at position {i}")));
    }
    if let Some(i) = sigmas.windows(2).position(|pair| pair[1] >= pair[0]) {
        let got = format!("{} followed by {} at position {i}", sigmas[i], sigmas[i + 1]);
        return Err(Error::input(
            "sigmas",
            expected,
            format!("{got} (more steps than the schedule has noise levels?)"),
        ));
    }
    Ok(())
}

/// What the model said, and what to steer from: the same thing, except for CFG++ samplers.
#[derive(Clone)]
pub(super) struct Estimate {
    /// The guided estimate.
    pub denoised: Tensor,
    /// The estimate whose noise direction is followed: unconditional under CFG++, else `denoised`.
    pub base: Tensor,
}

impl Run<'_> {
    /// The pairs of neighbouring sigmas, with their index.
    pub(super) fn steps(&self) -> Vec<(usize, f64, f64)> {
        self.sigmas.windows(2).enumerate().map(|(i, pair)| (i, pair[0], pair[1])).collect()
    }

    /// Asks the model, in f32.
    pub(super) fn denoise(&mut self, x: &Tensor, sigma: f64) -> Result<Tensor> {
        self.cancel.check()?;
        Ok(self.denoiser.denoise(x, sigma)?.to_dtype(DType::F32)?)
    }

    /// Asks the model for a guided estimate, and for the unconditional one if `cfg_pp`.
    pub(super) fn estimate(&mut self, x: &Tensor, sigma: f64, cfg_pp: bool) -> Result<Estimate> {
        if !cfg_pp {
            let denoised = self.denoise(x, sigma)?;
            return Ok(Estimate { base: denoised.clone(), denoised });
        }
        self.cancel.check()?;
        let Guided { denoised, uncond } = self.denoiser.denoise_guided(x, sigma)?;
        Ok(Estimate { denoised: denoised.to_dtype(DType::F32)?, base: uncond.to_dtype(DType::F32)? })
    }

    /// Tells of step `index`.
    pub(super) fn report(&mut self, index: usize, sigma: f64, x: &Tensor, denoised: &Tensor) -> Result<()> {
        let total = Some(self.sigmas.len() - 1);
        (self.on_step)(&StepEvent { index, total, sigma, x, denoised })
    }

    /// Asks the model at the start of step `index`, and tells of it.
    pub(super) fn denoise_step(&mut self, index: usize, x: &Tensor, sigma: f64) -> Result<Tensor> {
        let denoised = self.denoise(x, sigma)?;
        self.report(index, sigma, x, &denoised)?;
        Ok(denoised)
    }

    /// [`Self::denoise_step`] for a sampler that may be a CFG++ one.
    pub(super) fn estimate_step(&mut self, index: usize, x: &Tensor, sigma: f64, cfg_pp: bool) -> Result<Estimate> {
        let estimate = self.estimate(x, sigma, cfg_pp)?;
        self.report(index, sigma, x, &estimate.denoised)?;
        Ok(estimate)
    }

    /// Unit noise for the step between two sigmas.
    pub(super) fn draw(&mut self, like: &Tensor, from: f64, to: f64) -> Result<Tensor> {
        Ok(self.noise.next(like, from, to)?.to_dtype(DType::F32)?)
    }

    /// `x` plus noise of deviation `amount`; draws nothing if that is 0.
    pub(super) fn add_noise(&mut self, x: Tensor, from: f64, to: f64, amount: f64) -> Result<Tensor> {
        if amount == 0.0 { Ok(x) } else { x.plus(amount, &self.draw(&x, from, to)?) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_sigmas_are_refused() {
        assert!(check_sigmas(&[3.0, 1.0, 0.0]).is_ok());
        assert!(check_sigmas(&[3.0]).is_ok());
        for bad in [&[][..], &[f64::NAN, 0.0], &[1.0, 1.0, 0.0], &[1.0, 2.0], &[1.0, -1.0], &[1.0, 0.0, 0.0]] {
            assert!(check_sigmas(bad).is_err(), "{bad:?}");
        }
    }
}
