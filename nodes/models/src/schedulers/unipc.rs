//! UniPC: a predictor of any order, and a corrector that uses the next step's result to redo the last step at no cost.
//!
//! **Source**: algorithms 5 to 8 of <https://arxiv.org/abs/2302.04867>; checked against diffusers 0.42.1.

use super::config::Config;
use super::exponential::{Algorithm, read_final_sigma};
use super::history::History;
use super::prediction::{Bounds, Prediction, combine, scale};
use super::reshape::Reshape;
use super::schedule::Schedule;
use super::solver_space::SolverSpace;
use super::spacing::Spacing;
use super::training::{Training, TrainingDefaults, ZeroSnr};
use super::{Scheduler, Step};
use crate::Result;
use candle_core::Tensor;

struct UniPc {
    schedule: Schedule,
    prediction: Prediction,
    bounds: Bounds,
    /// Which of the two flows: by the clean picture or by the noise.
    algorithm: Algorithm,
    basis: Basis,
    order: usize,
    lower_order_final: bool,
    /// Steps that are not corrected.
    uncorrected: Vec<f64>,
    results: History,
    last: Option<Last>,
}

/// The function B(h) that differences are weighed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Basis {
    /// `h`.
    Bh1,
    /// `exp(h) - 1`.
    Bh2,
}

/// The step before: where it started, and its order.
struct Last {
    sample: Tensor,
    order: usize,
}

pub(super) fn build(config: &Config, steps: usize, _eta: Option<f64>) -> Result<Box<dyn Scheduler>> {
    config.refuse("solver_p", "a predictor of another class cannot be given here")?;
    config.refuse("shift_terminal", "it belongs to flow matching models")?;
    let training = Training::read(config, &TrainingDefaults::COMMON.with_zero_snr(ZeroSnr::Floored))?;
    let spacing = Spacing::read(config, Spacing::Linspace)?;
    let mut space = SolverSpace::new(config, &training, spacing, training.len(), steps)?;
    let (max, min) = (config.optional_number("sigma_max")?, config.optional_number("sigma_min")?);
    let reshape = Reshape::read(config)?;
    space.reshape(reshape, max, min, true, steps);
    // A reshaped schedule ends at its own smallest sigma, not at the training's.
    let own_min = space.sigmas.last().copied().filter(|_| reshape.is_some());
    let last = read_final_sigma(config, own_min.unwrap_or(space.table.min()))?;
    let order = config.count("solver_order", 2)?;
    let lower_order_final = config.flag("lower_order_final", true)?;
    if order > 1 && !lower_order_final && last == 0.0 {
        let message = "false does not go with a last step to sigma 0, set it to true or final_sigmas_type to sigma_min";
        return Err(config.error("lower_order_final", message));
    }
    let bases = [
        ("bh1", Basis::Bh1),
        ("bh2", Basis::Bh2),
        // What other solvers' settings mean here.
        ("midpoint", Basis::Bh2),
        ("heun", Basis::Bh2),
        ("logrho", Basis::Bh2),
    ];
    let sigmas = space.ending_at(last);
    let predict_x0 = config.flag("predict_x0", true)?;
    Ok(Box::new(UniPc {
        schedule: Schedule::from_sigmas(steps, space.timesteps, sigmas),
        prediction: Prediction::read(config)?,
        // Thresholding is for the clean picture alone, as in diffusers.
        bounds: if predict_x0 { Bounds::read_thresholding(config)? } else { Bounds::None },
        algorithm: if predict_x0 { Algorithm::DpmSolverPp } else { Algorithm::DpmSolver },
        basis: config.choice("solver_type", &bases, Basis::Bh2)?,
        order,
        lower_order_final,
        uncorrected: config.numbers("disable_corrector")?.unwrap_or_default(),
        results: History::new(order),
        last: None,
    }))
}

