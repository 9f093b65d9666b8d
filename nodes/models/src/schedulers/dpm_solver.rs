//! DPM-Solver and DPM-Solver++ with memory of up to three results ("2M", "3M"), and their SDE forms.
//!
//! **Source**: <https://arxiv.org/abs/2206.00927>, algorithm 2 of <https://arxiv.org/abs/2211.01095>; checked against diffusers 0.42.1.

use super::config::Config;
use super::exponential::{Algorithm, Factors, SolverType, read_final_sigma, read_order, refuse_learned_variance};
use super::history::History;
use super::prediction::{Bounds, Prediction, combine, scale};
use super::reshape::Reshape;
use super::schedule::Schedule;
use super::solver_space::SolverSpace;
use super::spacing::Spacing;
use super::training::{BetaSchedule, Training, TrainingDefaults, ZeroSnr};
use super::{Scheduler, Step};
use crate::Result;
use candle_core::Tensor;

/// Runs shorter than this lower their order towards the end when `lower_order_final` is on.
pub(super) const SHORT_RUN: usize = 15;

struct DpmSolver {
    schedule: Schedule,
    prediction: Prediction,
    bounds: Bounds,
    algorithm: Algorithm,
    solver_type: SolverType,
    order: usize,
    lower_order_final: bool,
    euler_at_final: bool,
    results: History,
}

pub(super) fn build(config: &Config, steps: usize, _eta: Option<f64>) -> Result<Box<dyn Scheduler>> {
    let training = Training::read(config, &TrainingDefaults::COMMON.with_zero_snr(ZeroSnr::Floored))?;
    let spacing = Spacing::read(config, Spacing::Linspace)?;
    let used = SolverSpace::unclipped(config, &training)?;
    let mut space = SolverSpace::new(config, &training, spacing, used, steps)?;
    let lu = config.flag("use_lu_lambdas", false)?;
    let reshape = match Reshape::read(config)? {
        // Karras goes first in diffusers when both are on, Lu before the others.
        Some(Reshape::Karras) => Some(Reshape::Karras),
        _ if lu => Some(Reshape::Lu),
        other => other,
    };
    space.reshape(reshape, None, None, training.schedule != BetaSchedule::Cosine, steps);
    let last = read_final_sigma(config, space.table.min())?;
    let algorithm = Algorithm::read(config, &[("sde-dpmsolver", Algorithm::SdeDpmSolver)], last)?;
    let order = read_order(config)?;
    if order == 3 && algorithm == Algorithm::SdeDpmSolver {
        return Err(config.error("solver_order", "sde-dpmsolver is defined for the orders 1 and 2, got 3"));
    }
    refuse_learned_variance(config)?;
    let sigmas = space.ending_at(last);
    Ok(Box::new(DpmSolver {
        schedule: Schedule::from_sigmas(steps, space.timesteps, sigmas),
        prediction: Prediction::read(config)?,
        bounds: Bounds::read_thresholding(config)?,
        algorithm,
        solver_type: SolverType::read(config)?,
        order,
        lower_order_final: config.flag("lower_order_final", true)?,
        euler_at_final: config.flag("euler_at_final", false)?,
        results: History::new(order),
    }))
}

impl DpmSolver {
    /// The order of the step at `index`: as high as the history allows, lower at the end.
    fn order_at(&self, index: usize) -> usize {
        let len = self.schedule.timesteps().len();
        let (from, to) = self.schedule.step_levels(index);
        let lowered = self.lower_order_final && len < SHORT_RUN;
        let first_order_end = index + 1 == len && (self.euler_at_final || lowered || to.noise == 0.0);
        if first_order_end || from == to {
            return 1;
        }
        let limit = if lowered { self.order.min(len - index) } else { self.order };
        limit.min(self.results.len())
    }

    /// Half the log-SNR of the sample `back` steps before `index`.
    fn lambda(&self, index: usize, back: usize) -> Result<f32> {
        Ok(self.schedule.level(index - back)?.lambda())
    }
}

impl Scheduler for DpmSolver {
    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn advance(&mut self, mut step: Step<'_>) -> Result<Tensor> {
        let index = step.index;
        let (from, to) = self.schedule.step_levels(index);
        let result = self.algorithm.convert(self.prediction, self.bounds, &step.output, &step.sample, from)?;
        self.results.push(result);
        let factors = Factors::new(self.algorithm, from, to);
        let noise = if self.algorithm.is_sde() { Some(step.noise(from, to)?) } else { None };
        let mut next = combine(&[(factors.sample, &step.sample), (factors.result, &self.results[0])])?;
        let order = self.order_at(index);
        if order > 1 {
            let h = to.lambda() - self.lambda(index, 0)?;
            let r0 = (self.lambda(index, 0)? - self.lambda(index, 1)?) / h;
            let newer = scale(&(&self.results[0] - &self.results[1])?, 1.0 / r0)?;
            next = if order == 2 {
                let factor = match self.solver_type {
                    SolverType::Midpoint => factors.slope_midpoint,
                    SolverType::Heun => factors.slope,
                };
                combine(&[(1.0, &next), (factor, &newer)])?
            } else {
                let r1 = (self.lambda(index, 1)? - self.lambda(index, 2)?) / h;
                let older = scale(&(&self.results[1] - &self.results[2])?, 1.0 / r1)?;
                let change = (&newer - older)?;
                let slope = combine(&[(1.0, &newer), (r0 / (r0 + r1), &change)])?;
                let curve = scale(&change, 1.0 / (r0 + r1))?;
                combine(&[(1.0, &next), (factors.slope, &slope), (factors.curve, &curve)])?
            };
        }
        match noise {
            Some(noise) => combine(&[(1.0, &next), (factors.noise, &noise)]),
            None => Ok(next),
        }
    }
}
