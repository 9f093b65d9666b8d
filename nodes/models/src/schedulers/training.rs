//! The noise schedule that a model was trained on: betas, and the products of alphas that follow from them.
//!
//! **Source**: `linear` from DDPM (<https://arxiv.org/abs/2006.11239>), `squaredcos_cap_v2` from
//! <https://arxiv.org/abs/2102.09672>, `scaled_linear` from the latent diffusion code; checked against diffusers 0.42.1.
//!
//! The tables are those of diffusers to the last bit: torch's f32 `linspace` rounds once (fused multiply-add), and its
//! `cumprod` accumulates in f64 and rounds every entry to f32. Near t = 0 an alpha product that is one bit off already
//! changes sigma in the fifth digit.

use super::config::Config;
use crate::{Error, Result};

/// How betas grow over the training timesteps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BetaSchedule {
    Linear,
    ScaledLinear,
    Cosine,
    Exponential,
    Laplace,
    Sigmoid,
}

/// What a class does with `rescale_betas_zero_snr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ZeroSnr {
    /// It does not know the key.
    Unknown,
    /// The last alpha product is 0.
    Exact,
    /// The last alpha product is 2^-24 instead of 0, so that its sigma (4096) is finite.
    Floored,
}

/// The defaults by which classes differ.
pub(super) struct TrainingDefaults {
    pub beta_start: f64,
    pub beta_end: f64,
    pub schedule: BetaSchedule,
    /// Values of `beta_schedule` beyond the three that every class knows.
    pub more_schedules: &'static [(&'static str, BetaSchedule)],
    pub zero_snr: ZeroSnr,
}

impl TrainingDefaults {
    /// What most classes have.
    pub const COMMON: Self = Self {
        beta_start: 0.0001,
        beta_end: 0.02,
        schedule: BetaSchedule::Linear,
        more_schedules: &[],
        zero_snr: ZeroSnr::Unknown,
    };
    /// Those of Heun and KDPM2.
    pub const SECOND_ORDER: Self = Self { beta_start: 0.00085, beta_end: 0.012, ..Self::COMMON };
    /// Those of LCM and TCD.
    pub const CONSISTENCY: Self =
        Self { schedule: BetaSchedule::ScaledLinear, zero_snr: ZeroSnr::Exact, ..Self::SECOND_ORDER };

    pub const fn with_zero_snr(self, zero_snr: ZeroSnr) -> Self {
        Self { zero_snr, ..self }
    }
}

/// The training noise schedule, one entry per training timestep.
#[derive(Debug, Clone)]
pub(super) struct Training {
    class: &'static str,
    /// The name of the schedule, also where `trained_betas` take its place.
    pub schedule: BetaSchedule,
    alphas_cumprod: Vec<f32>,
}

impl Training {
    pub fn read(config: &Config, defaults: &TrainingDefaults) -> Result<Self> {
        let len = config.count("num_train_timesteps", 1000)?;
        let mut names = vec![
            ("linear", BetaSchedule::Linear),
            ("scaled_linear", BetaSchedule::ScaledLinear),
            ("squaredcos_cap_v2", BetaSchedule::Cosine),
        ];
        names.extend(defaults.more_schedules);
        let schedule = config.choice("beta_schedule", &names, defaults.schedule)?;
        let start = config.number("beta_start", defaults.beta_start)?;
        let end = config.number("beta_end", defaults.beta_end)?;
        let mut betas = match config.numbers("trained_betas")? {
            None => betas(schedule, start, end, len),
            Some(betas) if betas.len() == len => betas.into_iter().map(|b| b as f32).collect(),
            Some(betas) => {
                let message = format!("expected num_train_timesteps = {len} numbers, got {}", betas.len());
                return Err(config.error("trained_betas", message));
            }
        };
        let zero_snr = defaults.zero_snr != ZeroSnr::Unknown && config.flag("rescale_betas_zero_snr", false)?;
        if zero_snr {
            betas = rescale_zero_terminal_snr(&betas);
        }
        let mut alphas_cumprod = alphas_cumprod(&betas);
        if zero_snr
            && defaults.zero_snr == ZeroSnr::Floored
            && let Some(last) = alphas_cumprod.last_mut()
        {
            *last = 2f32.powi(-24);
        }
        Ok(Self { class: config.class, schedule, alphas_cumprod })
    }

    /// How many training timesteps there are.
    pub fn len(&self) -> usize {
        self.alphas_cumprod.len()
    }

    /// The alpha product at training timestep `t`.
    ///
    /// # Errors
    /// When the model was not trained at `t`.
    pub fn alpha(&self, t: i64) -> Result<f32> {
        let found = usize::try_from(t).ok().and_then(|t| self.alphas_cumprod.get(t)).copied();
        found.ok_or_else(|| {
            let message = format!("the schedule asks for timestep {t}, the model knows 0..={}", self.len() - 1);
            Error::config(self.class, format!("{message}; lower steps_offset or the number of steps"))
        })
    }

    /// The alpha product at `t`, or `before` for times before the first.
    pub fn alpha_or(&self, t: i64, before: f32) -> Result<f32> {
        if t < 0 { Ok(before) } else { self.alpha(t) }
    }