impl UniPc {
    /// Carries `sample` over the step that starts at `index`, with the history's newest result being that start's.
    /// With the result at the end of the step too this is the corrector, without it the predictor.
    fn update(&self, index: usize, sample: &Tensor, order: usize, at_end: Option<&Tensor>) -> Result<Tensor> {
        let (from, to) = self.schedule.step_levels(index);
        let h = to.lambda() - from.lambda();
        let (hh, kept, gained) = if self.algorithm.is_plus_plus() {
            (-h, to.noise / from.noise, to.signal)
        } else {
            (h, to.signal / from.signal, to.noise)
        };
        let newest = &self.results[0];
        let mut terms = vec![(kept, sample.clone()), (-(gained * hh.exp_m1()), newest.clone())];
        let basis = match self.basis {
            Basis::Bh1 => hh,
            Basis::Bh2 => hh.exp_m1(),
        };
        let mut ratios = Vec::with_capacity(order);
        for back in 1..order {
            ratios.push((self.schedule.level(index - back)?.lambda() - from.lambda()) / h);
        }
        if at_end.is_some() {
            ratios.push(1.0);
        }
        let weights = weights(&ratios, hh, basis);
        for (k, (ratio, weight)) in ratios.iter().zip(&weights).enumerate() {
            // Differences to the older results, and last to the one at the end of the step.
            let other = if k + 1 < order { &self.results[k + 1] } else { at_end.unwrap_or(newest) };
            terms.push((-(gained * basis * weight), scale(&(other - newest)?, 1.0 / ratio)?));
        }
        let terms: Vec<(f32, &Tensor)> = terms.iter().map(|(factor, tensor)| (*factor, tensor)).collect();
        combine(&terms)
    }
}

/// The weights of the differences at `ratios` (in units of the step), from the order conditions; one alone weighs 1/2.
fn weights(ratios: &[f32], hh: f32, basis: f32) -> Vec<f32> {
    if ratios.len() < 2 {
        return vec![0.5; ratios.len()];
    }
    let mut phi = hh.exp_m1() / hh - 1.0;
    let mut factorial = 1.0;
    let mut rows = Vec::with_capacity(ratios.len());
    for i in 0..ratios.len() {
        let mut row: Vec<f64> = ratios.iter().map(|r| f64::from(r.powi(i as i32))).collect();
        row.push(f64::from(phi * factorial / basis));
        rows.push(row);
        factorial *= (i + 2) as f32;
        phi = phi / hh - 1.0 / factorial;
    }
    solve(rows).into_iter().map(|w| w as f32).collect()
}

/// Solves the linear equations whose rows hold the factors and the right side (Gauss with pivots).
fn solve(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    let n = rows.len();
    for column in 0..n {
        let pivot = (column..n).max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()));
        rows.swap(column, pivot.unwrap_or(column));
        let pivot = rows[column].clone();
        for row in rows.iter_mut().enumerate().filter(|(i, _)| *i != column).map(|(_, row)| row) {
            let factor = row[column] / pivot[column];
            for (value, above) in row.iter_mut().zip(&pivot) {
                *value -= factor * above;
            }
        }
    }
    (0..n).map(|i| rows[i][n] / rows[i][i]).collect()
}

impl Scheduler for UniPc {
    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn advance(&mut self, step: Step<'_>) -> Result<Tensor> {
        let index = step.index;
        let (from, to) = self.schedule.step_levels(index);
        let result = self.algorithm.convert(self.prediction, self.bounds, &step.output, &step.sample, from)?;
        let sample = match self.last.take() {
            Some(last) if index > 0 && !self.uncorrected.contains(&((index - 1) as f64)) => {
                self.update(index - 1, &last.sample, last.order, Some(&result))?
            }
            _ => step.sample,
        };
        self.results.push(result);
        let left = self.schedule.timesteps().len() - index;
        let limit = if self.lower_order_final { self.order.min(left) } else { self.order };
        let order = limit.min(self.results.len());
        // A reshaped schedule that ends at its smallest sigma has a last step of no length.
        let next = if from == to { sample.clone() } else { self.update(index, &sample, order, None)? };
        self.last = Some(Last { sample, order });
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_equations() {
        let solution = solve(vec![vec![0.0, 2.0, 4.0], vec![3.0, 1.0, 5.0]]);
        assert_eq!(solution, [1.0, 2.0]);
    }
}
