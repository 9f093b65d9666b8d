//! The noise levels a model was trained on.
//!
//! **Source**: ComfyUI `comfy/model_sampling.py` `ModelSamplingDiscrete`: alphas are multiplied up in f64 and only the
//! finished table is rounded to f32 (diffusers accumulates in f32; the sixth digit differs). Zero terminal SNR is Lin et al.
//! 2023, *Common Diffusion Noise Schedules and Sample Steps are Flawed*, algorithm 1 (<https://arxiv.org/abs/2305.08891>).

use crate::{Error, Result};

/// `alpha_bar` that ComfyUI gives the last timestep of a zero-terminal-SNR model, whose true value 0 has no finite sigma.
const LAST_ALPHA_BAR: f64 = 4.897_345_189_085_343_5e-8;

/// A table of sigmas, one for each trained timestep, rising, and the way between sigma and timestep.
///
/// Table and interpolation are f32 as in the reference, so that sampled sigmas are its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSigmas {
    sigmas: Vec<f32>,
    log_sigmas: Vec<f32>,
    /// Trained timesteps from one entry to the next: 1, or more for a distilled model.
    stride: usize,
}

impl ModelSigmas {
    /// Stable Diffusion 1.5 and SDXL: 1000 timesteps, betas from 0.00085 to 0.012, linear in their roots.
    #[must_use]
    pub fn stable_diffusion() -> Self {
        Self::from_alphas_bar(scaled_linear(0.00085, 0.012, 1000))
    }

    /// The same rescaled to zero terminal SNR: the last sigma is 4518.76.
    #[must_use]
    pub fn stable_diffusion_zero_snr() -> Self {
        let mut roots: Vec<f64> = scaled_linear(0.00085, 0.012, 1000).into_iter().map(f64::sqrt).collect();
        let (first, last) = (roots[0], roots[999]);
        roots.iter_mut().for_each(|root| *root = (*root - last) * first / (first - last));
        let mut alphas_bar: Vec<f64> = roots.into_iter().map(|root| root * root).collect();
        alphas_bar[999] = LAST_ALPHA_BAR;
        Self::from_alphas_bar(alphas_bar)
    }

    /// For a betas schedule of your own, one beta for each timestep.
    ///
    /// # Errors
    /// When there are fewer than two betas, or one is not strictly between 0 and 1.
    pub fn from_betas(betas: &[f64]) -> Result<Self> {
        let bad = betas.iter().find(|b| !(**b > 0.0 && **b < 1.0));
        match bad {
            Some(bad) => Err(Error::input("betas", "numbers strictly between 0 and 1", bad.to_string())),
            None if betas.len() < 2 => Err(Error::input("betas", "at least two", betas.len().to_string())),
            None => Ok(Self::from_alphas_bar(cumulative(betas.iter().copied()))),
        }
    }

    /// The table of a model distilled to `entries` of the trained timesteps (an LCM has 50), the highest among them.
    ///
    /// # Errors
    /// When the timesteps cannot be divided into that many equal parts, or the table is a distilled one already.
    pub fn distilled(&self, entries: usize) -> Result<Self> {
        let count = self.sigmas.len();
        if entries < 2 || !count.is_multiple_of(entries) || self.stride != 1 {
            let expected = format!("a divisor of {count} above 1, of a table that was not distilled yet");
            return Err(Error::input("entries of a distilled table", expected, entries.to_string()));
        }
        let stride = count / entries;
        let thin = |table: &[f32]| table.iter().skip(stride - 1).step_by(stride).copied().collect();
        Ok(Self { sigmas: thin(&self.sigmas), log_sigmas: thin(&self.log_sigmas), stride })
    }

    fn from_alphas_bar(alphas_bar: Vec<f64>) -> Self {
        let sigmas: Vec<f64> = alphas_bar.into_iter().map(|a| ((1.0 - a) / a).sqrt()).collect();
        let log_sigmas = sigmas.iter().map(|s| s.ln() as f32).collect();
        Self { sigmas: sigmas.into_iter().map(|s| s as f32).collect(), log_sigmas, stride: 1 }
    }

    /// The table, rising.
    #[must_use]
    pub fn sigmas(&self) -> &[f32] {
        &self.sigmas
    }

    /// The lowest noise level.
    #[must_use]
    pub fn sigma_min(&self) -> f64 {
        f64::from(self.sigmas[0])
    }

