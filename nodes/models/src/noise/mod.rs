//! Where the random numbers of a sampling run come from.

mod brownian;

pub use brownian::BrownianNoise;

use crate::rng::TorchGenerator;
use crate::{Error, Result};
use candle_core::Tensor;
use std::collections::VecDeque;

/// Gives the noise that ancestral and SDE samplers add between steps.
///
/// The sampler asks for one tensor per call, in a fixed order; an implementation decides what it is (torch's generator,
/// a Brownian path, or noise recorded from a reference run).
pub trait NoiseSource {
    /// Unit-variance noise with the shape, dtype and device of `like`, for a step from `sigma_from` to `sigma_to`.
    ///
    /// # Errors
    /// When the noise cannot be made, e.g. a recorded sequence is exhausted.
    fn next(&mut self, like: &Tensor, sigma_from: f64, sigma_to: f64) -> Result<Tensor>;
}

/// Fresh independent noise at every call, from torch's CPU generator: `torch.randn_like`.
///
/// Noise is drawn in f32 and then given the dtype of the sampler's state.
#[derive(Debug, Clone)]
pub struct TorchNoise(TorchGenerator);

impl TorchNoise {
    /// Continues `generator`, as k-diffusion does when the initial noise came from the same one.
    #[must_use]
    pub fn new(generator: TorchGenerator) -> Self {
        Self(generator)
    }

    /// ComfyUI's default on the CPU: a generator of its own, seeded with `seed + 1` so that it does not repeat the
    /// initial noise (`default_noise_sampler` in `comfy/k_diffusion/sampling.py`).
    #[must_use]
    pub fn comfyui(seed: u64) -> Self {
        Self(TorchGenerator::new(seed.wrapping_add(1)))
    }
}

impl NoiseSource for TorchNoise {
    fn next(&mut self, like: &Tensor, _sigma_from: f64, _sigma_to: f64) -> Result<Tensor> {
        Ok(self.0.randn_tensor(like.dims(), like.device())?.to_dtype(like.dtype())?)
    }
}

/// Plays back noise that was recorded elsewhere, in the order of the calls.
#[derive(Debug, Clone)]
pub struct RecordedNoise {
    rest: VecDeque<Tensor>,
    served: usize,
}

impl RecordedNoise {
    /// `noise` in call order, each of the shape of the sampler's state.
    pub fn new(noise: impl IntoIterator<Item = Tensor>) -> Self {
        Self { rest: noise.into_iter().collect(), served: 0 }
    }

    /// How many tensors nobody has asked for yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }
}

impl NoiseSource for RecordedNoise {
    fn next(&mut self, like: &Tensor, _sigma_from: f64, _sigma_to: f64) -> Result<Tensor> {
        let call = self.served + 1;
        let noise = self.rest.pop_front().ok_or_else(|| {
            Error::input("recorded noise", format!("at least {call} tensors"), format!("{}", self.served))
        })?;
        if noise.dims() != like.dims() {
            let got = format!("{:?}", noise.dims());
            return Err(Error::input(format!("recorded noise {call}"), format!("shape {:?}", like.dims()), got));
        }
        self.served = call;
        Ok(noise.to_device(like.device())?.to_dtype(like.dtype())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn comfyui_seeds_one_higher() {
        let like = Tensor::zeros((1, 4, 2, 3), DType::F32, &Device::Cpu).unwrap();
        let got = TorchNoise::comfyui(41).next(&like, 2.0, 1.0).unwrap();
        let got: Vec<f32> = got.flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(got, TorchGenerator::new(42).randn(24));
    }

    #[test]
    fn recorded_noise_ends_with_an_error() {
        let like = Tensor::zeros((1, 2), DType::F32, &Device::Cpu).unwrap();
        let mut noise = RecordedNoise::new([like.ones_like().unwrap()]);
        assert!(noise.next(&like, 2.0, 1.0).is_ok());
        let error = noise.next(&like, 1.0, 0.5).unwrap_err().to_string();
        assert_eq!(error, "recorded noise: expected at least 2 tensors, got 1");
        let mut wrong = RecordedNoise::new([like.reshape((2, 1)).unwrap()]);
        assert!(wrong.next(&like, 2.0, 1.0).unwrap_err().to_string().contains("[1, 2]"));
    }
}
