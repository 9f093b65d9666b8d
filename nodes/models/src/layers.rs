//! The layers that networks are built of: named weights plus one call into [`crate::ops`].

use crate::ops::{self, Activation};
use crate::{Result, weights::Weights};
use candle_core::{DType, Tensor};

/// `[.., in] -> [.., out]`.
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    /// Reads `weight [out, in]` and `bias [out]`.
    pub fn load(weights: &Weights, inputs: usize, outputs: usize) -> Result<Self> {
        Ok(Self { weight: weights.get("weight", (outputs, inputs))?, bias: Some(weights.get("bias", outputs)?) })
    }

    /// Reads `weight [out, in]` alone.
    pub fn load_no_bias(weights: &Weights, inputs: usize, outputs: usize) -> Result<Self> {
        Ok(Self { weight: weights.get("weight", (outputs, inputs))?, bias: None })
    }

    /// Applies the layer.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::linear(x, &self.weight, self.bias.as_ref())
    }

    /// Applies the layer, then GEGLU: `[.., in] -> [.., out / 2]`.
    pub fn forward_geglu(&self, x: &Tensor) -> Result<Tensor> {
        ops::linear_geglu(x, &self.weight, self.bias.as_ref())
    }
}

/// `[B, Ci, H, W] -> [B, Co, H', W']` with a square kernel.
#[derive(Debug, Clone)]
pub struct Conv2d {
    weight: Tensor,
    bias: Option<Tensor>,
    stride: usize,
    padding: usize,
}

impl Conv2d {
    /// A 3×3 convolution that keeps the size.
    pub fn load_3x3(weights: &Weights, inputs: usize, outputs: usize) -> Result<Self> {
        Self::load(weights, inputs, outputs, 3, 1, 1)
    }

    /// A 1×1 convolution.
    pub fn load_1x1(weights: &Weights, inputs: usize, outputs: usize) -> Result<Self> {
        Self::load(weights, inputs, outputs, 1, 1, 0)
    }

    /// Reads `weight [out, in, kernel, kernel]` and `bias [out]`.
    pub fn load(
        weights: &Weights,
        inputs: usize,
        outputs: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Result<Self> {
        let weight = weights.get("weight", (outputs, inputs, kernel, kernel))?;
        Ok(Self { weight, bias: Some(weights.get("bias", outputs)?), stride, padding })
    }

    /// Reads `weight` alone, for the few convolutions without a bias.
    pub fn load_3x3_no_bias(weights: &Weights, inputs: usize, outputs: usize, stride: usize) -> Result<Self> {
        Ok(Self { weight: weights.get("weight", (outputs, inputs, 3, 3))?, bias: None, stride, padding: 1 })
    }

    /// Applies the layer.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::conv2d(x, &self.weight, self.bias.as_ref(), self.stride, self.padding)
    }
}

/// Group normalisation over the channels of `[B, C, ..]`.
#[derive(Debug, Clone)]
pub struct GroupNorm {
    weight: Tensor,
    bias: Tensor,
    groups: usize,
    eps: f64,
}

impl GroupNorm {
    /// Reads `weight [C]` and `bias [C]`.
    pub fn load(weights: &Weights, channels: usize, groups: usize, eps: f64) -> Result<Self> {
        Ok(Self { weight: weights.get("weight", channels)?, bias: weights.get("bias", channels)?, groups, eps })
    }

    /// Applies the layer.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::group_norm(x, self.groups, &self.weight, &self.bias, self.eps, Activation::None)
    }

    /// Applies the layer and SiLU in one pass.
    pub fn forward_silu(&self, x: &Tensor) -> Result<Tensor> {
        ops::group_norm(x, self.groups, &self.weight, &self.bias, self.eps, Activation::Silu)
    }
}

/// Layer normalisation over the last dimension.
#[derive(Debug, Clone)]
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    eps: f64,
}

impl LayerNorm {
    /// Reads `weight [features]` and `bias [features]`.
    pub fn load(weights: &Weights, features: usize, eps: f64) -> Result<Self> {
        Ok(Self { weight: weights.get("weight", features)?, bias: weights.get("bias", features)?, eps })
    }

    /// Applies the layer.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::layer_norm(x, &self.weight, &self.bias, self.eps)
    }
}

/// The sinusoids of a scalar: `[N] f32 -> [N, dim] f32`, cosines first when `flip_sin_to_cos`.
///
/// Always f32 (the frequencies reach 1 and the values 999: f16 would lose half a radian).
/// Source: `get_timestep_embedding` of diffusers, `max_period` 10000.
pub fn sinusoids(values: &Tensor, dim: usize, flip_sin_to_cos: bool, freq_shift: f64) -> Result<Tensor> {
    let half = dim / 2;
    // Computed in f32 like the reference: exponent = -ln(10000) * i / (half - shift).
    let frequencies: Vec<f32> =
        (0..half).map(|i| ((-(10000f32.ln()) * i as f32) / (half as f32 - freq_shift as f32)).exp()).collect();
    let frequencies = Tensor::from_vec(frequencies, (1, half), values.device())?;
    let angles = values.to_dtype(DType::F32)?.reshape(((), 1))?.broadcast_mul(&frequencies)?;
    let (sin, cos) = (angles.sin()?, angles.cos()?);
    let mut parts = if flip_sin_to_cos { vec![cos, sin] } else { vec![sin, cos] };
    if dim % 2 == 1 {
        parts.push(Tensor::zeros((values.elem_count(), 1), DType::F32, values.device())?);
    }
    Ok(Tensor::cat(&parts, 1)?)
}