    /// The highest noise level.
    #[must_use]
    pub fn sigma_max(&self) -> f64 {
        f64::from(self.sigmas[self.sigmas.len() - 1])
    }

    /// The trained timestep whose `ln sigma` is nearest: what the network is given. 0 for sigma 0.
    #[must_use]
    pub fn sigma_to_timestep(&self, sigma: f64) -> f64 {
        let log_sigma = (sigma as f32).ln();
        let distance = |entry: &(usize, &f32)| (log_sigma - entry.1).abs();
        let nearest = self.log_sigmas.iter().enumerate().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        let index = nearest.map_or(0, |(index, _)| index);
        (index * self.stride + self.stride - 1) as f64
    }

    /// The sigma of a timestep, which may lie between trained ones (linear in `ln sigma`) and is clamped to them.
    #[must_use]
    pub fn timestep_to_sigma(&self, timestep: f64) -> f64 {
        let (first, last) = ((self.stride - 1) as f32, (self.sigmas.len() - 1) as f32);
        let place = ((timestep as f32 - first) / self.stride as f32).clamp(0.0, last);
        let (low, high) = (self.log_sigmas[place.floor() as usize], self.log_sigmas[place.ceil() as usize]);
        let weight = place.fract();
        f64::from(((1.0 - weight) * low + weight * high).exp())
    }

    /// Above the noise level of any model: where a window starts that holds the whole run (ComfyUI's stand-in for infinity).
    pub const WHOLE_RUN: f64 = 999_999_999.9;

    /// Where a share of the sampling (0 start, 1 end) is in sigma; a value above all sigmas for 0, and 0 for 1.
    ///
    /// Windows of conditionings and ControlNets are given in such shares.
    #[must_use]
    pub fn percent_to_sigma(&self, percent: f64) -> f64 {
        if percent <= 0.0 {
            Self::WHOLE_RUN
        } else if percent >= 1.0 {
            0.0
        } else {
            self.timestep_to_sigma((1.0 - percent) * (self.sigmas.len() * self.stride - 1) as f64)
        }
    }

    /// Whether sampling from `sigma` starts at pure noise: it is the model's highest level, or above.
    #[must_use]
    pub fn is_max_denoise(&self, sigma: f64) -> bool {
        let max = self.sigma_max();
        sigma > max || (max - sigma).abs() <= 1e-5 * max.max(sigma)
    }
}

/// Cumulative products of `1 - beta` for betas linear in their roots.
fn scaled_linear(start: f64, end: f64, count: usize) -> Vec<f64> {
    let (low, high) = (start.sqrt(), end.sqrt());
    let step = (high - low) / (count - 1) as f64;
    cumulative((0..count).map(|i| (low + step * i as f64).powi(2)))
}

fn cumulative(betas: impl Iterator<Item = f64>) -> Vec<f64> {
    let product = |product: &mut f64, beta: f64| {
        *product *= 1.0 - beta;
        Some(*product)
    };
    betas.scan(1.0, product).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_the_tables() {
        let model = ModelSigmas::stable_diffusion();
        assert_eq!(model.sigmas().len(), 1000);
        assert!((model.sigma_min() - 0.029_167_2).abs() < 1e-7);
        assert!((model.sigma_max() - 14.614_641_2).abs() < 1e-6);
        assert!(model.is_max_denoise(14.614_640_2) && !model.is_max_denoise(14.5));
        let zero = ModelSigmas::stable_diffusion_zero_snr();
        assert!((zero.sigma_max() - 4518.7568).abs() < 1e-2, "{}", zero.sigma_max());
        assert!((zero.sigma_min() / model.sigma_min() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn timesteps_and_sigmas_are_inverse() {
        let model = ModelSigmas::stable_diffusion();
        for model in [model.distilled(50).unwrap(), model] {
            for timestep in (model.stride - 1..1000).step_by(20) {
                let timestep = timestep as f64;
                assert_eq!(model.sigma_to_timestep(model.timestep_to_sigma(timestep)), timestep);
            }
            assert_eq!(model.sigma_to_timestep(0.0), (model.stride - 1) as f64);
            assert_eq!(model.sigma_to_timestep(1e9), 999.0);
        }
    }

    #[test]
    fn what_it_refuses() {
        assert!(ModelSigmas::from_betas(&[0.1]).is_err());
        assert!(ModelSigmas::from_betas(&[0.1, 1.0]).is_err());
        assert!(ModelSigmas::stable_diffusion().distilled(7).is_err());
    }
}
