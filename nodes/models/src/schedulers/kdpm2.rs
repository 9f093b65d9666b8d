//! DPM-Solver-2 in sigma space: half a step to the geometric middle of two sigmas, and the whole step with the derivative
//! found there; as it is, and ancestral, which steps lower and adds fresh noise.
//!
//! **Source**: `sample_dpm_2` and `sample_dpm_2_ancestral` of k-diffusion (<https://github.com/crowsonkb/k-diffusion>) after
//! algorithm 1 of <https://arxiv.org/abs/2206.00927>; checked against diffusers 0.42.1.
//!
//! Even indices of the timesteps are first calls, odd ones second calls; the last step, to sigma 0, has a first call only.

use super::config::Config;
use super::euler_ancestral::ancestral_split;
use super::heun::no_first_call;
use super::prediction::{Prediction, combine, scale};
use super::reshape::Reshape;
use super::schedule::{Level, Schedule};
use super::sigma_space::SigmaSpace;
use super::training::{Training, TrainingDefaults};
use super::{Scheduler, Step};
use crate::Result;
use candle_core::Tensor;

struct Kdpm2 {
    schedule: Schedule,
    prediction: Prediction,
    steps: Vec<Way>,
    ancestral: bool,
    /// The sample before the first call.
    first: Option<Tensor>,
}

/// The sigmas of one step.
struct Way {
    sigma: f32,
    /// Where the second call is made; 0 in the last step.
    middle: f32,
    /// Where the derivative leads to.
    down: f32,
    /// How much noise is added there.
    up: f32,
    /// Where the step ends.
    next: f32,
}

impl Way {
    fn new(sigma: f32, next: f32, ancestral: bool) -> Self {
        let (down, up) = if ancestral { ancestral_split(sigma, next) } else { (next, 0.0) };
        let middle = if next == 0.0 { 0.0 } else { geometric_middle(sigma, down) };
        Self { sigma, middle, down, up, next }
    }
}

fn geometric_middle(a: f32, b: f32) -> f32 {
    (a.ln() - (a.ln() - b.ln()) * 0.5).exp()
}

pub(super) fn build(config: &Config, steps: usize, _eta: Option<f64>) -> Result<Box<dyn Scheduler>> {
    lay_out(config, steps, false)
}

pub(super) fn build_ancestral(config: &Config, steps: usize, _eta: Option<f64>) -> Result<Box<dyn Scheduler>> {
    lay_out(config, steps, true)
}

fn lay_out(config: &Config, steps: usize, ancestral: bool) -> Result<Box<dyn Scheduler>> {
    let training = Training::read(config, &TrainingDefaults::SECOND_ORDER)?;
    let prediction = Prediction::read_without_sample(config)?;
    let mut space = SigmaSpace::read(config, &training, steps)?;
    let reshape = Reshape::read(config)?;
    space.reshape(reshape, None, None);
    if reshape == Some(Reshape::Karras) {
        for t in &mut space.timesteps {
            *t = t.round_ties_even();
        }
    }
    let sigmas = space.ending_at(0.0);
    let init_noise_sigma = space.init_noise_sigma(&sigmas);
    let ways: Vec<Way> = sigmas.windows(2).map(|pair| Way::new(pair[0], pair[1], ancestral)).collect();

    // Network calls: the first one of every step, then the second one of every step but the last.
    let second_calls = ways.iter().map(|way| (space.table.timestep(f64::from(way.middle)), way.middle));
    let calls = space.timesteps.iter().zip(&ways).map(|(t, way)| (*t, way.sigma)).zip(second_calls);
    let (mut timesteps, mut inputs): (Vec<f64>, Vec<f32>) = calls.flat_map(|(a, b)| [a, b]).unzip();
    timesteps.pop();
    inputs.pop();

    // As diffusers lists them: at the second call stands the sigma that the step leads to.
    let ends = ways.iter().flat_map(|way| [way.sigma, way.next]);
    let listed = ends.chain([0.0, 0.0]).collect();
    let schedule = Schedule::in_sigma_space(steps, timesteps, listed, init_noise_sigma);
    let schedule = schedule.with_order(2).with_input_sigmas(&inputs);
    Ok(Box::new(Kdpm2 { schedule, prediction, steps: ways, ancestral, first: None }))
}

impl Scheduler for Kdpm2 {
    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn advance(&mut self, mut step: Step<'_>) -> Result<Tensor> {
        let way = &self.steps[step.index / 2];
        let is_first = step.index % 2 == 0;
        let at = if is_first { way.sigma } else { way.middle };
        let denoised = self.prediction.denoised_at_sigma(&step.output, &step.sample, at)?;
        let derivative = scale(&(&step.sample - denoised)?, 1.0 / at)?;
        if is_first {
            let middle = combine(&[(1.0, &step.sample), (way.middle - way.sigma, &derivative)])?;
            self.first = Some(step.sample);
            return Ok(middle);
        }
        let start = self.first.take().ok_or_else(|| no_first_call(step.index))?;
        let down = combine(&[(1.0, &start), (way.down - way.sigma, &derivative)])?;
        if !self.ancestral {
            return Ok(down);
        }
        let level = |sigma| Level { signal: 1.0, noise: sigma };
        let noise = step.noise(level(way.sigma), level(way.next))?;
        combine(&[(1.0, &down), (way.up, &noise)])
    }
}
