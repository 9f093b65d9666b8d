//! Improved pseudo numerical methods: Adams-Bashforth on slopes in sigma.
//!
//! **Source**: Zhang and Chen 2022, *Fast Sampling of Diffusion Models with Exponential Integrator*, iPNDM
//! (<https://arxiv.org/abs/2204.13902>); the solvers of <https://github.com/zju-pi/diff-sampler>, as ComfyUI has them.

use super::math::{AddScaled, slope};
use super::{Method, Run};
use crate::{Error, Result};
use candle_core::Tensor;

/// Adams-Bashforth with the weights for equal steps, whatever the steps are; the step to 0 takes the model's estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipndm {
    /// How many slopes are used, 1 to 4.
    pub max_order: usize,
}

impl Ipndm {
    /// `ipndm` of ComfyUI.
    pub const DEFAULT: Self = Self { max_order: 4 };
}

impl Method for Ipndm {
    fn integrate(&self, run: &mut Run<'_>, x: Tensor) -> Result<Tensor> {
        multistep(run, x, self.max_order, |_, order| equal_step_weights(order))
    }
}

/// [`Ipndm`] with weights for the actual steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpndmV {
    /// How many slopes are used, 1 to 4.
    pub max_order: usize,
}

impl IpndmV {
    /// `ipndm_v` of ComfyUI.
    pub const DEFAULT: Self = Self { max_order: 4 };
}

impl Method for IpndmV {
    fn integrate(&self, run: &mut Run<'_>, x: Tensor) -> Result<Tensor> {
        multistep(run, x, self.max_order, unequal_step_weights)
    }
}

/// Steps by a weighted sum of the newest slopes; `weights(recent, order)` gets the sigmas newest first, the target at 0.
fn multistep(
    run: &mut Run<'_>,
    mut x: Tensor,
    max_order: usize,
    weights: impl Fn(&[f64], usize) -> Vec<f64>,
) -> Result<Tensor> {
    if !(1..=4).contains(&max_order) {
        return Err(Error::input("max_order of ipndm", "1 to 4", max_order.to_string()));
    }
    let sigmas = run.sigmas;
    let mut slopes: Vec<Tensor> = Vec::new(); // newest first
    for (i, from, to) in run.steps() {
        let denoised = run.denoise_step(i, &x, from)?;
        if to == 0.0 {
            return Ok(denoised);
        }
        slopes.insert(0, slope(&x, &denoised, from)?);
        slopes.truncate(max_order);
        let recent: Vec<f64> = sigmas[..=i + 1].iter().rev().copied().collect();
        for (weight, slope) in weights(&recent, slopes.len()).into_iter().zip(&slopes) {
            x = x.plus((to - from) * weight, slope)?;
        }
    }
    Ok(x)
}

/// Adams-Bashforth's weights, newest first (any textbook).
fn equal_step_weights(order: usize) -> Vec<f64> {
    match order {
        1 => vec![1.0],
        2 => vec![3.0 / 2.0, -1.0 / 2.0],
        3 => vec![23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0],
        _ => vec![55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0],
    }
}

/// Adams-Bashforth's weights for unequal steps as diff-sampler computes them, newest first.
///
/// Written in Newton's divided differences. Two terms are not the exact integrals, and pictures follow upstream: in
/// `second` the whole product is subtracted from 1, where it should be `lead` alone, times the last factor; and `third` is
/// 11/24 for equal steps, where it should be 9/24. Up to order 3 equal steps give the textbook's weights.
fn unequal_step_weights(recent: &[f64], order: usize) -> Vec<f64> {
    let step = |k: usize| recent[k] - recent[k + 1];
    let h = step(0);
    let mut weights = vec![1.0];
    if order >= 2 {
        let a = step(1);
        let first = h / (2.0 * a);
        weights = vec![1.0 + first, -first];
        if order >= 3 {
            let b = step(2);
            let lead = h / (3.0 * (h + a));
            let second = (1.0 - lead * (h * (h + a)) / (a * (a + b))) / 2.0;
            weights = vec![weights[0] + second, weights[1] - (1.0 + a / b) * second, second * a / b];
            if order >= 4 {
                let c = step(3);
                let head = (1.0 - lead) / 2.0 + (1.0 - h / (2.0 * (h + a))) * h / (6.0 * (h + a + b));
                let third = head * (h * (h + a) * (h + a + b)) / (a * (a + b) * (a + b + c));
                let (near, far) = (a / b, a * (a + b) / (b * (b + c)));
                weights[0] += third;
                weights[1] -= (1.0 + near + far) * third;
                weights[2] += (near + far * (1.0 + b / c)) * third;
                weights.push(-third * far * near);
            }
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_steps_agree() {
        for order in 1..=3 {
            let (got, expected) = (unequal_step_weights(&[1.0, 2.0, 3.0, 4.0, 5.0], order), equal_step_weights(order));
            assert_eq!(got.len(), order);
            assert!(got.iter().zip(&expected).all(|(g, e)| (g - e).abs() < 1e-12), "{got:?} {expected:?}");
        }
    }

    #[test]
    fn weights_sum_to_one_for_unequal_steps() {
        for order in 1..=3 {
            let sum: f64 = unequal_step_weights(&[1.0, 1.5, 3.0, 4.7, 9.0], order).iter().sum();
            assert!((sum - 1.0).abs() < 1e-12, "order {order}: {sum}");
        }
    }
}
