//! A Brownian path over sigma, for samplers that integrate a stochastic differential equation.

use super::NoiseSource;
use crate::rng::TorchGenerator;
use crate::{Error, Result};
use candle_core::Tensor;
use std::collections::HashMap;

/// Halvings of the interval; a leaf is then a millionth of the whole in `ln sigma`, and the path is linear inside.
const DEPTH: u32 = 20;
/// How far, relatively, a sampler's sigma may lie outside by rounding.
const SLACK: f64 = 1e-5;

/// Increments of a Brownian path over sigma, for samplers that integrate a stochastic differential equation.
///
/// One seed and range is one path `W(sigma)`. Noise for a step is its increment, scaled to unit variance, so overlapping and
/// nested steps get correctly correlated noise, and a run with other steps follows the same path: pictures change less when
/// only the step count changes.
///
/// **Source**: Li et al. 2020, *Scalable Gradients for Stochastic Differential Equations* (virtual Brownian tree,
/// <https://arxiv.org/abs/2001.01328>, section 4); its use as sampling noise is k-diffusion's `BrownianTreeNoiseSampler`.
///
/// **Differences**: torchsde's tree draws other numbers, so a seed gives another path than there, of the same distribution.
/// Intervals are halved in `ln sigma`, which keeps the resolution relative to sigma also for zero-terminal-SNR models, whose
/// sigmas span five decades.
#[derive(Debug, Clone)]
pub struct BrownianNoise {
    seed: u64,
    sigma_min: f64,
    sigma_max: f64,
    shape: Vec<usize>,
    /// The path at every sigma asked for so far, by the bits of sigma: the end of a step is the start of the next one.
    known: HashMap<u64, Vec<f32>>,
}

impl BrownianNoise {
    /// The path of `seed` over `sigma_min..=sigma_max`, both positive.
    ///
    /// # Errors
    /// When the interval is empty or reaches zero.
    pub fn new(seed: u64, sigma_min: f64, sigma_max: f64) -> Result<Self> {
        if !(sigma_min > 0.0 && sigma_min < sigma_max && sigma_max.is_finite()) {
            let got = format!("{sigma_min}..{sigma_max}");
            return Err(Error::input("brownian noise", "0 < sigma_min < sigma_max", got));
        }
        Ok(Self { seed, sigma_min, sigma_max, shape: Vec::new(), known: HashMap::new() })
    }

    /// `W(sigma)`, with `W(sigma_min) = 0`.
    fn path(&mut self, sigma: f64, count: usize) -> Result<&[f32]> {
        let (min, max) = (self.sigma_min, self.sigma_max);
        if !(sigma >= min * (1.0 - SLACK) && sigma <= max * (1.0 + SLACK)) {
            return Err(Error::input("sigma of brownian noise", format!("{min}..={max}"), sigma.to_string()));
        }
        let sigma = sigma.clamp(min, max);
        let seed = self.seed;
        Ok(self.known.entry(sigma.to_bits()).or_insert_with(|| descend(seed, min, max, sigma, count)))
    }
}

impl NoiseSource for BrownianNoise {
    fn next(&mut self, like: &Tensor, sigma_from: f64, sigma_to: f64) -> Result<Tensor> {
        if self.shape != like.dims() {
            if !self.known.is_empty() {
                let got = format!("{:?}", like.dims());
                return Err(Error::input("state of brownian noise", format!("shape {:?} throughout", self.shape), got));
            }
            self.shape = like.dims().to_vec();
        }
        if sigma_from == sigma_to {
            return Err(Error::input("step of brownian noise", "two different sigmas", format!("{sigma_from} twice")));
        }
        let count = like.elem_count();
        let scale = (1.0 / (sigma_to - sigma_from).abs().sqrt()) as f32;
        let from = self.path(sigma_from, count)?.to_vec();
        let to = self.path(sigma_to, count)?;
        let noise: Vec<f32> = to.iter().zip(&from).map(|(t, f)| (t - f) * scale).collect();
        Ok(Tensor::from_vec(noise, like.dims(), like.device())?.to_dtype(like.dtype())?)
    }
}

