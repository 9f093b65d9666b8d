//! DPM-Solver with fixed and with adaptive steps in `t = -ln sigma`.
//!
//! **Source**: Lu et al. 2022, *DPM-Solver*, algorithms 1 to 3 and appendix C (<https://arxiv.org/abs/2206.00927>);
//! k-diffusion `sample_dpm_fast` and `sample_dpm_adaptive`, whose defaults these are.
//!
//! Both look only at the largest and the smallest positive sigma of the schedule, and end at that smallest one, so a little
//! noise is left, as there.

use super::Method;
use super::math::{AddScaled, ancestral, combine, slope};
use super::run::{Run, StepEvent};
use crate::{Error, Result};
use candle_core::Tensor;

/// As many model calls as the schedule has steps, spent in steps of order 3, with lower orders at the end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DpmFast {
    /// Share of noise that is made anew: 0 none, 1 as DDPM.
    pub eta: f64,
    /// Deviation of that noise, 1 keeps the level exact.
    pub s_noise: f64,
}

impl DpmFast {
    /// `dpm_fast` of k-diffusion: deterministic.
    pub const DEFAULT: Self = Self { eta: 0.0, s_noise: 1.0 };
}

impl Method for DpmFast {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        let (start, end) = time_range(run.sigmas)?;
        let orders = fast_orders(run.sigmas.len() - 1);
        let length = (end - start) / orders.len() as f64;
        for (index, order) in orders.iter().enumerate() {
            let (t, next) = (start + length * index as f64, start + length * (index + 1) as f64);
            let mut step = Step::begin(run, &x, t, next, end, self.eta)?;
            let total = Some(orders.len());
            let denoised = x.plus(-sigma(t), &step.noise)?;
            (step.run.on_step)(&StepEvent { index, total, sigma: sigma(t), x: &x, denoised: &denoised })?;
            let reached = match order {
                1 => step.first_order()?,
                2 => step.second_order(1.0 / 2.0)?,
                _ => step.third_order()?,
            };
            let up = step.up;
            x = run.add_noise(reached, sigma(t), sigma(next), up * self.s_noise)?;
        }
        Ok(x)
    }
}

/// Chooses its steps so that an embedded method of lower order agrees; the schedule's steps do not count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DpmAdaptive {
    /// 2 (checked against order 1) or 3 (checked against order 2).
    pub order: usize,
    /// Tolerated relative error of a step.
    pub relative: f64,
    /// Tolerated absolute error of a step.
    pub absolute: f64,
    /// Length of the first step in `-ln sigma`.
    pub first_step: f64,
    /// Controller's weight of the last error.
    pub proportional: f64,
    /// Controller's weight of the present error.
    pub integral: f64,
    /// Controller's weight of the change of the error.
    pub derivative: f64,
    /// A step is repeated when the controller would shrink it below this factor.
    pub accept_safety: f64,
    /// Share of noise that is made anew: 0 none, 1 as DDPM.
    pub eta: f64,
    /// Deviation of that noise, 1 keeps the level exact.
    pub s_noise: f64,
}

impl DpmAdaptive {
    /// `dpm_adaptive` of k-diffusion: DPM-Solver-23, deterministic.
    pub const DEFAULT: Self = Self {
        order: 3,
        relative: 0.05,
        absolute: 0.0078,
        first_step: 0.05,
        proportional: 0.0,
        integral: 1.0,
        derivative: 0.0,
        accept_safety: 0.81,
        eta: 0.0,
        s_noise: 1.0,
    };

    /// Root mean square of the difference, in units of what is tolerated.
    fn error(&self, low: &Tensor, high: &Tensor, last: &Tensor) -> Result<f64> {
        let size = low.abs()?.maximum(&last.abs()?)?;
        let tolerated = (size * self.relative)?.maximum(self.absolute)?;
        let squares = ((low - high)? / tolerated)?.sqr()?;
        Ok(f64::from(squares.mean_all()?.to_scalar::<f32>()?).sqrt())
    }
}

