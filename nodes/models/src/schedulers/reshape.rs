//! Sequences of sigmas other than the training schedule's own, and the way back from a sigma to its timestep.
//!
//! **Source**: Karras: equation 5 of <https://arxiv.org/abs/2206.00364> with rho 7; beta: <https://arxiv.org/abs/2407.12173>
//! with alpha = beta = 0.6; Lu: the uniform lambdas of <https://arxiv.org/abs/2206.00927>; checked against diffusers 0.42.1.

use super::config::Config;
use super::logarithm::numpy_ln;
use super::spacing::linspace;
use crate::Result;
use crate::beta::beta_quantile;

/// How sigmas are laid between the largest and the smallest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reshape {
    /// Even in `sigma^(1/7)`.
    Karras,
    /// Even in `log(sigma)`.
    Exponential,
    /// By the quantiles of the beta distribution, dense at both ends.
    Beta,
    /// Even in lambda, the half log-SNR: `Exponential` but for the rounding of its ends to f32.
    Lu,
}

impl Reshape {
    /// Reads `use_karras_sigmas`, `use_exponential_sigmas` and `use_beta_sigmas`, of which one may be on.
    pub fn read(config: &Config) -> Result<Option<Self>> {
        let keys = [
            ("use_karras_sigmas", Self::Karras),
            ("use_exponential_sigmas", Self::Exponential),
            ("use_beta_sigmas", Self::Beta),
        ];
        let mut found = None;
        for (key, reshape) in keys {
            if config.flag(key, false)? {
                if found.is_some() {
                    return Err(config.error(
                        key,
                        "only one of use_karras_sigmas, use_exponential_sigmas and use_beta_sigmas can be on",
                    ));
                }
                found = Some(reshape);
            }
        }
        Ok(found)
    }

    /// `steps` sigmas from `max` down to `min`; a single one is `max`.
    pub fn sigmas(self, max: f64, min: f64, steps: usize) -> Vec<f64> {
        const RHO: f64 = 7.0;
        const BETA_SHAPE: f64 = 0.6;
        match self {
            Self::Karras => {
                let (max, min) = (max.powf(1.0 / RHO), min.powf(1.0 / RHO));
                let ramp = linspace(0.0, 1.0, steps).into_iter();
                ramp.map(|t| (max + t * (min - max)).powf(RHO)).collect()
            }
            Self::Exponential => linspace(max.ln(), min.ln(), steps).into_iter().map(f64::exp).collect(),
            Self::Beta => {
                let ramp = linspace(0.0, 1.0, steps).into_iter();
                ramp.map(|t| min + beta_quantile(1.0 - t, BETA_SHAPE, BETA_SHAPE) * (max - min)).collect()
            }
            Self::Lu => {
                let (max, min) = (f64::from(numpy_ln(max as f32)), f64::from(numpy_ln(min as f32)));
                let ramp = linspace(0.0, 1.0, steps).into_iter();
                ramp.map(|t| (max + t * (min - max)).exp()).collect()
            }
        }
    }
}

/// The training sigmas with their logarithms, for walking between timesteps and sigmas.
pub(super) struct SigmaTable {
    /// Rising, one per training timestep.
    sigmas: Vec<f32>,
    logs: Vec<f32>,
}

impl SigmaTable {
    pub fn new(sigmas: Vec<f32>) -> Self {
        let logs = sigmas.iter().map(|s| numpy_ln(*s)).collect();
        Self { sigmas, logs }
    }

    /// The sigma of the first training timestep, the smallest.
    pub fn min(&self) -> f64 {
        f64::from(self.sigmas[0])
    }

    /// The sigma of the last training timestep, the largest.
    pub fn max(&self) -> f64 {
        f64::from(self.sigmas[self.sigmas.len() - 1])
    }

    /// The sigma at a timestep, interpolated between training timesteps and held beyond them.
    pub fn sigma(&self, timestep: f64) -> f64 {
        let last = self.sigmas.len() - 1;
        let t = timestep.clamp(0.0, last as f64);
        // Clamped just before: a whole number of 0..=last.
        let below = t.floor() as usize;
        let (low, high) = (f64::from(self.sigmas[below]), f64::from(self.sigmas[(below + 1).min(last)]));
        (high - low) * (t - below as f64) + low
    }

    /// The timestep at which the schedule has this sigma, interpolated in its logarithm and held beyond the ends.
    pub fn timestep(&self, sigma: f64) -> f64 {
        let log = sigma.max(1e-10).ln();
        let last = self.logs.len() - 1;
        let reached = self.logs.partition_point(|l| f64::from(*l) <= log);
        let below = reached.saturating_sub(1).min(last.saturating_sub(1));
        let above = (below + 1).min(last);
        let (low, high) = (f64::from(self.logs[below]), f64::from(self.logs[above]));
        let weight = ((low - log) / (low - high)).clamp(0.0, 1.0);
        (1.0 - weight) * below as f64 + weight * above as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shapes_keep_their_ends() {
        for reshape in [Reshape::Karras, Reshape::Exponential, Reshape::Beta, Reshape::Lu] {
            let sigmas = reshape.sigmas(14.6, 0.03, 7);
            assert!((sigmas[0] - 14.6).abs() < 1e-5 && (sigmas[6] - 0.03).abs() < 1e-7, "{reshape:?} {sigmas:?}");
            assert!(sigmas.windows(2).all(|pair| pair[1] < pair[0]), "{reshape:?} {sigmas:?}");
            assert!((reshape.sigmas(14.6, 0.03, 1)[0] - 14.6).abs() < 1e-5);
        }
    }

    #[test]
    fn sigma_and_timestep_are_inverse() {
        let table = SigmaTable::new(vec![0.1, 0.2, 0.4, 0.8]);
        assert!((table.timestep(0.4) - 2.0).abs() < 1e-6);
        assert!((table.timestep(0.2 * 2f64.sqrt()) - 1.5).abs() < 1e-6);
        assert_eq!((table.timestep(0.01), table.timestep(9.0)), (0.0, 3.0));
        assert!((table.sigma(1.5) - 0.3).abs() < 1e-6);
        assert_eq!(table.sigma(7.0), f64::from(0.8f32));
    }
}