/// Walks from the root to the leaf that holds `sigma`, drawing the path at every midpoint on the way.
fn descend(seed: u64, min: f64, max: f64, sigma: f64, count: usize) -> Vec<f32> {
    let (mut low, mut high) = (min, max);
    let mut at_low = vec![0.0; count];
    let mut at_high = normals(seed, 0, count);
    let spread = (max - min).sqrt() as f32;
    at_high.iter_mut().for_each(|w| *w *= spread);
    // Nodes are numbered like a heap: the root's midpoint is 1, the children of n are 2n and 2n + 1.
    let mut node = 1;
    for _ in 0..DEPTH {
        if sigma == low || sigma == high {
            break;
        }
        // The bridge between two known values: linear mean, variance (m - low)(high - m) / (high - low).
        let middle = (low * high).sqrt();
        let weight = (middle - low) / (high - low);
        let deviation = ((middle - low) * (high - middle) / (high - low)).sqrt() as f32;
        let mut at_middle = lerp(&at_low, &at_high, weight);
        at_middle.iter_mut().zip(normals(seed, node, count)).for_each(|(w, n)| *w += deviation * n);
        if sigma < middle {
            (high, at_high, node) = (middle, at_middle, 2 * node);
        } else {
            (low, at_low, node) = (middle, at_middle, 2 * node + 1);
        }
    }
    lerp(&at_low, &at_high, (sigma - low) / (high - low))
}

fn lerp(a: &[f32], b: &[f32], weight: f64) -> Vec<f32> {
    let (keep, weight) = ((1.0 - weight) as f32, weight as f32);
    a.iter().zip(b).map(|(a, b)| keep * a + weight * b).collect()
}

/// The normal numbers that belong to one node of the tree.
fn normals(seed: u64, node: u64, count: usize) -> Vec<f32> {
    TorchGenerator::new(mix(seed ^ mix(node))).randn(count)
}

/// SplitMix64's output function (Steele, Lea and Flood 2014): neighbouring numbers become unrelated ones.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    const COUNT: usize = 40_000;

    fn increments(noise: &mut BrownianNoise, steps: &[(f64, f64)]) -> Vec<Vec<f32>> {
        let like = Tensor::zeros(COUNT, DType::F32, &Device::Cpu).unwrap();
        let draw = |&(from, to): &(f64, f64)| noise.next(&like, from, to).unwrap().to_vec1().unwrap();
        steps.iter().map(draw).collect()
    }

    fn mean_product(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>() / a.len() as f64
    }

    #[test]
    fn increments_are_unit_normal_and_independent() {
        let mut noise = BrownianNoise::new(5, 0.03, 4500.0).unwrap();
        let steps = [(4500.0, 60.0), (60.0, 2.0), (2.0, 0.05), (0.05, 0.045), (0.045, 0.03)];
        let drawn = increments(&mut noise, &steps);
        for (i, a) in drawn.iter().enumerate() {
            for (j, b) in drawn.iter().enumerate() {
                let expected = f64::from(u8::from(i == j));
                let got = mean_product(a, b);
                assert!((got - expected).abs() < 0.03, "steps {i} and {j}: {got}"); // 6 standard errors
            }
        }
    }

    #[test]
    fn nested_steps_add_up() {
        let mut noise = BrownianNoise::new(1, 0.1, 10.0).unwrap();
        let drawn = increments(&mut noise, &[(8.0, 3.0), (3.0, 1.0), (8.0, 1.0)]);
        let (root5, root2, root7) = (5f32.sqrt(), 2f32.sqrt(), 7f32.sqrt());
        for ((first, second), both) in drawn[0].iter().zip(&drawn[1]).zip(&drawn[2]) {
            assert!((first * root5 + second * root2 - both * root7).abs() < 1e-4);
        }
    }

    #[test]
    fn the_path_depends_on_the_seed_alone() {
        let step = (5.0, 2.0);
        let alone = increments(&mut BrownianNoise::new(9, 0.1, 10.0).unwrap(), &[step]);
        let later = increments(&mut BrownianNoise::new(9, 0.1, 10.0).unwrap(), &[(9.0, 4.0), (4.0, 2.0), step]);
        assert_eq!(alone[0], later[2]);
        let other = increments(&mut BrownianNoise::new(10, 0.1, 10.0).unwrap(), &[step]);
        assert!(mean_product(&alone[0], &other[0]).abs() < 0.03);
        let back = increments(&mut BrownianNoise::new(9, 0.1, 10.0).unwrap(), &[(2.0, 5.0)]);
        assert!(alone[0].iter().zip(&back[0]).all(|(a, b)| *a == -b));
    }

    #[test]
    fn what_it_refuses() {
        assert!(BrownianNoise::new(1, 0.0, 1.0).is_err());
        let like = Tensor::zeros(2, DType::F32, &Device::Cpu).unwrap();
        let mut noise = BrownianNoise::new(1, 0.1, 10.0).unwrap();
        assert!(noise.next(&like, 10.0, 0.05).is_err());
        assert!(noise.next(&like, 1.0, 1.0).is_err());
        assert!(noise.next(&like, 10.0, 0.1).is_ok());
        let other = Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap();
        assert!(noise.next(&other, 10.0, 0.1).is_err());
    }
}
