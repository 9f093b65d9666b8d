//! Linear multistep (Adams-Bashforth over unequal steps) in sigma.
//!
//! **Source**: k-diffusion `sample_lms`, by Katherine Crowson. It goes on to sigma 0 with the full order; newer ComfyUI
//! versions take the model's estimate as the last step instead.

use super::math::{AddScaled, slope};
use super::{Method, Run};
use crate::{Error, Result};
use candle_core::Tensor;

/// One model call a step, order up to 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lms {
    /// How many slopes are fitted, 1 to 4.
    pub order: usize,
}

impl Lms {
    /// `lms` of k-diffusion.
    pub const DEFAULT: Self = Self { order: 4 };
}

impl Method for Lms {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        if !(1..=4).contains(&self.order) {
            return Err(Error::input("order of lms", "1 to 4", self.order.to_string()));
        }
        let sigmas = run.sigmas;
        // Newest first, like the sigmas they belong to.
        let mut slopes: Vec<Tensor> = Vec::new();
        for (i, from, to) in run.steps() {
            let denoised = run.denoise_step(i, &x, from)?;
            slopes.insert(0, slope(&x, &denoised, from)?);
            slopes.truncate(self.order);
            let nodes: Vec<f64> = sigmas[..=i].iter().rev().take(slopes.len()).copied().collect();
            for (j, slope) in slopes.iter().enumerate() {
                x = x.plus(simpson(from, to, |s| lagrange(&nodes, j, s)), slope)?;
            }
        }
        Ok(x)
    }
}

/// The polynomial through `nodes` that is 1 at node `j` and 0 at the others, at `t`.
pub(super) fn lagrange(nodes: &[f64], j: usize, t: f64) -> f64 {
    let others = nodes.iter().enumerate().filter(|(k, _)| *k != j);
    others.map(|(_, node)| (t - node) / (nodes[j] - node)).product()
}

/// Simpson's rule, which is exact for the cubics that order 4 needs.
fn simpson(from: f64, to: f64, f: impl Fn(f64) -> f64) -> f64 {
    (to - from) / 6.0 * (f(from) + 4.0 * f(0.5 * (from + to)) + f(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_steps_give_the_textbook_weights() {
        // Adams-Bashforth 4: 55/24, -59/24, 37/24, -9/24.
        let nodes = [3.0, 2.0, 1.0, 0.0];
        let weight = |j| simpson(3.0, 4.0, |t| lagrange(&nodes, j, t)) * 24.0;
        for (j, expected) in [55.0, -59.0, 37.0, -9.0].into_iter().enumerate() {
            assert!((weight(j) - expected).abs() < 1e-12);
        }
    }
}
