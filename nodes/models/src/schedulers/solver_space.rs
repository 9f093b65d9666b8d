//! The layout that the exponential solvers (DPM-Solver, UniPC, DEIS) share: variance-preserving samples, whole timesteps, and
//! one step more in the division of the training schedule than are taken.
//!
//! **Source**: checked against diffusers 0.42.1.

use super::config::Config;
use super::reshape::{Reshape, SigmaTable};
use super::schedule::Level;
use super::spacing::{Range, Spacing, timesteps};
use super::training::Training;
use crate::Result;

/// The steps of a run before a class adds its last sigma.
pub(super) struct SolverSpace {
    pub table: SigmaTable,
    /// One per step.
    pub timesteps: Vec<f64>,
    /// One per step, without the last one.
    pub sigmas: Vec<f64>,
}

impl SolverSpace {
    /// Lays out `steps` steps in the first `used` training timesteps.
    pub fn new(config: &Config, training: &Training, spacing: Spacing, used: usize, steps: usize) -> Result<Self> {
        config.refuse("use_flow_sigmas", "flow matching models have other schedulers")?;
        config.refuse("use_dynamic_shifting", "flow matching models have other schedulers")?;
        if spacing == Spacing::Leading && used < steps + 1 {
            let message = format!("leading divides {used} training timesteps for one more than the steps, got {steps}");
            return Err(config.error("timestep_spacing", message));
        }
        let offset = config.integer("steps_offset", 0)?;
        let range = Range { spacing, train: training.len(), used, offset, spare: true };
        let table = SigmaTable::new(training.sigmas());
        let timesteps: Vec<f64> = timesteps(&range, steps).into_iter().map(f64::round_ties_even).collect();
        let sigmas = timesteps.iter().map(|t| table.sigma(*t)).collect();
        Ok(Self { table, timesteps, sigmas })
    }

    /// How many training timesteps are left when those are cut off whose half log-SNR is below `lambda_min_clipped`:
    /// the cosine schedule's last ones hold next to no signal.
    pub fn unclipped(config: &Config, training: &Training) -> Result<usize> {
        let Some(min) = config.optional_number("lambda_min_clipped")? else { return Ok(training.len()) };
        let clear = |t: &i64| training.alpha(*t).is_ok_and(|a| Level::from_alpha_cumprod(a).lambda() >= min as f32);
        match (0..training.len() as i64).filter(clear).count() {
            0 => Err(config.error("lambda_min_clipped", format!("{min} leaves no training timestep"))),
            left => Ok(left),
        }
    }

    /// Lays the sigmas anew over the whole training schedule, or between the limits that a class has for them.
    ///
    /// Timesteps are those nearest to the new sigmas where the reshaping says so and `round` agrees, else the ones below.
    pub fn reshape(&mut self, reshape: Option<Reshape>, max: Option<f64>, min: Option<f64>, round: bool, steps: usize) {
        let Some(reshape) = reshape else { return };
        self.sigmas = reshape.sigmas(max.unwrap_or(self.table.max()), min.unwrap_or(self.table.min()), steps);
        let nearest = round && matches!(reshape, Reshape::Karras | Reshape::Lu);
        let whole = |t: f64| if nearest { t.round_ties_even() } else { t.trunc() };
        self.timesteps = self.sigmas.iter().map(|s| whole(self.table.timestep(*s))).collect();
    }

    /// The sigmas in f32 with the one that the last step goes to.
    pub fn ending_at(&self, last: f64) -> Vec<f32> {
        self.sigmas.iter().chain([&last]).map(|s| *s as f32).collect()
    }
}
