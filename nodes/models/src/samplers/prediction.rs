//! What a network's output means, and how the state enters it.
//!
//! **Source**: ComfyUI `comfy/model_sampling.py` (EPS, V_PREDICTION, X0, LCM); v-prediction is Salimans and Ho 2022
//! (<https://arxiv.org/abs/2202.00512>, appendix D), in sigma space with `alpha = 1/√(1+σ²)`.
//!
//! In these parametrisations ComfyUI's `inverse_noise_scaling` changes nothing, so there is none.

use super::math::combine;
use crate::Result;
use candle_core::{DType, Tensor};

/// The training target of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Prediction {
    /// The noise.
    #[default]
    Epsilon,
    /// `alpha · noise - sigma · x0` of the variance-preserving process.
    VPrediction,
    /// The clean latents.
    Sample,
    /// The noise, inside the boundary scaling of a latent consistency model (Luo et al. 2023,
    /// <https://arxiv.org/abs/2310.04378>, with `sigma_data` 0.5 and timesteps scaled by 10).
    LcmEpsilon,
}

impl Prediction {
    /// Brings the state to the variance the network expects: `x / √(1 + sigma²)`.
    ///
    /// # Errors
    /// Only what a tensor operation says.
    pub fn calculate_input(self, x: &Tensor, sigma: f64) -> Result<Tensor> {
        Ok((x / (1.0 + sigma * sigma).sqrt())?)
    }

    /// The estimate of the clean latents from the network's `output` for the state `x` (in sigma space), f32.
    ///
    /// `timestep` is what the network was given; it counts for [`Self::LcmEpsilon`] alone.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn calculate_denoised(self, output: &Tensor, x: &Tensor, sigma: f64, timestep: f64) -> Result<Tensor> {
        let (output, x) = (&output.to_dtype(DType::F32)?, &x.to_dtype(DType::F32)?);
        let variance = 1.0 + sigma * sigma;
        match self {
            Self::Epsilon => combine(&[(1.0, x), (-sigma, output)]),
            Self::VPrediction => combine(&[(1.0 / variance, x), (-sigma / variance.sqrt(), output)]),
            Self::Sample => Ok(output.clone()),
            Self::LcmEpsilon => {
                let (data, scaled) = (0.5f64, timestep * 10.0);
                let norm = scaled * scaled + data * data;
                let (skip, out) = (data * data / norm, scaled / norm.sqrt());
                combine(&[(skip + out, x), (-out * sigma, output)])
            }
        }
    }

    /// The state to start from at `sigma`: `latents + sigma · noise`.
    ///
    /// At the model's highest noise level (`max_denoise`, see [`super::ModelSigmas::is_max_denoise`]) the noise gets the
    /// deviation the whole state had in training, `√(1 + sigma²)`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn noise_scaling(self, sigma: f64, noise: &Tensor, latents: &Tensor, max_denoise: bool) -> Result<Tensor> {
        let scale = if max_denoise { (1.0 + sigma * sigma).sqrt() } else { sigma };
        combine(&[(1.0, latents), (scale, noise)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn every_target_leads_back_to_the_data() {
        let tensor = |v: [f32; 3]| Tensor::new(&v, &Device::Cpu).unwrap();
        let (data, noise) = (tensor([0.5, -1.0, 2.0]), tensor([1.5, 0.3, -0.7]));
        let sigma = 2.5f64;
        let alpha = 1.0 / (1.0 + sigma * sigma).sqrt();
        let x = Prediction::Epsilon.noise_scaling(sigma, &noise, &data, false).unwrap();
        let v = combine(&[(alpha, &noise), (-alpha * sigma, &data)]).unwrap();
        let cases = [(Prediction::Epsilon, &noise), (Prediction::VPrediction, &v), (Prediction::Sample, &data)];
        for (prediction, output) in cases {
            let got = prediction.calculate_denoised(output, &x, sigma, 500.0).unwrap();
            let diff: f32 = (got - &data).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap();
            assert!(diff < 1e-6, "{prediction:?}: {diff}");
        }
        // At timestep 0 a consistency model returns its input.
        let kept = Prediction::LcmEpsilon.calculate_denoised(&noise, &x, sigma, 0.0).unwrap();
        assert_eq!(kept.to_vec1::<f32>().unwrap(), x.to_vec1::<f32>().unwrap());
    }
}
