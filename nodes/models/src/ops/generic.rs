//! The operations composed of candle's own: any device, any float dtype.

use super::{Activation, Mask, check};
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
    check::group_norm(x, groups, weight, bias)?;
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
    check::layer_norm(x, weight, bias)?;
    let (weight, bias) = (weight.to_dtype(x.dtype())?, bias.to_dtype(x.dtype())?);
    Ok(candle_nn::ops::layer_norm(&x.contiguous()?, &weight, &bias, eps as f32)?)
}

pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize, mask: Mask) -> Result<Tensor> {
    check::attention(q, k, v, heads)?;
    let dtype = q.dtype();
    let (batch, queries, width) = q.dims3()?;
    let keys = k.dim(1)?;
    let split = |x: &Tensor, len: usize| -> Result<Tensor> {
        Ok(x.reshape((batch, len, heads, width / heads))?.transpose(1, 2)?.contiguous()?) // [B, heads, L, d]
    };
    let scale = 1.0 / ((width / heads) as f64).sqrt();
    // Scores in f32: in f16 their error, multiplied by the exponential, would be the largest of the whole network.
    let q = (split(q, queries)?.to_dtype(DType::F32)? * scale)?;
    let (k, v) = (split(k, keys)?.to_dtype(DType::F32)?.t()?.contiguous()?, split(v, keys)?);
    let piece = (MAX_SCORES / (batch * heads * keys).max(1)).clamp(1, queries.max(1));
    let mut pieces = Vec::new();
    for start in (0..queries).step_by(piece) {
        let len = piece.min(queries - start);
        let mut scores = q.narrow(2, start, len)?.contiguous()?.matmul(&k)?;
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
    check::geglu(x)?;
    let halves = x.chunk(2, D::Minus1)?;
    Ok((&halves[0] * halves[1].gelu_erf()?)?)
}

#[cfg(test)]
mod tests {
    use super::super::cpu;
    use super::*;
    use candle_core::{Device, Shape};

    fn random(shape: impl Into<Shape>) -> Tensor {
        Tensor::randn(0f32, 1.0, shape, &Device::Cpu).expect("a CPU tensor")
    }

    fn distance(a: &Tensor, b: &Tensor) -> f32 {
        let difference = (a.to_dtype(DType::F32).unwrap() - b.to_dtype(DType::F32).unwrap()).unwrap();
        difference.abs().unwrap().max_all().unwrap().to_scalar().unwrap()
    }

    /// Runs an operation on f32 and on f16 operands and compares both with the CPU kernel.
    fn check(what: &str, expected: &Tensor, operation: impl Fn(&dyn Fn(&Tensor) -> Tensor) -> Result<Tensor>) {
        let f32s = operation(&Tensor::clone).unwrap();
        assert!(distance(&f32s, expected) < 1e-5, "{what}: {}", distance(&f32s, expected));
        let f16s = operation(&|x| x.to_dtype(DType::F16).expect("a CPU tensor")).unwrap();
        assert_eq!(f16s.dtype(), DType::F16, "{what}");
        assert!(distance(&f16s, expected) < 2e-2, "{what} in f16: {}", distance(&f16s, expected));
    }

    #[test]
    fn equals_the_cpu_kernels() {
        let (x, w, b) = (random((2, 9, 16)), (random((12, 16)) * 0.25).unwrap(), random(12));
        check("linear", &cpu::linear(&x, &w, Some(&b)).unwrap(), |t| linear(&t(&x), &t(&w), Some(&t(&b))));
        let (w, b) = (random(16), random(16));
        check("layer_norm", &cpu::layer_norm(&x, &w, &b, 1e-5).unwrap(), |t| layer_norm(&t(&x), &t(&w), &t(&b), 1e-5));
        check("quick_gelu", &cpu::quick_gelu(&x).unwrap(), |t| quick_gelu(&t(&x)));
        check("geglu", &cpu::geglu(&x).unwrap(), |t| geglu(&t(&x)));
        let (k, v) = (random((2, 11, 16)), random((2, 11, 16)));
        for mask in [Mask::None, Mask::Causal] {
            let expected = cpu::attention(&x, &k, &v, 4, mask).unwrap();
            check("attention", &expected, |t| attention(&t(&x), &t(&k), &t(&v), 4, mask));
        }
    }

    #[test]
    fn equals_the_cpu_kernels_on_pictures() {
        let (x, w, b) = (random((2, 8, 9, 7)), (random((6, 8, 3, 3)) * 0.1).unwrap(), random(6));
        for (stride, padding) in [(1, 1), (2, 0)] {
            let expected = cpu::conv2d(&x, &w, Some(&b), stride, padding).unwrap();
            check("conv2d", &expected, |t| conv2d(&t(&x), &t(&w), Some(&t(&b)), stride, padding));
        }
        let (w, b) = (random(8), random(8));
        for activation in [Activation::None, Activation::Silu] {
            let expected = cpu::group_norm(&x, 4, &w, &b, 1e-5, activation).unwrap();
            check("group_norm", &expected, |t| group_norm(&t(&x), 4, &t(&w), &t(&b), 1e-5, activation));
        }
    }
}
