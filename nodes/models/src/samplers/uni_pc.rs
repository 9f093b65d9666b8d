//! Unified predictor-corrector, order up to 3, predicting data.
//!
//! **Source**: Zhao et al. 2023, *UniPC*, algorithms 5 and 6 and appendix (<https://arxiv.org/abs/2302.04867>), with the
//! conventions of <https://github.com/wl-zhao/UniPC> as ComfyUI uses it: the last sigma 0 is replaced by 0.001 and the
//! state there is the result; the order falls towards both ends.
//!
//! Upstream works on variance-preserving states; divided by `alpha` the same formulas hold in sigma space, written here.

use super::math::{AddScaled, glide};
use super::{Method, Run};
use crate::Result;
use candle_core::Tensor;

/// Stands for sigma 0, where `ln sigma` does not exist.
const LAST_SIGMA: f64 = 1e-3;
const MAX_ORDER: usize = 3;

/// The function `B(h)` of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UniPcVariant {
    /// `B₁(h) = h`.
    Bh1,
    /// `B₂(h) = eʰ - 1`.
    Bh2,
}

/// One model call a step: each answer corrects the state it was asked at, and predicts the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UniPc {
    /// The function `B(h)`.
    pub variant: UniPcVariant,
}

impl Method for UniPc {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        let sigmas: Vec<f64> = run.sigmas.iter().map(|s| if *s == 0.0 { LAST_SIGMA } else { *s }).collect();
        let steps = sigmas.len() - 1;
        let order = MAX_ORDER.min(steps - 1).max(1);
        let first = run.denoise_step(0, &x, sigmas[0])?;
        let mut history = vec![(sigmas[0], first)]; // newest first
        for (index, sigma) in sigmas.into_iter().enumerate().skip(1) {
            let step = Step::new(&history, sigma, order.min(index).min(steps + 1 - index), self.variant)?;
            let base = step.base(&x)?;
            let predicted = step.predict(&base)?;
            if index == steps {
                return Ok(predicted);
            }
            let denoised = run.denoise(&predicted, sigma)?;
            x = step.correct(&base, &denoised)?;
            run.report(index, sigma, &x, &denoised)?;
            history.insert(0, (sigma, denoised));
            history.truncate(order);
        }
        Ok(x)
    }
}

/// The numbers of one step, shared by its predictor and its corrector.
struct Step<'a> {
    /// The newest estimate.
    newest: &'a Tensor,
    ratio: f64,
    b: f64,
    /// How the older estimates differ from the newest, per unit of their distance.
    trends: Vec<Tensor>,
    /// Weights of the trends, without the new estimate.
    predictor: Vec<f64>,
    /// Weights of the trends, then of the new estimate's difference.
    corrector: Vec<f64>,
}

impl<'a> Step<'a> {
    fn new(history: &'a [(f64, Tensor)], sigma: f64, order: usize, variant: UniPcVariant) -> Result<Self> {
        let (from, newest) = &history[0];
        let h = (from / sigma).ln();
        let b = match variant {
            UniPcVariant::Bh1 => -h,
            UniPcVariant::Bh2 => (-h).exp_m1(),
        };
        // Where the estimates lie, the step going from 0 to 1.
        let mut places = Vec::new();
        let mut trends = Vec::new();
        for (past, estimate) in &history[1..order] {
            let place = (from / past).ln() / h;
            trends.push(((estimate - newest)? / place)?);
            places.push(place);
        }
        places.push(1.0);
        let moments = moments(-h).map(|moment| moment / b);
        // Upstream takes one half where a single difference is left.
        let predictor = if order == 2 { vec![0.5] } else { fit(&places[..order - 1], &moments) };
        let corrector = if order == 1 { vec![0.5] } else { fit(&places, &moments) };
        Ok(Self { newest, ratio: sigma / from, b, trends, predictor, corrector })
    }

    /// The first-order step.
    fn base(&self, x: &Tensor) -> Result<Tensor> {
        glide(x, self.newest, self.ratio)
    }

    fn predict(&self, base: &Tensor) -> Result<Tensor> {
        self.add(base, self.trends.iter().zip(&self.predictor))
    }

    fn correct(&self, base: &Tensor, denoised: &Tensor) -> Result<Tensor> {
        let change = (denoised - self.newest)?;
        self.add(base, self.trends.iter().chain([&change]).zip(&self.corrector))
    }

    fn add<'t>(&self, base: &Tensor, mut trends: impl Iterator<Item = (&'t Tensor, &'t f64)>) -> Result<Tensor> {
        trends.try_fold(base.clone(), |x, (trend, weight)| x.plus(-self.b * weight, trend))
    }
}

/// What the exact integral over the step makes of each power of time: `k! · h φ_{k+1}(h)` for k = 1, 2, 3.
fn moments(h: f64) -> [f64; MAX_ORDER] {
    let mut phi = h.exp_m1() / h - 1.0;
    let mut factorial = 1.0;
    std::array::from_fn(|k| {
        let moment = phi * factorial;
        factorial *= (k + 2) as f64;
        phi = phi / h - 1.0 / factorial;
        moment
    })
}

/// Weights at `places` that give the first of `moments` for the powers 0, 1, ... (a Vandermonde system).
///
/// Each weight is the integral of a Lagrange polynomial: its coefficients times the moments.
fn fit(places: &[f64], moments: &[f64]) -> Vec<f64> {
    let weight = |j: usize| {
        let mut polynomial = vec![1.0]; // lowest power first
        for (k, place) in places.iter().enumerate().filter(|(k, _)| *k != j) {
            let scale = 1.0 / (places[j] - places[k]);
            let times_t = std::iter::once(&0.0).chain(&polynomial);
            let times_place = polynomial.iter().chain([&0.0]);
            polynomial = times_t.zip(times_place).map(|(t, p)| (t - place * p) * scale).collect();
        }
        polynomial.iter().zip(moments).map(|(c, m)| c * m).sum()
    };
    (0..places.len()).map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fitted_weights_reproduce_the_moments() {
        let (places, moments) = ([-2.0, -0.7, 1.0], [0.3, -0.2, 0.5]);
        let weights = fit(&places, &moments);
        for (power, moment) in moments.iter().enumerate() {
            let sum: f64 = weights.iter().zip(places).map(|(w, p)| w * p.powi(power as i32)).sum();
            assert!((sum - moment).abs() < 1e-12);
        }
    }

    #[test]
    fn moments_are_the_integrals() {
        // For small h: h φ₂ = h/2 and so on.
        let got = moments(-1e-2);
        for (k, expected) in [-0.5e-2, -1e-2 / 3.0, -0.25e-2].into_iter().enumerate() {
            assert!((got[k] / expected - 1.0).abs() < 1e-2, "{got:?}");
        }
    }
}
