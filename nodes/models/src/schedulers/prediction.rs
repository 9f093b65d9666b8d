//! What the network's output means, and how to get the clean picture and the noise from it.
//!
//! **Source**: epsilon from <https://arxiv.org/abs/2006.11239>, v from <https://arxiv.org/abs/2202.00512> section 4 and
//! appendix D, dynamic thresholding from <https://arxiv.org/abs/2205.11487> section 2.3; checked against diffusers 0.42.1.

use super::config::Config;
use super::schedule::Level;
use crate::Result;
use candle_core::Tensor;

/// What the network was trained to return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prediction {
    /// The noise.
    Epsilon,
    /// `signal * noise - noise_level * clean`.
    Velocity,
    /// The clean picture.
    Sample,
}

const EPSILON: (&str, Prediction) = ("epsilon", Prediction::Epsilon);
const VELOCITY: (&str, Prediction) = ("v_prediction", Prediction::Velocity);
const SAMPLE: (&str, Prediction) = ("sample", Prediction::Sample);

impl Prediction {
    /// Reads `prediction_type` for a class that knows all three.
    pub fn read(config: &Config) -> Result<Self> {
        config.choice("prediction_type", &[EPSILON, VELOCITY, SAMPLE], Self::Epsilon)
    }

    /// Reads `prediction_type` for a class that cannot take `sample`.
    pub fn read_without_sample(config: &Config) -> Result<Self> {
        config.choice("prediction_type", &[EPSILON, VELOCITY], Self::Epsilon)
    }

    /// The clean picture in a sample of unit signal and noise level `sigma` (the output is for the scaled input).
    pub fn denoised_at_sigma(self, output: &Tensor, sample: &Tensor, sigma: f32) -> Result<Tensor> {
        let square = sigma * sigma + 1.0;
        match self {
            Self::Epsilon => combine(&[(1.0, sample), (-sigma, output)]),
            Self::Velocity => combine(&[(-sigma / square.sqrt(), output), (1.0 / square, sample)]),
            Self::Sample => Ok(output.clone()),
        }
    }

    /// The clean picture in a variance-preserving sample.
    pub fn denoised(self, output: &Tensor, sample: &Tensor, level: Level) -> Result<Tensor> {
        match self {
            Self::Epsilon => scale(&combine(&[(1.0, sample), (-level.noise, output)])?, 1.0 / level.signal),
            Self::Velocity => combine(&[(level.signal, sample), (-level.noise, output)]),
            Self::Sample => Ok(output.clone()),
        }
    }

    /// The noise in a variance-preserving sample.
    pub fn epsilon(self, output: &Tensor, sample: &Tensor, level: Level) -> Result<Tensor> {
        match self {
            Self::Epsilon => Ok(output.clone()),
            Self::Velocity => combine(&[(level.signal, output), (level.noise, sample)]),
            Self::Sample => epsilon_from_denoised(output, sample, level),
        }
    }
}

/// The noise that is in `sample` when its clean picture is `denoised`.
pub(super) fn epsilon_from_denoised(denoised: &Tensor, sample: &Tensor, level: Level) -> Result<Tensor> {
    scale(&combine(&[(1.0, sample), (-level.signal, denoised)])?, 1.0 / level.noise)
}

/// The sum of tensors times numbers; there is at least one.
pub(super) fn combine(terms: &[(f32, &Tensor)]) -> Result<Tensor> {
    let (first, rest) = terms.split_first().expect("callers name their terms");
    let mut sum = scale(first.1, first.0)?;
    for (factor, tensor) in rest {
        sum = (sum + scale(tensor, *factor)?)?;
    }
    Ok(sum)
}

/// A tensor times a number.
pub(super) fn scale(tensor: &Tensor, factor: f32) -> Result<Tensor> {
    if factor == 1.0 { Ok(tensor.clone()) } else { Ok((tensor * f64::from(factor))?) }
}

/// What keeps the estimated clean picture within bounds, for models of pixels; latents have none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bounds {
    None,
    /// Cut at plus and minus this.
    Clip(f64),
    /// Each picture divided by the quantile `ratio` of its magnitudes, itself held between 1 and `max`.
    Threshold {
        ratio: f32,
        max: f32,
    },
}