impl Method for DpmAdaptive {
    fn integrate(&self, run: &mut Run<'_>, mut x: Tensor) -> Result<Tensor> {
        if !(2..=3).contains(&self.order) {
            return Err(Error::input("order of dpm_adaptive", "2 or 3", self.order.to_string()));
        }
        let (start, end) = time_range(run.sigmas)?;
        let order = if self.eta == 0.0 { self.order as f64 } else { 1.5 };
        let mut controller = Controller::new(self, order);
        let mut t = start;
        let mut last_low = x.clone();
        let mut index = 0;
        while t < end - 1e-5 {
            let next = end.min(t + controller.step);
            let mut step = Step::begin(run, &x, t, next, end, self.eta)?;
            let denoised = x.plus(-sigma(t), &step.noise)?;
            let (low, high) = if self.order == 2 {
                (step.first_order()?, step.second_order(1.0 / 2.0)?)
            } else {
                (step.second_order(1.0 / 3.0)?, step.third_order()?)
            };
            let up = step.up;
            let error = self.error(&low, &high, &last_low)?;
            if !error.is_finite() {
                let got = format!("an error of {error} at sigma {}", sigma(t));
                return Err(Error::input("dpm_adaptive", "finite predictions of the model", got));
            }
            if controller.accepts(error) {
                x = run.add_noise(high, sigma(t), sigma(next), up * self.s_noise)?;
                last_low = low;
                t = next;
            }
            (run.on_step)(&StepEvent { index, total: None, sigma: sigma(t), x: &x, denoised: &denoised })?;
            index += 1;
        }
        Ok(x)
    }
}

/// One step from `t` to `target`, with the model calls made so far.
struct Step<'r, 'a, 'x> {
    run: &'r mut Run<'a>,
    x: &'x Tensor,
    t: f64,
    /// Where the deterministic part ends.
    target: f64,
    /// Deviation of the noise that lifts it from there to the step's end.
    up: f64,
    /// The noise in `x`.
    noise: Tensor,
    /// The noise found a third (or half) into the step, which two methods may share.
    inner: Option<(f64, Tensor)>,
}

impl<'r, 'a, 'x> Step<'r, 'a, 'x> {
    fn begin(run: &'r mut Run<'a>, x: &'x Tensor, t: f64, next: f64, end: f64, eta: f64) -> Result<Self> {
        let (down, _) = ancestral(sigma(t), sigma(next), eta);
        let target = end.min(-down.ln());
        let up = (sigma(next).powi(2) - sigma(target).powi(2)).max(0.0).sqrt();
        let noise = slope(x, &run.denoise(x, sigma(t))?, sigma(t))?;
        let (target, up) = if eta == 0.0 { (next, 0.0) } else { (target, up) };
        Ok(Self { run, x, t, target, up, noise, inner: None })
    }

    fn length(&self) -> f64 {
        self.target - self.t
    }

    /// The noise in the state that the first-order rule reaches at share `r` of the step, moved by `bend · direction`.
    fn noise_at(&mut self, r: f64, bend: f64, direction: &Tensor) -> Result<Tensor> {
        let level = sigma(self.t + r * self.length());
        let weight = -level * (r * self.length()).exp_m1();
        let state = combine(&[(1.0, self.x), (weight, &self.noise), (-level * bend, direction)])?;
        slope(&state, &self.run.denoise(&state, level)?, level)
    }

    /// [`Self::noise_at`] without a bend, asked once.
    fn inner_noise(&mut self, r: f64) -> Result<Tensor> {
        if let Some((_, noise)) = self.inner.as_ref().filter(|(at, _)| *at == r) {
            return Ok(noise.clone());
        }
        let start = self.noise.clone();
        let noise = self.noise_at(r, 0.0, &start)?;
        self.inner = Some((r, noise.clone()));
        Ok(noise)
    }