    /// The alpha product that steps end on: 1 with `set_alpha_to_one`, else that of the first training timestep.
    pub fn final_alpha(&self, set_alpha_to_one: bool) -> f32 {
        // `num_train_timesteps` is at least 1.
        if set_alpha_to_one { 1.0 } else { self.alphas_cumprod[0] }
    }

    /// `sqrt((1 - alpha) / alpha)` per training timestep: the noise level of a sample scaled to unit signal.
    pub fn sigmas(&self) -> Vec<f32> {
        self.alphas_cumprod.iter().map(|a| ((1.0 - a) / a).sqrt()).collect()
    }
}

/// `prod(1 - beta)` up to and including each timestep, accumulated in f64 and rounded to f32 as torch does.
pub fn alphas_cumprod(betas: &[f32]) -> Vec<f32> {
    let mut product = 1f64;
    let step = |beta: &f32| {
        product *= f64::from(1.0 - beta);
        product as f32
    };
    betas.iter().map(step).collect()
}

/// Shifts and scales the schedule so that nothing of the signal is left at the last timestep (zero terminal SNR).
///
/// **Source**: algorithm 1 of <https://arxiv.org/abs/2305.08891>. The last beta becomes 1; the first stays.
pub fn rescale_zero_terminal_snr(betas: &[f32]) -> Vec<f32> {
    let mut roots: Vec<f32> = alphas_cumprod(betas).into_iter().map(f32::sqrt).collect();
    let (Some(&first), Some(&last)) = (roots.first(), roots.last()) else { return Vec::new() };
    let scale = first / (first - last);
    for root in &mut roots {
        *root = (*root - last) * scale;
    }
    let products: Vec<f32> = roots.iter().map(|root| root * root).collect();
    let later = products.windows(2).map(|pair| 1.0 - pair[1] / pair[0]);
    std::iter::once(1.0 - products[0]).chain(later).collect()
}

fn betas(schedule: BetaSchedule, start: f64, end: f64, len: usize) -> Vec<f32> {
    match schedule {
        BetaSchedule::Linear => linspace_f32(start as f32, end as f32, len),
        BetaSchedule::ScaledLinear => {
            linspace_f32(start.sqrt() as f32, end.sqrt() as f32, len).into_iter().map(|root| root * root).collect()
        }
        BetaSchedule::Cosine => {
            betas_from_alpha_bar(len, |t| ((t + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2).cos().powi(2))
        }
        BetaSchedule::Exponential => betas_from_alpha_bar(len, |t| (t * -12.0).exp()),
        BetaSchedule::Laplace => betas_from_alpha_bar(len, |t| {
            let half = 0.5 - t;
            let lambda = -0.5 * 1f64.copysign(half) * (1.0 - 2.0 * half.abs() + 1e-6).ln();
            let snr = lambda.exp();
            (snr / (1.0 + snr)).sqrt()
        }),
        BetaSchedule::Sigmoid => {
            let (scale, start) = ((end - start) as f32, start as f32);
            linspace_f32(-6.0, 6.0, len).into_iter().map(|x| 1.0 / (1.0 + (-x).exp()) * scale + start).collect()
        }
    }
}

/// Betas whose alpha products follow `alpha_bar` over 0..1; capped, because the last ones would reach 1.
fn betas_from_alpha_bar(len: usize, alpha_bar: impl Fn(f64) -> f64) -> Vec<f32> {
    const MAX_BETA: f64 = 0.999;
    let at = |i: usize| alpha_bar(i as f64 / len as f64);
    (0..len).map(|i| (1.0 - at(i + 1) / at(i)).min(MAX_BETA) as f32).collect()
}

/// `len` numbers from `start` to `end`, rounded as torch's f32 `linspace` does: each half counts from its own end.
pub(crate) fn linspace_f32(start: f32, end: f32, len: usize) -> Vec<f32> {
    if len == 1 {
        return vec![start];
    }
    let step = (end - start) / (len - 1) as f32;
    let at = |i: usize| {
        if i < len / 2 { step.mul_add(i as f32, start) } else { (-step).mul_add((len - 1 - i) as f32, end) }
    };
    (0..len).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")`.
    #[test]
    fn stable_diffusion_alphas() {
        let products = alphas_cumprod(&betas(BetaSchedule::ScaledLinear, 0.00085, 0.012, 1000));
        assert_eq!(products[0], 0.99915);
        let sigma_max = ((1.0 - products[999]) / products[999]).sqrt();
        assert!((sigma_max - 14.614647).abs() < 1e-5, "{sigma_max}");
    }

    #[test]
    fn zero_terminal_snr_ends_at_zero_and_keeps_the_start() {
        let before = betas(BetaSchedule::ScaledLinear, 0.00085, 0.012, 1000);
        let after = alphas_cumprod(&rescale_zero_terminal_snr(&before));
        assert_eq!(after[999], 0.0);
        assert!((after[0] - alphas_cumprod(&before)[0]).abs() < 1e-6);
        assert!(after.windows(2).all(|pair| pair[1] < pair[0]));
    }
}
