//! Which training timesteps a run of a given number of steps visits.
//!
//! **Source**: table 2 of <https://arxiv.org/abs/2305.08891>; checked against diffusers 0.42.1.
//!
//! **Differences**: for a few step counts (61 of 1000, for one) diffusers' `trailing` returns one entry too many, timestep
//! -1, because of a rounding error; here there are always as many entries as steps.

use super::config::Config;
use crate::Result;

/// Where the visited timesteps lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spacing {
    /// From the last training timestep to the first, both included.
    Linspace,
    /// Whole strides up from the first; the last training timestep is not visited.
    Leading,
    /// Whole strides down from the last; the first training timestep is not visited.
    Trailing,
}

impl Spacing {
    pub fn read(config: &Config, default: Self) -> Result<Self> {
        let table = [("linspace", Self::Linspace), ("leading", Self::Leading), ("trailing", Self::Trailing)];
        config.choice("timestep_spacing", &table, default)
    }
}

/// What [`timesteps`] needs to know.
pub(super) struct Range {
    pub spacing: Spacing,
    /// How many training timesteps there are.
    pub train: usize,
    /// How many of them are used, counted from the first.
    pub used: usize,
    /// Added by the `leading` spacing.
    pub offset: i64,
    /// Whether the space is divided for one more step, which is left out: solvers whose last step goes to sigma 0.
    pub spare: bool,
}

/// The timesteps of a run, falling; fractions as `linspace` gives them. All zero strides are refused by the caller.
pub(super) fn timesteps(range: &Range, steps: usize) -> Vec<f64> {
    let points = steps + usize::from(range.spare);
    match range.spacing {
        Spacing::Linspace => {
            let rising = linspace(0.0, (range.used - 1) as f64, points);
            rising.into_iter().rev().take(steps).collect()
        }
        Spacing::Leading => {
            let stride = range.used / points;
            (0..points).rev().take(steps).map(|i| (i * stride) as f64 + range.offset as f64).collect()
        }
        Spacing::Trailing => {
            let used = range.used as f64;
            // The stride as numpy's `arange` holds it: the difference of its first two entries.
            let stride = (used - range.train as f64 / steps as f64) - used;
            let visited = (0..steps).map(|i| used + i as f64 * stride).take_while(|t| *t > 0.0);
            visited.map(|t| t.round_ties_even() - 1.0).collect()
        }
    }
}

/// `len` numbers from `start` to `stop` as numpy computes them in f64.
pub(super) fn linspace(start: f64, stop: f64, len: usize) -> Vec<f64> {
    if len == 1 {
        return vec![start];
    }
    let step = (stop - start) / (len - 1) as f64;
    (0..len).map(|i| if i + 1 == len { stop } else { i as f64 * step + start }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(spacing: Spacing, spare: bool, steps: usize) -> Vec<f64> {
        timesteps(&Range { spacing, train: 1000, used: 1000, offset: 1, spare }, steps)
    }

    #[test]
    fn four_steps_of_a_thousand() {
        assert_eq!(at(Spacing::Leading, false, 4), [751.0, 501.0, 251.0, 1.0]);
        assert_eq!(at(Spacing::Leading, true, 4), [801.0, 601.0, 401.0, 201.0]);
        assert_eq!(at(Spacing::Trailing, false, 4), [999.0, 749.0, 499.0, 249.0]);
        assert_eq!(at(Spacing::Linspace, false, 4), [999.0, 666.0, 333.0, 0.0]);
    }

    #[test]
    fn one_entry_per_step() {
        for steps in 1..=100 {
            for spacing in [Spacing::Leading, Spacing::Trailing, Spacing::Linspace] {
                assert_eq!(at(spacing, false, steps).len(), steps);
                assert!(at(spacing, true, steps).iter().all(|t| *t >= 0.0));
            }
        }
    }
}