    /// DPM-Solver-1.
    fn first_order(&self) -> Result<Tensor> {
        self.x.plus(-sigma(self.target) * self.length().exp_m1(), &self.noise)
    }

    /// DPM-Solver-2 with the intermediate state at share `r`.
    fn second_order(&mut self, r: f64) -> Result<Tensor> {
        let change = (self.inner_noise(r)? - &self.noise)?;
        let weight = -sigma(self.target) / (2.0 * r) * self.length().exp_m1();
        self.first_order()?.plus(weight, &change)
    }

    /// DPM-Solver-3 with intermediate states at one and two thirds.
    fn third_order(&mut self) -> Result<Tensor> {
        let (r1, r2) = (1.0 / 3.0, 2.0 / 3.0);
        let (h, h2) = (self.length(), r2 * self.length());
        let change = (self.inner_noise(r1)? - &self.noise)?;
        let further = self.noise_at(r2, r2 / r1 * (h2.exp_m1() / h2 - 1.0), &change)?;
        let change = (further - &self.noise)?;
        let weight = -sigma(self.target) / r2 * (h.exp_m1() / h - 1.0);
        self.first_order()?.plus(weight, &change)
    }
}

/// Step length by the recent errors (a PID controller, Söderlind 2003, as k-diffusion has it).
struct Controller {
    step: f64,
    powers: [f64; 3],
    /// Inverse errors: of this step, and of the last two accepted ones.
    inverse: Option<[f64; 3]>,
    accept_safety: f64,
}

impl Controller {
    fn new(options: &DpmAdaptive, order: f64) -> Self {
        let DpmAdaptive { proportional: p, integral: i, derivative: d, .. } = options;
        let powers = [(p + i + d) / order, -(p + 2.0 * d) / order, d / order];
        Self { step: options.first_step.abs(), powers, inverse: None, accept_safety: options.accept_safety }
    }

    /// Adapts the step length; whether the step that had this error may stand.
    fn accepts(&mut self, error: f64) -> bool {
        let now = 1.0 / (error + 1e-8);
        let inverse = self.inverse.get_or_insert([now; 3]);
        inverse[0] = now;
        let factor: f64 = inverse.iter().zip(self.powers).map(|(e, power)| e.powf(power)).product();
        let factor = 1.0 + (factor - 1.0).atan(); // keeps it between 0.2 and 2.6
        self.step *= factor;
        let accept = factor >= self.accept_safety;
        if accept {
            inverse[2] = inverse[1];
            inverse[1] = inverse[0];
        }
        accept
    }
}

fn sigma(t: f64) -> f64 {
    (-t).exp()
}

/// First and last `t` of the positive sigmas.
fn time_range(sigmas: &[f64]) -> Result<(f64, f64)> {
    let mut positive = sigmas.iter().filter(|s| **s > 0.0);
    match (positive.next(), positive.next_back()) {
        (Some(first), Some(last)) => Ok((-first.ln(), -last.ln())),
        _ => Err(Error::input("sigmas of dpm_fast or dpm_adaptive", "at least two above 0", format!("{sigmas:?}"))),
    }
}

/// Orders that add up to `calls` model calls.
fn fast_orders(calls: usize) -> Vec<usize> {
    let thirds = calls / 3;
    match calls % 3 {
        0 => [vec![3; thirds.saturating_sub(1)], vec![2, 1]].concat(),
        rest => [vec![3; thirds], vec![rest]].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_add_up() {
        for calls in 1..40 {
            assert_eq!(fast_orders(calls).iter().sum::<usize>(), calls);
        }
        assert_eq!(fast_orders(9), [3, 3, 2, 1]);
    }

    #[test]
    fn one_positive_sigma_is_too_few() {
        assert!(time_range(&[14.0, 0.0]).is_err());
        assert!(time_range(&[14.0, 3.0]).is_ok());
    }
}