impl Bounds {
    /// Reads `thresholding`, and where it is off `clip_sample`.
    pub fn read(config: &Config, clip_default: bool) -> Result<Self> {
        match Self::read_thresholding(config)? {
            Self::None => Self::read_clip(config, clip_default),
            bounds => Ok(bounds),
        }
    }

    pub fn read_clip(config: &Config, default: bool) -> Result<Self> {
        let range = config.number("clip_sample_range", 1.0)?;
        Ok(if config.flag("clip_sample", default)? { Self::Clip(range) } else { Self::None })
    }

    pub fn read_thresholding(config: &Config) -> Result<Self> {
        let ratio = config.number("dynamic_thresholding_ratio", 0.995)? as f32;
        let max = config.number("sample_max_value", 1.0)? as f32;
        if !(0.0..=1.0).contains(&ratio) {
            return Err(config.error("dynamic_thresholding_ratio", format!("expected 0..=1, got {ratio}")));
        }
        Ok(if config.flag("thresholding", false)? { Self::Threshold { ratio, max } } else { Self::None })
    }

    /// Brings `denoised` `[B, ...]` within the bounds.
    pub fn apply(self, denoised: Tensor) -> Result<Tensor> {
        match self {
            Self::None => Ok(denoised),
            Self::Clip(range) => Ok(denoised.clamp(-range, range)?),
            Self::Threshold { ratio, max } => {
                let magnitudes: Vec<Vec<f32>> = denoised.flatten_from(1)?.abs()?.to_vec2()?;
                let limit = |row: Vec<f32>| quantile(row, ratio).max(1.0).min(max);
                let limits: Vec<f32> = magnitudes.into_iter().map(limit).collect();
                let mut shape = vec![1; denoised.rank()];
                shape[0] = limits.len();
                let limits = Tensor::from_vec(limits, shape, denoised.device())?;
                let clipped = denoised.broadcast_minimum(&limits)?.broadcast_maximum(&limits.neg()?)?;
                Ok(clipped.broadcast_div(&limits)?)
            }
        }
    }
}

/// The value below which a share `q` of `values` lies, between two of them if need be.
fn quantile(mut values: Vec<f32>, q: f32) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    let rank = q * values.len().saturating_sub(1) as f32;
    // A rank lies within the list, because q is in 0..=1.
    let below = values.get(rank.floor() as usize).copied().unwrap_or_default();
    let above = values.get(rank.ceil() as usize).copied().unwrap_or(below);
    below + (above - below) * rank.fract()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn every_prediction_finds_the_same_picture() {
        let tensor = |v: [f32; 3]| Tensor::new(&v, &Device::Cpu).unwrap();
        let (clean, noise) = (tensor([1.0, -0.5, 0.2]), tensor([0.3, 0.8, -1.2]));
        let level = Level::from_sigma(0.7);
        let sample = combine(&[(level.signal, &clean), (level.noise, &noise)]).unwrap();
        let velocity = combine(&[(level.signal, &noise), (-level.noise, &clean)]).unwrap();
        let cases = [(Prediction::Epsilon, &noise), (Prediction::Velocity, &velocity), (Prediction::Sample, &clean)];
        for (prediction, output) in cases {
            let close = |a: Tensor, b: &Tensor| {
                let diff: Vec<f32> = (a - b).unwrap().abs().unwrap().to_vec1().unwrap();
                assert!(diff.iter().all(|d| *d < 1e-6), "{prediction:?} {diff:?}");
            };
            close(prediction.denoised(output, &sample, level).unwrap(), &clean);
            close(prediction.epsilon(output, &sample, level).unwrap(), &noise);
            let unit_signal = scale(&sample, 1.0 / level.signal).unwrap();
            close(prediction.denoised_at_sigma(output, &unit_signal, 0.7).unwrap(), &clean);
        }
    }

    #[test]
    fn thresholding_is_per_picture() {
        let pictures = Tensor::new(&[[0.1f32, 0.2, 0.4, 0.5], [1.0, -2.0, 3.0, -4.0]], &Device::Cpu).unwrap();
        let bounded = Bounds::Threshold { ratio: 0.5, max: 10.0 }.apply(pictures).unwrap();
        assert_eq!(bounded.to_vec2::<f32>().unwrap(), [[0.1, 0.2, 0.4, 0.5], [0.4, -0.8, 1.0, -1.0]]);
    }
}
