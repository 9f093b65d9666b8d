//! Activations, each one pass over memory.

use super::super::check;
use super::buffer::{View, build_rows};
use super::simd::{self, GELU_CHUNK, dispatch};
use crate::Result;
use candle_core::Tensor;
use std::mem::MaybeUninit;

pub fn silu(x: &Tensor) -> Result<Tensor> {
    map(x, simd::silu)
}

pub fn gelu(x: &Tensor) -> Result<Tensor> {
    let contiguous = x.contiguous()?;
    let view = View::of(&contiguous)?;
    let data = view.data();
    // SAFETY: every element of the output meets one of the input, which has as many.
    unsafe {
        build_rows(x.shape(), 1, |first, out| {
            let data = &data[first..][..out.len()];
            dispatch(
                #[inline(always)]
                || {
                    let mut chunk = [0f32; GELU_CHUNK];
                    for (out, x) in out.chunks_mut(GELU_CHUNK).zip(data.chunks(GELU_CHUNK)) {
                        simd::gelu(x, &mut chunk);
                        for (out, &y) in out.iter_mut().zip(&chunk) {
                            out.write(y);
                        }
                    }
                },
            );
        })
    }
}

pub fn quick_gelu(x: &Tensor) -> Result<Tensor> {
    map(x, simd::quick_gelu)
}

/// `f` of every element.
#[inline(always)]
fn map(x: &Tensor, f: impl Fn(f32) -> f32 + Sync + Send) -> Result<Tensor> {
    let contiguous = x.contiguous()?;
    let view = View::of(&contiguous)?;
    let data = view.data();
    // SAFETY: every element of the output meets one of the input, which has as many.
    unsafe {
        build_rows(x.shape(), 1, |first, out| {
            let data = &data[first..][..out.len()];
            dispatch(
                #[inline(always)]
                || {
                    for (out, &x) in out.iter_mut().zip(data) {
                        out.write(f(x));
                    }
                },
            );
        })
    }
}

pub fn geglu(x: &Tensor) -> Result<Tensor> {
    check::geglu(x)?;
    let mut shape = x.dims().to_vec();
    let width = shape.pop().unwrap_or(0);
    let half = width / 2;
    shape.push(half);
    let contiguous = x.contiguous()?;
    let view = View::of(&contiguous)?;
    let data = view.data();
    // SAFETY: every row is written from the row of the input that has its number.
    unsafe {
        build_rows(shape, half, |first, out| {
            let data = &data[first * width..][..out.len() * 2];
            dispatch(
                #[inline(always)]
                || {
                    for (out, row) in out.chunks_exact_mut(half).zip(data.chunks_exact(width)) {
                        gate(&row[..half], &row[half..], out);
                    }
                },
            );
        })
    }
}

/// Writes `value * gelu(gate)`.
#[inline(always)]
pub fn gate(values: &[f32], gates: &[f32], out: &mut [MaybeUninit<f32>]) {
    let mut chunk = [0f32; GELU_CHUNK];
    let chunks = values.chunks(GELU_CHUNK).zip(gates.chunks(GELU_CHUNK)).zip(out.chunks_mut(GELU_CHUNK));
    for ((values, gates), out) in chunks {
        simd::gelu(gates, &mut chunk);
        for ((out, &value), &gate) in out.iter_mut().zip(values).zip(&chunk) {
            out.write(value * gate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, doubles, random};
    use super::*;

    #[test]
    fn maps_every_element_of_any_layout() {
        let x = (random((3, 70, 501), 1) * 4.0).unwrap().transpose(0, 2).unwrap();
        let expected: Vec<f64> = doubles(&x).into_iter().map(|x| x / (1.0 + (-x).exp())).collect();
        let got = silu(&x).unwrap();
        assert_eq!(got.dims(), x.dims());
        assert_close(&got, &expected, 1e-6, "silu");
    }

    #[test]
    fn geglu_multiplies_values_with_gates() {
        for (rows, half) in [(1, 1), (5, 13), (300, 400)] {
            let x = (random((rows, 2 * half), 1) * 3.0).unwrap();
            let (values, gates) = (x.narrow(1, 0, half).unwrap(), x.narrow(1, half, half).unwrap());
            let expected = (values * gates.contiguous().unwrap().gelu_erf().unwrap()).unwrap();
            assert_close(&geglu(&x).unwrap(), &doubles(&expected), 2e-6, &format!("{rows}x{half}"));
        }
    }
}
