//! What DDIM, DDPM, LCM and TCD share: whole training timesteps, looked up in the table of alpha products.

use super::config::Config;
use super::prediction::{Bounds, Prediction};
use super::schedule::{Level, Schedule};
use super::spacing::{Range, Spacing, timesteps};
use super::training::Training;
use crate::Result;
use candle_core::Tensor;

/// The steps of a run.
pub(super) struct AlphaSpace {
    pub schedule: Schedule,
    pub training: Training,
    pub timesteps: Vec<i64>,
    pub prediction: Prediction,
    bounds: Bounds,
}

impl AlphaSpace {
    /// Lays out `steps` steps by `timestep_spacing` and `steps_offset`.
    pub fn spaced(config: &Config, training: Training, bounds: Bounds, steps: usize) -> Result<Self> {
        let train = training.len();
        let range = Range {
            spacing: Spacing::read(config, Spacing::Leading)?,
            train,
            used: train,
            offset: config.integer("steps_offset", 0)?,
            spare: false,
        };
        let timesteps = timesteps(&range, steps).into_iter().map(|t| t.round_ties_even() as i64).collect();
        Self::at(config, training, bounds, steps, timesteps)
    }

    /// A run over given timesteps.
    pub fn at(config: &Config, training: Training, bounds: Bounds, steps: usize, timesteps: Vec<i64>) -> Result<Self> {
        let prediction = Prediction::read(config)?;
        let schedule = Schedule::from_timesteps(steps, &timesteps, &training)?;
        let level = schedule.level(0)?;
        if prediction == Prediction::Epsilon && level.signal == 0.0 && bounds == Bounds::None {
            let message = "epsilon cannot start at zero terminal SNR, where nothing but noise is left; the model should predict v_prediction or sample";
            return Err(config.error("prediction_type", message));
        }
        Ok(Self { schedule, training, timesteps, prediction, bounds })
    }

    /// The clean picture within bounds, as the network sees it in a sample of this level.
    pub fn denoised(&self, output: &Tensor, sample: &Tensor, level: Level) -> Result<Tensor> {
        self.bounds.apply(self.prediction.denoised(output, sample, level)?)
    }
}

/// The timesteps of a distilled model: `steps` of those it was distilled on, the noisiest first, at even distances.
///
/// `grid` is how many of the `train` timesteps it was distilled on (`original_inference_steps`).
pub(super) fn distilled_timesteps(config: &Config, train: usize, grid: usize, steps: usize) -> Result<Vec<i64>> {
    let key = "original_inference_steps";
    if grid > train {
        return Err(config.error(key, format!("expected at most num_train_timesteps = {train}, got {grid}")));
    }
    if steps > grid {
        return Err(config.error(key, format!("the model was distilled on {grid} timesteps, got {steps} steps")));
    }
    let stride = train / grid;
    let distance = grid as f64 / steps as f64;
    let place = |i: usize| grid - (i as f64 * distance).floor() as usize;
    Ok((0..steps).map(|i| (place(i) * stride) as i64 - 1).collect())
}
