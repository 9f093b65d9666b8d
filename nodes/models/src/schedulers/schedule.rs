//! A run laid out: its timesteps, its noise levels, and what follows from them alone.

use super::prediction::combine;
use super::training::Training;
use crate::{Error, Result};
use candle_core::Tensor;

/// How much of the clean picture and how much unit noise a noisy sample holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Factor of the clean picture.
    pub signal: f32,
    /// Factor of the noise.
    pub noise: f32,
}

impl Level {
    /// The variance-preserving level (`signal^2 + noise^2 = 1`) with `noise / signal = sigma`.
    pub(super) fn from_sigma(sigma: f32) -> Self {
        let signal = 1.0 / (sigma * sigma + 1.0).sqrt();
        Self { signal, noise: sigma * signal }
    }

    /// The variance-preserving level whose squared signal is the alpha product.
    pub(super) fn from_alpha_cumprod(alpha: f32) -> Self {
        Self { signal: alpha.sqrt(), noise: (1.0 - alpha).sqrt() }
    }

    /// Half the logarithm of the signal-to-noise ratio.
    pub(super) fn lambda(self) -> f32 {
        self.signal.ln() - self.noise.ln()
    }

    /// `noise / signal`, the level in k-diffusion's terms.
    pub fn sigma(self) -> f64 {
        f64::from(self.noise) / f64::from(self.signal)
    }
}

/// The timesteps and noise levels of one run.
#[derive(Debug, Clone)]
pub struct Schedule {
    steps: usize,
    order: usize,
    timesteps: Vec<f64>,
    sigmas: Option<Vec<f32>>,
    init_noise_sigma: f32,
    levels: Vec<Level>,
    input_divisors: Option<Vec<f32>>,
}

impl Schedule {
    /// A run whose samples have unit signal and noise `sigmas`: the network sees them divided by `sqrt(sigma^2 + 1)`.
    pub(super) fn in_sigma_space(steps: usize, timesteps: Vec<f64>, sigmas: Vec<f32>, init_noise_sigma: f32) -> Self {
        let divisors = sigmas.iter().map(|s| (s * s + 1.0).sqrt()).collect();
        Self {
            steps,
            order: 1,
            timesteps,
            levels: sigmas.iter().map(|noise| Level { signal: 1.0, noise: *noise }).collect(),
            sigmas: Some(sigmas),
            init_noise_sigma,
            input_divisors: Some(divisors),
        }
    }

    /// A variance-preserving run of a solver that thinks in sigmas.
    pub(super) fn from_sigmas(steps: usize, timesteps: Vec<f64>, sigmas: Vec<f32>) -> Self {
        let levels = sigmas.iter().map(|s| Level::from_sigma(*s)).collect();
        Self { sigmas: Some(sigmas), ..Self::from_levels(steps, timesteps, levels) }
    }

    /// A variance-preserving run over training timesteps.
    ///
    /// # Errors
    /// When a timestep lies outside the training.
    pub(super) fn from_timesteps(steps: usize, timesteps: &[i64], training: &Training) -> Result<Self> {
        let level = |t: &i64| Ok(Level::from_alpha_cumprod(training.alpha(*t)?));
        let levels = timesteps.iter().map(level).collect::<Result<_>>()?;
        Ok(Self::from_levels(steps, timesteps.iter().map(|t| *t as f64).collect(), levels))
    }

    /// A run of samples at `levels`, which start as unit noise.
    pub(super) fn from_levels(steps: usize, timesteps: Vec<f64>, levels: Vec<Level>) -> Self {
        Self { steps, order: 1, timesteps, sigmas: None, init_noise_sigma: 1.0, levels, input_divisors: None }
    }

    /// The same for a rule that calls the network `order` times per step.
    pub(super) fn with_order(self, order: usize) -> Self {
        Self { order, ..self }
    }

    /// The same for a rule that shows the network samples at other sigmas than [`Self::sigmas`].
    pub(super) fn with_input_sigmas(self, sigmas: &[f32]) -> Self {
        Self { input_divisors: Some(sigmas.iter().map(|s| (s * s + 1.0).sqrt()).collect()), ..self }
    }

    /// What the network is given as time, one entry per call of the network; falling, in training timesteps (0..1 for
    /// [`IPNDMScheduler`](super::SCHEDULERS)).
    pub fn timesteps(&self) -> &[f64] {
        &self.timesteps
    }

    /// The noise levels as diffusers' `scheduler.sigmas` lists them; `None` for classes that have none.
    pub fn sigmas(&self) -> Option<&[f32]> {
        self.sigmas.as_deref()
    }

    /// What unit noise is multiplied with to become the first sample.
    pub fn init_noise_sigma(&self) -> f64 {
        f64::from(self.init_noise_sigma)
    }

    /// How many calls of the network one step takes; the first step takes one call less at order 2.
    pub fn order(&self) -> usize {
        self.order
    }

    /// How many steps were asked for.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The index to start from so that `strength` (0..=1) of the steps remain: img2img. At 0 it is past the end.
    ///
    /// **Source**: `get_timesteps` of diffusers' img2img pipelines.
    pub fn start_index(&self, strength: f64) -> usize {
        let remaining = (self.steps as f64 * strength).max(0.0) as usize;
        (self.steps - remaining.min(self.steps)) * self.order
    }

    /// The noise level of the sample before the network call `index`.
    ///
    /// # Errors
    /// When `index` is past the end.
    pub fn level(&self, index: usize) -> Result<Level> {
        self.check(index)?;
        Ok(self.levels[index])
    }

    /// The levels before and after the network call `index`, for runs that were laid out in sigmas.
    pub(super) fn step_levels(&self, index: usize) -> (Level, Level) {
        (self.levels[index], self.levels[index + 1])
    }

    /// The sample before the network call `index`: `original` with unit `noise` of the same shape added. Gives f32.
    ///
    /// # Errors
    /// When `index` is past the end or the shapes differ.
    pub fn add_noise(&self, original: &Tensor, noise: &Tensor, index: usize) -> Result<Tensor> {
        let Level { signal, noise: amount } = self.level(index)?;
        let noise = noise.to_device(original.device())?.to_dtype(candle_core::DType::F32)?;
        combine(&[(signal, &original.to_dtype(candle_core::DType::F32)?), (amount, &noise)])
    }

    /// What the network is shown for `sample` at the call `index`.
    ///
    /// # Errors
    /// When `index` is past the end.
    pub fn scale_model_input(&self, sample: &Tensor, index: usize) -> Result<Tensor> {
        self.check(index)?;
        match &self.input_divisors {
            Some(divisors) => Ok((sample / f64::from(divisors[index]))?),
            None => Ok(sample.clone()),
        }
    }

    /// Fails unless `index` is one of the network calls.
    pub(super) fn check(&self, index: usize) -> Result<()> {
        if index < self.timesteps.len() {
            return Ok(());
        }
        let expected = format!("less than {}, the number of timesteps", self.timesteps.len());
        Err(Error::input("scheduler step index", expected, index.to_string()))
    }
}
