//! Noise levels.

use crate::wires::Model;
use selfsame_models::samplers::{SCHEDULES, Sampler, Schedule, ksampler};
use selfsame_sdk::prelude::*;

/// Gives the noise levels that a sampler walks along, from noise to none: the schedules of `Sampler`, as numbers.
#[node(id = "core.sampling.sigmas", category = "sampling", search = ["scheduler", "BasicScheduler", "noise levels"])]
#[output(sigmas = "the noise levels, falling; one more than there are steps")]
pub fn sigmas(
    /// The denoising network: its noise levels are those that it was trained with.
    model: Model,
    /// The number of steps.
    #[param(default = 30, hard = 1..=10000, soft = 1..=100)]
    steps: usize,
    /// How the noise falls over the steps.
    #[param(default = "normal", choices = SCHEDULES.iter().map(|schedule| schedule.name))]
    schedule: String,
    /// The share of the noise that is undone: 1 makes a new picture, less keeps more of what the latents show.
    #[param(default = 1.0, hard = 0.0..=1.0, step = 0.01)]
    denoise: f64,
) -> Result<Vec<f64>> {
    let schedule = Schedule::from_name(&schedule).input("schedule")?;
    // What `Sampler` leaves out for some rules belongs to these rules.
    let rule = Sampler::from_name("euler")?;
    Ok(ksampler::sigmas(&model.sigmas(), rule, schedule, steps, denoise)?)
}
