//! The operations composed of candle's own: any device, any float dtype.

use super::{Activation, Mask};
use crate::Result;
use candle_core::{D, DType, Tensor};

/// Queries are taken in pieces so that at most this many scores exist at once (64 MiB of f32).
const MAX_SCORES: usize = 1 << 24;

pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let mut dims = x.dims().to_vec();
    let features = dims.pop().unwrap_or(0);
    let rows: usize = dims.iter().product();
    let y = x.reshape((rows, features))?.matmul(&weight.t()?)?;
    let y = match bias {
        Some(bias) => y.broadcast_add(bias)?,
        None => y,
    };
    dims.push(weight.dim(0)?);
    Ok(y.reshape(dims)?)
}

pub fn conv2d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, stride: usize, padding: usize) -> Result<Tensor> {
    let y = x.conv2d(weight, padding, stride, 1, 1)?;
    Ok(match bias {
        Some(bias) => y.broadcast_add(&bias.reshape((1, bias.elem_count(), 1, 1))?)?,
        None => y,
    })
}

pub fn group_norm(
    x: &Tensor,
    groups: usize,
    weight: &Tensor,
    bias: &Tensor,
    eps: f64,
    activation: Activation,
) -> Result<Tensor> {
    let dtype = x.dtype();
    let dims = x.dims();
    let (batch, channels) = (dims[0], dims[1]);
    let grouped = x.to_dtype(DType::F32)?.reshape((batch, groups, ()))?;
    let centred = grouped.broadcast_sub(&grouped.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let normed = centred.broadcast_div(&(variance + eps)?.sqrt()?)?.reshape(dims)?;
    let mut affine = vec![1; dims.len()];
    affine[1] = channels;
    let weight = weight.to_dtype(DType::F32)?.reshape(affine.as_slice())?;
    let bias = bias.to_dtype(DType::F32)?.reshape(affine.as_slice())?;
    let y = normed.broadcast_mul(&weight)?.broadcast_add(&bias)?;
    let y = match activation {
        Activation::None => y,
        Activation::Silu => y.silu()?,
    };
    Ok(y.to_dtype(dtype)?)
}

pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, eps: f64) -> Result<Tensor> {
    Ok(candle_nn::ops::layer_norm(&x.contiguous()?, weight, bias, eps as f32)?)
}

pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize, mask: Mask) -> Result<Tensor> {
    let dtype = q.dtype();
    let (batch, queries, width) = q.dims3()?;
    let keys = k.dim(1)?;
    let split = |x: &Tensor, len: usize| -> Result<Tensor> {
        Ok(x.reshape((batch, len, heads, width / heads))?.transpose(1, 2)?.contiguous()?) // [B, heads, L, d]
    };
    let scale = 1.0 / ((width / heads) as f64).sqrt();
    let q = (split(q, queries)? * scale)?;
    let (k, v) = (split(k, keys)?.t()?.contiguous()?, split(v, keys)?);
    let piece = (MAX_SCORES / (batch * heads * keys).max(1)).clamp(1, queries.max(1));
    let mut pieces = Vec::new();
    for start in (0..queries).step_by(piece) {
        let len = piece.min(queries - start);
        let mut scores = q.narrow(2, start, len)?.contiguous()?.matmul(&k)?.to_dtype(DType::F32)?;
        if mask == Mask::Causal {
            let rows: Vec<f32> = (start..start + len)
                .flat_map(|i| (0..keys).map(move |j| if j > i { f32::NEG_INFINITY } else { 0.0 }))
                .collect();
            scores = scores.broadcast_add(&Tensor::from_vec(rows, (1, 1, len, keys), q.device())?)?;
        }
        let weights = candle_nn::ops::softmax_last_dim(&scores)?.to_dtype(dtype)?;
        pieces.push(weights.matmul(&v)?);
    }
    let out = if pieces.len() == 1 { pieces.remove(0) } else { Tensor::cat(&pieces, 2)? };
    Ok(out.transpose(1, 2)?.reshape((batch, queries, width))?)
}

pub fn quick_gelu(x: &Tensor) -> Result<Tensor> {
    Ok((x * candle_nn::ops::sigmoid(&(x * 1.702f64)?)?)?)
}

pub fn geglu(x: &Tensor) -> Result<Tensor> {
    let halves = x.chunk(2, D::Minus1)?;
    Ok((&halves[0] * halves[1].gelu_erf()?)?)
}
