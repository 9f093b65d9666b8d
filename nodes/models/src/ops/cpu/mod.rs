//! f32 kernels for the CPU.

use super::{Activation, Mask, generic};
use crate::Result;
use candle_core::Tensor;

pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    generic::linear(x, weight, bias)
}

pub fn conv2d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, stride: usize, padding: usize) -> Result<Tensor> {
    generic::conv2d(x, weight, bias, stride, padding)
}

pub fn group_norm(
    x: &Tensor,
    groups: usize,
    weight: &Tensor,
    bias: &Tensor,
    eps: f64,
    activation: Activation,
) -> Result<Tensor> {
    generic::group_norm(x, groups, weight, bias, eps, activation)
}

pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, eps: f64) -> Result<Tensor> {
    generic::layer_norm(x, weight, bias, eps)
}

pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize, mask: Mask) -> Result<Tensor> {
    generic::attention(q, k, v, heads, mask)
}

pub fn silu(x: &Tensor) -> Result<Tensor> {
    Ok(x.silu()?)
}

pub fn gelu(x: &Tensor) -> Result<Tensor> {
    Ok(x.gelu_erf()?)
}

pub fn geglu(x: &Tensor) -> Result<Tensor> {
    generic::geglu(x)
}
