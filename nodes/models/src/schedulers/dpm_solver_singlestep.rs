//! DPM-Solver and DPM-Solver++ in groups of steps ("2S", "3S"): a group starts with a first-order step, and each further call
//! redoes the way from the group's start with one order more.
//!
//! **Source**: <https://arxiv.org/abs/2206.00927>, algorithm 1 of <https://arxiv.org/abs/2211.01095>; checked against diffusers 0.42.1.

use super::config::Config;
use super::exponential::{Algorithm, Factors, SolverType, read_final_sigma, read_order, refuse_learned_variance};
use super::history::History;
use super::prediction::{Bounds, Prediction, combine, scale};
use super::reshape::Reshape;
use super::schedule::Schedule;
use super::solver_space::SolverSpace;
use super::spacing::Spacing;
use super::training::{Training, TrainingDefaults};
use super::{Scheduler, Step};
use crate::Result;
use candle_core::Tensor;

struct DpmSolverSinglestep {
    schedule: Schedule,
    prediction: Prediction,
    bounds: Bounds,
    algorithm: Algorithm,
    solver_type: SolverType,
    /// The order of every step.
    orders: Vec<usize>,
    results: History,
    /// The sample that the group started from.
    base: Option<Tensor>,
}

pub(super) fn build(config: &Config, steps: usize, _eta: Option<f64>) -> Result<Box<dyn Scheduler>> {
    let training = Training::read(config, &TrainingDefaults::COMMON)?;
    let used = SolverSpace::unclipped(config, &training)?;
    let mut space = SolverSpace::new(config, &training, Spacing::Linspace, used, steps)?;
    space.reshape(Reshape::read(config)?, None, None, true, steps);
    let last = read_final_sigma(config, space.table.min())?;
    let algorithm = Algorithm::read(config, &[], last)?;
    refuse_learned_variance(config)?;
    let order = read_order(config)?;
    let lower_order_final = config.flag("lower_order_final", false)? || last == 0.0;
    let sigmas = space.ending_at(last);
    Ok(Box::new(DpmSolverSinglestep {
        schedule: Schedule::from_sigmas(steps, space.timesteps, sigmas),
        prediction: Prediction::read(config)?,
        bounds: Bounds::read_thresholding(config)?,
        algorithm,
        solver_type: SolverType::read(config)?,
        orders: orders(order, steps, lower_order_final, last == 0.0),
        results: History::new(order),
        base: None,
    }))
}

/// The orders of `steps` steps in groups of 1, .. `order`. With `lower_order_final` a last group that is whole ends with a
/// first-order step instead, and a step to sigma 0 is one in any case.
fn orders(order: usize, steps: usize, lower_order_final: bool, to_zero: bool) -> Vec<usize> {
    let first_order_end = to_zero || (lower_order_final && steps % order == 0);
    (1..=steps).map(|step| if step == steps && first_order_end { 1 } else { (step - 1) % order + 1 }).collect()
}

impl Scheduler for DpmSolverSinglestep {
    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn advance(&mut self, mut step: Step<'_>) -> Result<Tensor> {
        let index = step.index;
        let (here, to) = self.schedule.step_levels(index);
        let result = self.algorithm.convert(self.prediction, self.bounds, &step.output, &step.sample, here)?;
        self.results.push(result);
        let noise = if self.algorithm.is_sde() { Some(step.noise(here, to)?) } else { None };
        let order = self.orders[index].min(self.results.len());
        let base = match self.base.take() {
            Some(base) if order > 1 => base,
            _ => step.sample,
        };
        // The group's start: its level, its result, and the way from there.
        let start = self.schedule.level(index + 1 - order)?;
        let first = &self.results[order - 1];
        let factors = Factors::new(self.algorithm, start, to);
        let mut next = combine(&[(factors.sample, &base), (factors.result, first)])?;
        if order > 1 {
            let h = to.lambda() - start.lambda();
            let slope_to = |age: usize| -> Result<(f32, Tensor)> {
                let r = (self.schedule.level(index - age)?.lambda() - start.lambda()) / h;
                Ok((r, scale(&(&self.results[age] - first)?, 1.0 / r)?))
            };
            let (r0, newest) = slope_to(0)?;
            next = match (order, self.solver_type) {
                (2, SolverType::Midpoint) => combine(&[(1.0, &next), (factors.slope_midpoint, &newest)])?,
                (_, SolverType::Midpoint) | (2, SolverType::Heun) => {
                    combine(&[(1.0, &next), (factors.slope, &newest)])?
                }
                (_, SolverType::Heun) => {
                    let (r1, middle) = slope_to(1)?;
                    let span = r0 - r1;
                    let slope = combine(&[(r0 / span, &middle), (-r1 / span, &newest)])?;
                    let curve = scale(&(&newest - &middle)?, 2.0 / span)?;
                    combine(&[(1.0, &next), (factors.slope, &slope), (factors.curve, &curve)])?
                }
            };
        }
        self.base = Some(base);
        match noise {
            Some(noise) => combine(&[(1.0, &next), (factors.noise, &noise)]),
            None => Ok(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::orders;

    #[test]
    fn groups_and_their_end() {
        assert_eq!(orders(3, 6, false, false), [1, 2, 3, 1, 2, 3]);
        assert_eq!(orders(3, 6, true, true), [1, 2, 3, 1, 2, 1]);
        assert_eq!(orders(3, 7, true, true), [1, 2, 3, 1, 2, 3, 1]);
        assert_eq!(orders(3, 8, true, false), [1, 2, 3, 1, 2, 3, 1, 2]);
        assert_eq!(orders(3, 8, true, true), [1, 2, 3, 1, 2, 3, 1, 1]);
        assert_eq!(orders(2, 4, true, true), [1, 2, 1, 1]);
    }
}
