//! Every heavy operation of the networks, in one place.
//!
//! Model files call these functions and nothing else for convolution, normalisation, attention and activation, so a faster
//! kernel replaces one of them without touching a model. On the CPU in f32 they run the kernels in `cpu`; everywhere else
//! they are composed of candle's operations (`generic`).
//!
//! Statistics, softmax and accumulation are f32 whatever the storage dtype is; results have the dtype of the input.

mod check;
mod cpu;
mod generic;
mod resize;

pub use resize::resize_bilinear;

use crate::Result;
use candle_core::{D, DType, Tensor};

/// What follows a normalisation in the same pass over memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// `x * sigmoid(x)`.
    Silu,
}

/// Whether the CPU kernels of this crate can take this tensor.
fn on_cpu_f32(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32
}

/// `x · weightᵀ + bias`: `[.., in] -> [.., out]`, weight `[out, in]`, bias `[out]`.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    if on_cpu_f32(x) && on_cpu_f32(weight) { cpu::linear(x, weight, bias) } else { generic::linear(x, weight, bias) }
}

/// 2-d convolution: `x [B, Ci, H, W]`, `weight [Co, Ci, kh, kw]`, zero padding on all four sides.
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, stride: usize, padding: usize) -> Result<Tensor> {
    if on_cpu_f32(x) && on_cpu_f32(weight) {
        cpu::conv2d(x, weight, bias, stride, padding)
    } else {
        generic::conv2d(x, weight, bias, stride, padding)
    }
}

/// Group normalisation over `[B, C, ...]`, then `activation`; `weight` and `bias` are `[C]`.
pub fn group_norm(
    x: &Tensor,
    groups: usize,
    weight: &Tensor,
    bias: &Tensor,
    eps: f64,
    activation: Activation,
) -> Result<Tensor> {
    if on_cpu_f32(x) {
        cpu::group_norm(x, groups, weight, bias, eps, activation)
    } else {
        generic::group_norm(x, groups, weight, bias, eps, activation)
    }
}

/// Layer normalisation over the last dimension.
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, eps: f64) -> Result<Tensor> {
    if on_cpu_f32(x) { cpu::layer_norm(x, weight, bias, eps) } else { generic::layer_norm(x, weight, bias, eps) }
}

/// Which keys a query may look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// All of them.
    None,
    /// Query `i` sees keys `0..=i` (text encoders).
    Causal,
}

/// Scaled dot-product attention with heads side by side in the last dimension.
///
/// # Shapes
/// `q [B, Lq, heads·d]`, `k` and `v [B, Lk, heads·d]` -> `[B, Lq, heads·d]`; scores are scaled by `1/√d`.
/// The score matrix is never materialised as a whole.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize, mask: Mask) -> Result<Tensor> {
    if on_cpu_f32(q) { cpu::attention(q, k, v, heads, mask) } else { generic::attention(q, k, v, heads, mask) }
}

/// `x * sigmoid(x)`.
pub fn silu(x: &Tensor) -> Result<Tensor> {
    if on_cpu_f32(x) { cpu::silu(x) } else { Ok(x.silu()?) }
}

/// GELU with the error function, not its tanh approximation (the two differ by up to 5e-4).
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    if on_cpu_f32(x) { cpu::gelu(x) } else { Ok(x.gelu_erf()?) }
}

/// `x * sigmoid(1.702 x)`, the activation of OpenAI's CLIP.
pub fn quick_gelu(x: &Tensor) -> Result<Tensor> {
    if on_cpu_f32(x) { cpu::quick_gelu(x) } else { generic::quick_gelu(x) }
}

/// `value * gelu(gate)` where `x [.., 2C]` holds value and gate side by side.
pub fn geglu(x: &Tensor) -> Result<Tensor> {
    if on_cpu_f32(x) { cpu::geglu(x) } else { generic::geglu(x) }
}

/// [`geglu`] of [`linear`] without the wide tensor between them; weight `[2C, in]`, bias `[2C]`, result `[.., C]`.
pub fn linear_geglu(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    if on_cpu_f32(x) && on_cpu_f32(weight) {
        cpu::linear_geglu(x, weight, bias)
    } else {
        generic::geglu(&generic::linear(x, weight, bias)?)
    }
}

/// Nearest-neighbour enlargement of `[B, C, h, w]` to the given size.
pub fn upsample_nearest(x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    if on_cpu_f32(x) { cpu::upsample_nearest(x, height, width) } else { Ok(x.upsample_nearest2d(height, width)?) }
}

/// Exchanges the last two dimensions and lays the result out in memory: `[.., M, N] -> [.., N, M]`.
///
/// Turns pictures into tokens (`[B, C, H·W]` into `[B, H·W, C]`) and back.
pub fn transpose(x: &Tensor) -> Result<Tensor> {
    if on_cpu_f32(x) { cpu::transpose(x) } else { Ok(x.transpose(D::Minus2, D::Minus1)?.contiguous()?) }
}
