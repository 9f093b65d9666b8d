//! Normalisation: statistics in one pass, then scale, shift and activation in another.

use super::super::Activation;
use super::super::check;
use super::buffer::{Output, View, build, build_rows, contiguous, for_each};
use super::simd::{LANES, dispatch, silu};
use crate::Result;
use candle_core::Tensor;
use std::mem::MaybeUninit;

/// Partial sums that are kept side by side.
const WIDTH: usize = 4 * LANES;

/// Mean and `1/√(variance + eps)` of the elements.
///
/// One pass: sums of the differences from a first estimate of the mean (so that a mean far from zero does no harm), in f32
/// over a thousand elements, in f64 beyond.
#[inline(always)]
fn statistics(x: &[f32], eps: f64) -> (f32, f32) {
    let sample = &x[..x.len().min(WIDTH)];
    let estimate = sample.iter().sum::<f32>() / sample.len().max(1) as f32;
    let (mut sum, mut square_sum) = (0f64, 0f64);
    for part in x.chunks(32 * WIDTH) {
        let (mut sums, mut squares) = ([0f32; WIDTH], [0f32; WIDTH]);
        let chunks = part.chunks_exact(WIDTH);
        for ((sum, square), &x) in sums.iter_mut().zip(&mut squares).zip(chunks.remainder()) {
            *sum = x - estimate;
            *square = *sum * *sum;
        }
        for chunk in chunks {
            for ((sum, square), &x) in sums.iter_mut().zip(&mut squares).zip(chunk) {
                let x = x - estimate;
                *sum += x;
                *square = x.mul_add(x, *square);
            }
        }
        sum += total(&sums);
        square_sum += total(&squares);
    }
    let shift = sum / x.len() as f64;
    let variance = (square_sum / x.len() as f64 - shift * shift).max(0.0);
    ((f64::from(estimate) + shift) as f32, (1.0 / (variance + eps).sqrt()) as f32)
}

#[inline(always)]
fn total(sums: &[f32; WIDTH]) -> f64 {
    let folded: [f32; LANES] =
        std::array::from_fn(|i| (sums[i] + sums[i + LANES]) + (sums[i + 2 * LANES] + sums[i + 3 * LANES]));
    folded.into_iter().map(f64::from).sum()
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
    let dims = x.dims();
    let (batch, channels) = (dims[0], dims[1]);
    let (x, weight, bias) = (x.contiguous()?, contiguous(weight)?, contiguous(bias)?);
    let (x, weight, bias) = (View::of(&x)?, View::of(&weight)?, View::of(&bias)?);
    let (x, weight, bias) = (x.data(), weight.data(), bias.data());
    let plane: usize = dims[2..].iter().product();
    let (per_group, group_len) = (channels / groups, channels / groups * plane);
    let fill = |out: &Output| {
        for_each(batch * groups, |task| {
            let x = &x[task * group_len..][..group_len];
            // SAFETY: tasks own disjoint groups.
            let out = unsafe { out.slice(task * group_len, group_len) };
            let first = task % groups * per_group;
            let affine = weight[first..].iter().zip(&bias[first..]);
            dispatch(
                #[inline(always)]
                || {
                    let (mean, scale) = statistics(x, eps);
                    let planes = x.chunks_exact(plane.max(1)).zip(out.chunks_exact_mut(plane.max(1)));
                    for ((x, out), (&weight, &bias)) in planes.zip(affine) {
                        let scale = scale * weight;
                        match activation {
                            Activation::None => write(out, x, |x| (x - mean).mul_add(scale, bias)),
                            Activation::Silu => write(out, x, |x| silu((x - mean).mul_add(scale, bias))),
                        }
                    }
                },
            );
        });
    };
    // SAFETY: the groups cover the output, and the planes of its channels cover a group.
    unsafe { build(dims, fill) }
}

#[inline(always)]
fn write(out: &mut [MaybeUninit<f32>], x: &[f32], f: impl Fn(f32) -> f32) {
    for (out, &x) in out.iter_mut().zip(x) {
        out.write(f(x));
    }
}

pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, eps: f64) -> Result<Tensor> {
    check::layer_norm(x, weight, bias)?;
    let features = x.dims().last().copied().unwrap_or(0);
    let shape = x.shape();
    let (x, weight, bias) = (x.contiguous()?, contiguous(weight)?, contiguous(bias)?);
    let (x, weight, bias) = (View::of(&x)?, View::of(&weight)?, View::of(&bias)?);
    let (x, weight, bias) = (x.data(), &weight.data()[..features], &bias.data()[..features]);
    // SAFETY: every row is written from the row of the input that has its number.
    unsafe {
        build_rows(shape, features, |first, out| {
            let x = &x[first * features..][..out.len()];
            dispatch(
                #[inline(always)]
                || {
                    for (out, x) in out.chunks_exact_mut(features).zip(x.chunks_exact(features)) {
                        let (mean, scale) = statistics(x, eps);
                        for (((out, &x), &weight), &bias) in out.iter_mut().zip(x).zip(weight).zip(bias) {
                            out.write(((x - mean) * scale).mul_add(weight, bias));
                        }
                    }
                },
            );
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, doubles, random};
    use super::*;

    /// Each chunk to mean 0 and variance 1.
    fn normalised(x: &[f64], len: usize, eps: f64) -> Vec<f64> {
        let normalise = |x: &[f64]| {
            let mean = x.iter().sum::<f64>() / len as f64;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / len as f64;
            x.iter().map(|x| (x - mean) / (variance + eps).sqrt()).collect::<Vec<_>>()
        };
        x.chunks_exact(len).flat_map(normalise).collect()
    }

    #[test]
    fn group_norm_equals_the_plain_formula() {
        for (shape, groups) in [(vec![2, 6, 5, 7], 3), (vec![1, 32, 4], 32), (vec![3, 8], 2), (vec![1, 4, 40, 41], 1)] {
            let channels = shape[1];
            let (x, weight, bias) = (random(shape.clone(), 1), random(channels, 2), random(channels, 3));
            let plane: usize = shape[2..].iter().product();
            let (w, b) = (doubles(&weight), doubles(&bias));
            let affine = |(i, x): (usize, f64)| x * w[i / plane % channels] + b[i / plane % channels];
            let expected: Vec<f64> =
                normalised(&doubles(&x), channels / groups * plane, 1e-5).into_iter().enumerate().map(affine).collect();
            let got = group_norm(&x, groups, &weight, &bias, 1e-5, Activation::None).unwrap();
            assert_close(&got, &expected, 1e-6, &format!("{shape:?} in {groups}"));
            let expected: Vec<f64> = expected.into_iter().map(|x| x / (1.0 + (-x).exp())).collect();
            let got = group_norm(&x, groups, &weight, &bias, 1e-5, Activation::Silu).unwrap();
            assert_close(&got, &expected, 1e-6, &format!("{shape:?} in {groups}, silu"));
        }
    }

    #[test]
    fn statistics_survive_a_mean_far_from_zero() {
        let x = ((random((1, 4, 30, 30), 1) * 0.5).unwrap() + 1000.0).unwrap();
        let (weight, bias) = (Tensor::ones_like(&random(4, 1)).unwrap(), random(4, 3).zeros_like().unwrap());
        let got = group_norm(&x, 2, &weight, &bias, 1e-5, Activation::None).unwrap();
        // The mean itself is rounded to f32: 3e-5 at 1000, divided by a deviation of 0.29.
        assert_close(&got, &normalised(&doubles(&x), 1800, 1e-5), 2e-4, "far mean");
    }

    #[test]
    fn layer_norm_equals_the_plain_formula() {
        for (rows, features) in [(1, 1), (3, 7), (77, 768), (300, 1281)] {
            let (x, weight, bias) = (random((rows, features), 1), random(features, 2), random(features, 3));
            let (w, b) = (doubles(&weight), doubles(&bias));
            let affine = |(i, x): (usize, f64)| x * w[i % features] + b[i % features];
            let expected: Vec<f64> =
                normalised(&doubles(&x), features, 1e-5).into_iter().enumerate().map(affine).collect();
            let got = layer_norm(&x, &weight, &bias, 1e-5).unwrap();
            assert_close(&got, &expected, 2e-6, &format!("{rows}x{features}"));
        }
        let turned = random((7, 5), 1).t().unwrap();
        let ones = Tensor::ones_like(&random(7, 1)).unwrap();
        let got = layer_norm(&turned, &ones, &ones.zeros_like().unwrap(), 1e-5).unwrap();
        assert_close(&got, &normalised(&doubles(&turned), 7, 1e-5), 1e-6, "transposed");
    }
}
