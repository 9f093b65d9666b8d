//! PNDM: pseudo numerical methods, a linear multistep rule (PLMS) with or without a Runge-Kutta start.
//!
//! **Source**: <https://arxiv.org/abs/2202.09778> (the transfer is its equation 11, PLMS its equation 12, the start its
//! equation 13); checked against diffusers 0.42.1.

use super::config::Config;
use super::history::History;
use super::prediction::{Prediction, combine, scale};
use super::schedule::{Level, Schedule};
use super::spacing::{Range, Spacing, timesteps};
use super::training::{Training, TrainingDefaults};
use super::{Scheduler, Step};
use crate::Result;
use candle_core::Tensor;

const ORDER: usize = 4;

struct Pndm {
    schedule: Schedule,
    training: Training,
    prediction: Prediction,
    final_alpha: f32,
    timesteps: Vec<i64>,
    /// How many of the timesteps belong to the Runge-Kutta start.
    start_len: usize,
    /// The distance of two steps in training timesteps.
    stride: i64,
    epsilons: History,
    /// How many calls were made, which is not the index in a run that was started late.
    calls: usize,
    /// The sample that the calls of one Runge-Kutta step, or the first two of PLMS, all start from.
    base: Option<Tensor>,
    /// The weighted sum of a Runge-Kutta step's outputs.
    sum: Option<Tensor>,
}

pub(super) fn build(config: &Config, steps: usize, _eta: Option<f64>) -> Result<Box<dyn Scheduler>> {
    let training = Training::read(config, &TrainingDefaults::COMMON)?;
    let prediction = Prediction::read_without_sample(config)?;
    let train = training.len();
    let range = Range {
        spacing: Spacing::read(config, Spacing::Leading)?,
        train,
        used: train,
        offset: config.integer("steps_offset", 0)?,
        spare: false,
    };
    let visited: Vec<i64> = timesteps(&range, steps).into_iter().map(|t| t.round_ties_even() as i64).collect();
    let stride = (train / steps) as i64;
    let (timesteps, start_len) = if config.flag("skip_prk_steps", false)? {
        // The second timestep twice: the first step is taken, judged, and taken again.
        let mut timesteps = visited;
        if let Some(second) = timesteps.get(1).copied() {
            timesteps.insert(1, second);
        }
        (timesteps, 0)
    } else {
        if steps < ORDER {
            let message = format!("false needs at least {ORDER} steps for its start, got {steps}; set it to true");
            return Err(config.error("skip_prk_steps", message));
        }
        let mut timesteps = runge_kutta_timesteps(&visited, stride / 2);
        let start_len = timesteps.len();
        timesteps.extend(&visited[ORDER - 1..]);
        (timesteps, start_len)
    };
    Ok(Box::new(Pndm {
        schedule: Schedule::from_timesteps(steps, &timesteps, &training)?,
        final_alpha: training.final_alpha(config.flag("set_alpha_to_one", false)?),
        training,
        prediction,
        timesteps,
        start_len,
        stride,
        epsilons: History::new(ORDER),
        calls: 0,
        base: None,
        sum: None,
    }))
}

/// Three Runge-Kutta steps of four calls: at the start, twice at the middle, and at the end.
fn runge_kutta_timesteps(visited: &[i64], half: i64) -> Vec<i64> {
    visited.windows(2).take(ORDER - 1).flat_map(|pair| [pair[0], pair[1] + half, pair[1] + half, pair[1]]).collect()
}

impl Pndm {
    /// One call of the start: the output is gathered, and carries the step's base to where the next call looks.
    fn runge_kutta(&mut self, step: &Step<'_>) -> Result<Tensor> {
        let stage = self.calls % 4;
        let from = self.timesteps[self.calls - stage];
        let to = self.timesteps[step.index] - if stage % 2 == 0 { self.stride / 2 } else { 0 };
        if stage == 0 {
            self.epsilons.push(step.output.clone());
            self.base = Some(step.sample.clone());
        }
        let weight = if stage == 0 || stage == 3 { 1.0 / 6.0 } else { 1.0 / 3.0 };
        let share = scale(&step.output, weight)?;
        let sum = match self.sum.take() {
            Some(sum) => (sum + share)?,
            None => share,
        };
        let base = self.base.clone().unwrap_or_else(|| step.sample.clone());
        if stage == 3 {
            return self.transfer(&base, from, to, &sum);
        }
        self.sum = Some(sum);
        self.transfer(&base, from, to, &step.output)
    }

    /// One call of the multistep rule.
    fn multistep(&mut self, step: &Step<'_>) -> Result<Tensor> {
        let t = self.timesteps[step.index];
        if self.calls == 1 {
            // The first step again, now with the mean of the outputs at both of its ends.
            let epsilon = scale(&(&step.output + &self.epsilons[0])?, 0.5)?;
            let base = self.base.take().unwrap_or_else(|| step.sample.clone());
            return self.transfer(&base, t + self.stride, t, &epsilon);
        }
        self.epsilons.push(step.output.clone());
        if self.calls == 0 {
            self.base = Some(step.sample.clone());
        }
        let epsilon = adams_bashforth(&self.epsilons)?;
        self.transfer(&step.sample, t, t - self.stride, &epsilon)
    }

    /// Takes a sample from one timestep to another by the noise in it.
    fn transfer(&self, sample: &Tensor, from: i64, to: i64, output: &Tensor) -> Result<Tensor> {
        let alpha = self.training.alpha(from)?;
        let next = self.training.alpha_or(to, self.final_alpha)?;
        let epsilon = self.prediction.epsilon(output, sample, Level::from_alpha_cumprod(alpha))?;
        let denominator = alpha * (1.0 - next).sqrt() + (alpha * (1.0 - alpha) * next).sqrt();
        combine(&[((next / alpha).sqrt(), sample), (-(next - alpha) / denominator, &epsilon)])
    }
}

/// The extrapolation of up to four outputs at even distances (Adams-Bashforth).
pub(super) fn adams_bashforth(newest_first: &History) -> Result<Tensor> {
    let factors: &[f32] = match newest_first.len() {
        1 => &[1.0],
        2 => &[3.0 / 2.0, -1.0 / 2.0],
        3 => &[23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0],
        _ => &[55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0],
    };
    let terms: Vec<(f32, &Tensor)> = factors.iter().copied().zip(newest_first.iter()).collect();
    combine(&terms)
}

impl Scheduler for Pndm {
    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn advance(&mut self, step: Step<'_>) -> Result<Tensor> {
        let next = if self.calls < self.start_len { self.runge_kutta(&step)? } else { self.multistep(&step)? };
        self.calls += 1;
        Ok(next)
    }
}
