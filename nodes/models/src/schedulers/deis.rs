//! DEIS: the noise extrapolated as a polynomial in log-rho (rho is noise over signal) and integrated exactly.
//!
//! **Source**: <https://arxiv.org/abs/2204.13902>, the rhoAB variant in logarithms; checked against diffusers 0.42.1.

use super::config::Config;
use super::dpm_solver::SHORT_RUN;
use super::exponential::{Algorithm, Factors, read_order};
use super::history::History;
use super::prediction::{Bounds, Prediction, combine};
use super::reshape::Reshape;
use super::schedule::{Level, Schedule};
use super::solver_space::SolverSpace;
use super::spacing::Spacing;
use super::training::{Training, TrainingDefaults};
use super::{Scheduler, Step};
use crate::Result;
use candle_core::Tensor;

struct Deis {
    schedule: Schedule,
    prediction: Prediction,
    bounds: Bounds,
    order: usize,
    lower_order_final: bool,
    results: History,
}

pub(super) fn build(config: &Config, steps: usize, _eta: Option<f64>) -> Result<Box<dyn Scheduler>> {
    // There is one algorithm and one solver type; the names of DPM-Solver's and UniPC's mean it, too.
    config.choice("algorithm_type", &["deis", "dpmsolver", "dpmsolver++"].map(|name| (name, ())), ())?;
    config.choice("solver_type", &["logrho", "midpoint", "heun", "bh1", "bh2"].map(|name| (name, ())), ())?;
    let training = Training::read(config, &TrainingDefaults::COMMON)?;
    let spacing = Spacing::read(config, Spacing::Linspace)?;
    let mut space = SolverSpace::new(config, &training, spacing, training.len(), steps)?;
    let reshape = Reshape::read(config)?;
    space.reshape(reshape, None, None, true, steps);
    // It integrates the noise, so that it never steps to sigma 0.
    let own_min = space.sigmas.last().copied().filter(|_| reshape.is_some());
    let sigmas = space.ending_at(own_min.unwrap_or(space.table.min()));
    let order = read_order(config)?;
    Ok(Box::new(Deis {
        schedule: Schedule::from_sigmas(steps, space.timesteps, sigmas),
        prediction: Prediction::read(config)?,
        bounds: Bounds::read_thresholding(config)?,
        order,
        lower_order_final: config.flag("lower_order_final", true)?,
        results: History::new(order),
    }))
}

impl Deis {
    fn order_at(&self, index: usize) -> usize {
        let len = self.schedule.timesteps().len();
        let lowered = self.lower_order_final && len < SHORT_RUN;
        let limit = if lowered { self.order.min(len - index) } else { self.order };
        limit.min(self.results.len())
    }
}

/// Noise over signal.
fn rho(level: Level) -> f32 {
    level.noise / level.signal
}

/// The integral up to `t` of the line in log-rho that is 1 at `b` and 0 at `c`.
fn line_integral(t: f32, b: f32, c: f32) -> f32 {
    t * (-c.ln() + t.ln() - 1.0) / (b.ln() - c.ln())
}

/// The integral up to `t` of the parabola in log-rho that is 1 at `b` and 0 at `c` and `d`.
fn parabola_integral(t: f32, b: f32, c: f32, d: f32) -> f32 {
    let (t_log, b_log, c_log, d_log) = (t.ln(), b.ln(), c.ln(), d.ln());
    let numerator = t * (c_log * (d_log - t_log + 1.0) - d_log * t_log + d_log + t_log * t_log - 2.0 * t_log + 2.0);
    numerator / ((b_log - c_log) * (b_log - d_log))
}

impl Scheduler for Deis {
    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn advance(&mut self, step: Step<'_>) -> Result<Tensor> {
        let index = step.index;
        let (from, to) = self.schedule.step_levels(index);
        let algorithm = Algorithm::DpmSolver;
        let result = algorithm.convert(self.prediction, self.bounds, &step.output, &step.sample, from)?;
        self.results.push(result);
        let (t, s0) = (rho(to), rho(from));
        let rho_back = |back: usize| -> Result<f32> { Ok(rho(self.schedule.level(index - back)?)) };
        let kept = to.signal / from.signal;
        let factors = match self.order_at(index) {
            1 => {
                let factors = Factors::new(algorithm, from, to);
                return combine(&[(factors.sample, &step.sample), (factors.result, &self.results[0])]);
            }
            2 => {
                let s1 = rho_back(1)?;
                vec![
                    line_integral(t, s0, s1) - line_integral(s0, s0, s1),
                    line_integral(t, s1, s0) - line_integral(s0, s1, s0),
                ]
            }
            _ => {
                let (s1, s2) = (rho_back(1)?, rho_back(2)?);
                let over = |b, c, d| parabola_integral(t, b, c, d) - parabola_integral(s0, b, c, d);
                vec![over(s0, s1, s2), over(s1, s2, s0), over(s2, s0, s1)]
            }
        };
        let results = factors.into_iter().map(|f| to.signal * f).zip(self.results.iter());
        let terms: Vec<(f32, &Tensor)> = std::iter::once((kept, &step.sample)).chain(results).collect();
        combine(&terms)
    }
}
