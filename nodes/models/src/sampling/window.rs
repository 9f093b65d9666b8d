//! When during a run something is active.

/// A moment of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Index of the step, from 0.
    pub index: usize,
    /// Number of steps of the run.
    pub total: usize,
    /// Noise level.
    pub sigma: f64,
}

/// A part of a run, in one of the two conventions that are in use.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Window {
    /// The whole run.
    #[default]
    Always,
    /// Fractions 0..1 of the steps: step i of n is out if `i/n < start` or `(i+1)/n > end` (diffusers).
    Steps {
        /// First fraction.
        start: f64,
        /// Last fraction.
        end: f64,
    },
    /// Noise levels, from high to low, both included (ComfyUI; see `percent_to_sigma`).
    Sigmas {
        /// Highest noise level.
        start: f64,
        /// Lowest noise level.
        end: f64,
    },
}

impl Window {
    /// Whether `moment` is inside.
    pub fn contains(&self, moment: &Moment) -> bool {
        match *self {
            Self::Always => true,
            Self::Steps { start, end } => {
                let total = moment.total as f64;
                moment.index as f64 / total >= start && (moment.index + 1) as f64 / total <= end
            }
            Self::Sigmas { start, end } => moment.sigma <= start && moment.sigma >= end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_fractions_include_both_ends() {
        let window = Window::Steps { start: 0.2, end: 0.6 };
        let inside: Vec<usize> =
            (0..10).filter(|&index| window.contains(&Moment { index, total: 10, sigma: 1.0 })).collect();
        assert_eq!(inside, [2, 3, 4, 5]);
    }

    #[test]
    fn sigmas_include_both_ends() {
        let window = Window::Sigmas { start: 5.0, end: 0.5 };
        let inside = |sigma| window.contains(&Moment { index: 0, total: 1, sigma });
        assert!(inside(5.0) && inside(0.5) && !inside(5.01) && !inside(0.49));
    }
}
