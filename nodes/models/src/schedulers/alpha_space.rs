//! What DDIM, DDPM, LCM and TCD share: whole training timesteps, looked up in the table of alpha products.

use super::config::Config;
use super::prediction::Prediction;
use super::schedule::Schedule;
use super::spacing::{Range, Spacing, timesteps};
use super::training::Training;
use crate::Result;

/// The steps of a run.
pub(super) struct AlphaSpace {
    pub schedule: Schedule,
    pub training: Training,
    pub timesteps: Vec<i64>,
    pub prediction: Prediction,
}

impl AlphaSpace {
    /// Lays out `steps` steps by `timestep_spacing` and `steps_offset`.
    pub fn spaced(config: &Config, training: Training, steps: usize) -> Result<Self> {
        let train = training.len();
        let range = Range {
            spacing: Spacing::read(config, Spacing::Leading)?,
            train,
            used: train,
            offset: config.integer("steps_offset", 0)?,
            spare: false,
        };
        let timesteps = timesteps(&range, steps).into_iter().map(|t| t.round_ties_even() as i64).collect();
        Self::at(config, training, steps, timesteps)
    }

    /// A run over given timesteps.
    pub fn at(config: &Config, training: Training, steps: usize, timesteps: Vec<i64>) -> Result<Self> {
        let prediction = Prediction::read(config)?;
        let schedule = Schedule::from_timesteps(steps, &timesteps, &training)?;
        let level = schedule.level(0)?;
        if prediction == Prediction::Epsilon && level.signal == 0.0 {
            let message = "epsilon cannot start at zero terminal SNR, where nothing but noise is left; the model should predict v_prediction or sample";
            return Err(config.error("prediction_type", message));
        }
        Ok(Self { schedule, training, timesteps, prediction })
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
