//! Sampling over timesteps: diffusers' schedulers on a guided model, by diffusers' rules.

use super::guidance::Guidance;
use super::guided::{GuidedModel, Parameterization};
use super::hooks::Hooks;
use super::inpaint::Inpaint;
use super::window::Moment;
use crate::Result;
use crate::noise::NoiseSource;
use crate::samplers::{ModelSigmas, Prediction};
use crate::schedulers::{Schedule, Scheduler};
use candle_core::{DType, Tensor};

/// What a run tells after each call of the network.
#[derive(Debug)]
pub struct TimestepEvent<'a> {
    /// Counts calls from 0 (two a step for second-order schedulers).
    pub index: usize,
    /// How many calls there will be.
    pub total: usize,
    /// The training timestep of the call.
    pub timestep: f64,
    /// The sample after the step.
    pub sample: &'a Tensor,
    /// The network's estimate of the clean latents: what a preview shows.
    pub denoised: &'a Tensor,
}

/// The settings of one run over timesteps.
#[derive(Debug, Clone)]
pub struct TimestepSettings<'a> {
    /// The call of the network to start from: 0, or [`Schedule::start_index`] for img2img.
    pub start: usize,
    /// How positive and negative predictions are combined.
    pub guidance: Guidance,
    /// The part to redraw; all of it if absent.
    pub inpaint: Option<&'a Inpaint>,
    /// What the network's output means, for [`TimestepEvent::denoised`]; stepping itself goes by the scheduler's own setting.
    pub prediction: Prediction,
    /// What else adds to the network.
    pub hooks: Option<&'a dyn Hooks>,
}

/// Steps `sample` (f32, `[B, 4, h, w]`, noisy at the level of the first call) along the rest of the scheduler's timesteps.
///
/// A new picture starts at call 0 from unit noise × [`Schedule::init_noise_sigma`]; img2img at [`Schedule::start_index`]
/// from [`Schedule::add_noise`]. Step windows count from the first call that runs, as diffusers does. `on_step` hears of every
/// call; an error from it ends the run.
///
/// # Errors
/// [`crate::Error::Cancelled`], [`crate::Error::Input`] naming what does not fit, or what `on_step` or the noise source says.
pub fn sample_timesteps(
    model: &mut GuidedModel,
    scheduler: &mut dyn Scheduler,
    settings: &TimestepSettings<'_>,
    sample: &Tensor,
    noise: &mut dyn NoiseSource,
    on_step: &mut dyn FnMut(&TimestepEvent<'_>) -> Result<()>,
) -> Result<Tensor> {
    let TimestepSettings { start, guidance, inpaint, hooks, .. } = settings.clone();
    let mut sample = sample.to_dtype(DType::F32)?;
    let calls = scheduler.schedule().timesteps().len();
    for index in start..calls {
        model.cancel().check()?;
        let schedule = scheduler.schedule();
        let timestep = schedule.timesteps()[index];
        // Pure noise (zero terminal SNR) has no finite sigma; windows that start with the run have this one.
        let sigma = schedule.level(index)?.sigma().min(ModelSigmas::WHOLE_RUN);
        let moment = Moment { index: index - start, total: calls - start, sigma };
        let call = AtCall { schedule, index, timestep };
        let predicted = model.predict(&sample, &call, &moment, guidance.needs_negative(), hooks)?;
        let output = match &predicted.uncond {
            None => predicted.cond,
            Some(uncond) => guidance.combine_outputs(&predicted.cond, uncond)?,
        };
        let level = schedule.level(index)?;
        let denoised = match level.signal > 0.0 {
            true => {
                let state = (&sample / f64::from(level.signal))?; // in sigma space
                settings.prediction.calculate_denoised(&output, &state, level.sigma(), timestep)?
            }
            // Pure noise (zero terminal SNR): the velocity there is the negative of the picture.
            false if settings.prediction == Prediction::VPrediction => output.neg()?,
            false if settings.prediction == Prediction::Sample => output.clone(),
            false => sample.zeros_like()?, // nothing can be told from the noise in noise
        };
        let denoised = match inpaint {
            None => denoised,
            Some(inpaint) => inpaint.blend(&denoised, inpaint.original())?,
        };
        sample = scheduler.step(&output, index, &sample, noise)?;
        if let Some(inpaint) = inpaint {
            let kept = match index + 1 < calls {
                true => scheduler.schedule().add_noise(inpaint.original(), inpaint.noise(), index + 1)?,
                false => inpaint.original().clone(),
            };
            sample = inpaint.blend(&sample, &kept)?;
        }
        on_step(&TimestepEvent {
            index: index - start,
            total: calls - start,
            timestep,
            sample: &sample,
            denoised: &denoised,
        })?;
    }
    Ok(sample)
}

/// One call of the network in a scheduler's run; the prediction is the raw output, which the scheduler interprets.
struct AtCall<'a> {
    schedule: &'a Schedule,
    index: usize,
    timestep: f64,
}

impl Parameterization for AtCall<'_> {
    fn timestep(&self) -> f64 {
        self.timestep
    }

    fn input(&self, x: &Tensor) -> Result<Tensor> {
        self.schedule.scale_model_input(x, self.index)
    }

    fn prediction(&self, _x: &Tensor, output: &Tensor) -> Result<Tensor> {
        Ok(output.clone())
    }
}
