//! The layout that Euler, Heun, LMS and KDPM2 share: one sigma per step, interpolated from the training schedule.
//!
//! **Source**: <https://arxiv.org/abs/2206.00364>; checked against diffusers 0.42.1.

use super::config::Config;
use super::reshape::{Reshape, SigmaTable};
use super::spacing::{Range, Spacing, timesteps};
use super::training::Training;
use crate::Result;

/// The steps of a run before a class doubles or extends them.
pub(super) struct SigmaSpace {
    pub spacing: Spacing,
    pub table: SigmaTable,
    /// One per step.
    pub timesteps: Vec<f64>,
    /// One per step, without the last one that a class adds.
    pub sigmas: Vec<f64>,
}

impl SigmaSpace {
    /// Lays out `steps` steps by `timestep_spacing` and `steps_offset`.
    pub fn read(config: &Config, training: &Training, steps: usize) -> Result<Self> {
        let spacing = Spacing::read(config, Spacing::Linspace)?;
        let train = training.len();
        let range = Range { spacing, train, used: train, offset: config.integer("steps_offset", 0)?, spare: false };
        let table = SigmaTable::new(training.sigmas());
        // f32, as the network is given them.
        let timesteps: Vec<f64> = timesteps(&range, steps).into_iter().map(|t| f64::from(t as f32)).collect();
        let sigmas = timesteps.iter().map(|t| table.sigma(*t)).collect();
        Ok(Self { spacing, table, timesteps, sigmas })
    }

    /// Lays the sigmas anew between the largest and the smallest, or between the limits that a class has for them.
    pub fn reshape(&mut self, reshape: Option<Reshape>, max: Option<f64>, min: Option<f64>) {
        let (Some(reshape), Some(first), Some(last)) = (reshape, self.sigmas.first(), self.sigmas.last()) else {
            return;
        };
        self.sigmas = reshape.sigmas(max.unwrap_or(*first), min.unwrap_or(*last), self.timesteps.len());
        self.timesteps = self.sigmas.iter().map(|s| self.table.timestep(*s)).collect();
    }

    /// The sigmas in f32 with the one that the last step goes to.
    pub fn ending_at(&self, last: f64) -> Vec<f32> {
        self.sigmas.iter().chain([&last]).map(|s| *s as f32).collect()
    }

    /// What unit noise is multiplied with: the largest sigma, or for `leading`, whose first sample is not pure noise,
    /// what keeps the variance of noise plus signal.
    pub fn init_noise_sigma(&self, sigmas: &[f32]) -> f32 {
        let max = sigmas.iter().copied().fold(0.0, f32::max);
        if self.spacing == Spacing::Leading { (max * max + 1.0).sqrt() } else { max }
    }
}
