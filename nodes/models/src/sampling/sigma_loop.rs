//! Sampling in sigma space: k-diffusion's samplers on a guided model, by ComfyUI's rules.

use super::guidance::Guidance;
use super::guided::{GuidedModel, Parameterization};
use super::hooks::Hooks;
use super::inpaint::Inpaint;
use super::window::Moment;
use crate::noise::NoiseSource;
use crate::samplers::{Denoiser, Guided, ModelSigmas, Prediction, Run, Sampler, StepEvent};
use crate::{Cancel, Error, Result};
use candle_core::{DType, Tensor};

/// The settings of one run in sigma space.
#[derive(Debug, Clone)]
pub struct SigmaSettings<'a> {
    /// The stepping rule.
    pub sampler: &'a Sampler,
    /// Noise levels, falling; ends at 0 unless noise is to be left (see [`crate::samplers::ksampler`]).
    pub sigmas: &'a [f64],
    /// How the model is asked.
    pub denoiser: DenoiserSettings<'a>,
}

/// How a guided model is asked in sigma space.
#[derive(Debug, Clone, Copy)]
pub struct DenoiserSettings<'a> {
    /// The noise levels that the network was trained with.
    pub model_sigmas: &'a ModelSigmas,
    /// What the network's output means.
    pub prediction: Prediction,
    /// How positive and negative predictions are combined.
    pub guidance: Guidance,
    /// The part to redraw; all of it if absent.
    pub inpaint: Option<&'a Inpaint>,
    /// What else adds to the network.
    pub hooks: Option<&'a dyn Hooks>,
}

/// Samples from `latents` (zeros for a new picture), `[B, 4, h, w]` in the network's scaling, with unit `noise` of the same shape
/// added at the first noise level; `None` adds none (the latents are already noisy).
///
/// Gives clean latents, or noisy ones where the sigmas do not end at 0. `on_step` hears of every step after the network's
/// first answer in it; an error from it ends the run.
///
/// # Errors
/// [`Error::Cancelled`], [`Error::Input`] naming what does not fit, or what `on_step` or the noise source says.
pub fn sample_sigmas(
    model: &mut GuidedModel,
    settings: &SigmaSettings<'_>,
    latents: &Tensor,
    noise: Option<&Tensor>,
    step_noise: &mut dyn NoiseSource,
    on_step: &mut dyn FnMut(&StepEvent<'_>) -> Result<()>,
) -> Result<Tensor> {
    let Some(&first) = settings.sigmas.first() else { return Ok(latents.clone()) };
    let latents = latents.to_dtype(DType::F32)?;
    let noise = match noise {
        None => latents.zeros_like()?,
        Some(noise) if noise.dims() == latents.dims() => noise.to_device(latents.device())?.to_dtype(DType::F32)?,
        Some(noise) => {
            let expected = format!("the latents' shape {:?}", latents.dims());
            return Err(Error::input("noise", expected, format!("{:?}", noise.dims())));
        }
    };
    let full = settings.denoiser.model_sigmas.is_max_denoise(first);
    let x = settings.denoiser.prediction.noise_scaling(first, &noise, &latents, full)?;
    let cancel: Cancel = model.cancel().clone();
    let mut denoiser = GuidedDenoiser { model, settings: settings.denoiser, sigmas: settings.sigmas };
    let mut run = Run { denoiser: &mut denoiser, noise: step_noise, sigmas: settings.sigmas, on_step, cancel: &cancel };
    settings.sampler.sample(&mut run, &x)
}

/// A guided model as samplers see it.
pub struct GuidedDenoiser<'a> {
    model: &'a mut GuidedModel,
    settings: DenoiserSettings<'a>,
    /// The noise levels of the run, as far as they are known.
    sigmas: &'a [f64],
}

impl<'a> GuidedDenoiser<'a> {
    /// For a loop outside of this crate. Its steps are not known, so windows must be [`super::Window::Sigmas`].
    pub fn new(model: &'a mut GuidedModel, settings: DenoiserSettings<'a>) -> Self {
        Self { model, settings, sigmas: &[] }
    }
}

/// The network's view of sigma space at one noise level.
struct AtSigma {
    prediction: Prediction,
    sigma: f64,
    timestep: f64,
}

impl Parameterization for AtSigma {
    fn timestep(&self) -> f64 {
        self.timestep
    }

    fn input(&self, x: &Tensor) -> Result<Tensor> {
        self.prediction.calculate_input(x, self.sigma)
    }

    fn prediction(&self, x: &Tensor, output: &Tensor) -> Result<Tensor> {
        self.prediction.calculate_denoised(output, x, self.sigma, self.timestep)
    }
}

impl GuidedDenoiser<'_> {
    fn evaluate(&mut self, x: &Tensor, sigma: f64, with_negative: bool) -> Result<Guided> {
        let settings = self.settings;
        let noisy = match settings.inpaint {
            None => x.clone(),
            Some(inpaint) => {
                let kept = settings.prediction.noise_scaling(sigma, inpaint.noise(), inpaint.original(), false)?;
                inpaint.blend(x, &kept)?
            }
        };
        // Steps are counted by the noise level that a step starts from; calls inside a step belong to it.
        let past = self.sigmas.partition_point(|s| *s >= sigma);
        let moment = Moment { index: past.saturating_sub(1), total: self.sigmas.len().saturating_sub(1), sigma };
        let how = AtSigma {
            prediction: settings.prediction,
            sigma,
            timestep: settings.model_sigmas.sigma_to_timestep(sigma),
        };
        let guided = self.model.predict(&noisy, &how, &moment, with_negative, settings.hooks)?;
        let keep = |denoised: Tensor| match settings.inpaint {
            None => Ok(denoised),
            Some(inpaint) => inpaint.blend(&denoised, inpaint.original()),
        };
        match guided.uncond {
            None => {
                let denoised = keep(guided.cond)?;
                Ok(Guided { uncond: denoised.clone(), denoised })
            }
            Some(uncond) => {
                let denoised = settings.guidance.combine_denoised(&noisy, sigma, &guided.cond, &uncond)?;
                Ok(Guided { denoised: keep(denoised)?, uncond: keep(uncond)? })
            }
        }
    }
}

impl Denoiser for GuidedDenoiser<'_> {
    fn denoise(&mut self, x: &Tensor, sigma: f64) -> Result<Tensor> {
        let with_negative = self.settings.guidance.needs_negative();
        Ok(self.evaluate(x, sigma, with_negative)?.denoised)
    }

    /// CFG++ steers by the negative prediction, so it is evaluated whatever the guidance scale is.
    fn denoise_guided(&mut self, x: &Tensor, sigma: f64) -> Result<Guided> {
        self.evaluate(x, sigma, true)
    }
}
