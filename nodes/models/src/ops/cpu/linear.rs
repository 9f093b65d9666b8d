//! The linear layer, and the one that ends in a GEGLU.
//!
//! Tasks compute blocks of the output. A block is small enough for its bias to be laid into it just before the product is
//! added, and for its gates to be applied just after, while it is still in the cache.

use super::super::check::{expect, shape_of};
use super::activation::gate;
use super::buffer::{Output, View, build, contiguous, for_each, optional_bias, with_scratch};
use super::gemm::{Mat, MatMut, Update, multiply};
use super::simd::{LANES, dispatch};
use crate::Result;
use candle_core::Tensor;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Most rows and columns of a block: packing the weights once a block then costs 3 % of the product.
const BLOCK: usize = 512;
/// Up to so many rows, laying the weights out for a product costs more than it saves: dot products read them as they are.
const FEW_ROWS: usize = 16;

/// The operands, row-major.
struct Linear<'a> {
    /// `[rows, inputs]`.
    x: &'a [f32],
    /// `[features, inputs]`.
    weight: &'a [f32],
    /// `[features]`.
    bias: Option<&'a [f32]>,
    rows: usize,
    inputs: usize,
    features: usize,
}

/// Hands the operands to `work`, with the shape that the result has but for its last dimension.
fn with_operands(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    work: impl FnOnce(&Linear, Vec<usize>) -> Result<Tensor>,
) -> Result<Tensor> {
    let (features, inputs) = weight.dims2()?;
    let mut shape = x.dims().to_vec();
    let last = shape.pop();
    expect(last == Some(inputs), || ("input of linear".into(), format!("[.., {inputs}]"), shape_of(x)))?;
    let rows = shape.iter().product();
    let (x, weight, bias) = (x.contiguous()?, contiguous(weight)?, optional_bias(bias, features, "linear")?);
    let bias = bias.as_ref().map(View::of).transpose()?;
    let (x, weight) = (View::of(&x)?, View::of(&weight)?);
    let bias = bias.as_ref().map(View::data);
    work(&Linear { x: x.data(), weight: weight.data(), bias, rows, inputs, features }, shape)
}

pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    with_operands(x, weight, bias, |linear, mut shape| {
        let features = linear.features;
        shape.push(features);
        let fill = |out: &Output| match linear.rows <= FEW_ROWS {
            true => few_rows(linear, out),
            false => for_each_block(linear.rows, features, BLOCK, |rows, columns| {
                // SAFETY: blocks are disjoint.
                let mut dst = unsafe {
                    out.block(rows.start * features + columns.start, [rows.len(), columns.len()], [features, 1])
                };
                linear.block(rows, columns, &mut dst);
            }),
        };
        // SAFETY: the blocks cover the output, and every element of a block is set.
        unsafe { build(shape, fill) }
    })
}

pub fn linear_geglu(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    /// Most columns of a block: values and gates of 512 rows stay in the second-level cache.
    const COLUMNS: usize = 128;
    with_operands(x, weight, bias, |linear, mut shape| {
        expect(linear.features.is_multiple_of(2), || {
            ("weight of linear_geglu".into(), "[even, ..]".into(), shape_of(weight))
        })?;
        let half = linear.features / 2;
        shape.push(half);
        let fill = |out: &Output| {
            for_each_block(linear.rows, half, COLUMNS, |rows, columns| {
                let (count, width) = (rows.len(), columns.len());
                with_scratch(2 * count * width, |scratch| {
                    let (values, gates) = scratch.split_at_mut(count * width);
                    let later = columns.start + half..columns.end + half;
                    linear.block(rows.clone(), columns.clone(), &mut MatMut::new(values, [count, width], [width, 1]));
                    linear.block(rows.clone(), later, &mut MatMut::new(gates, [count, width], [width, 1]));
                    for ((i, values), gates) in rows.zip(values.chunks_exact(width)).zip(gates.chunks_exact(width)) {
                        // SAFETY: blocks are disjoint.
                        let out = unsafe { out.slice(i * half + columns.start, width) };
                        dispatch(
                            #[inline(always)]
                            || gate(values, gates, out),
                        );
                    }
                });
            });
        };
        // SAFETY: the blocks cover the output, and every row of a block is written.
        unsafe { build(shape, fill) }
    })
}

/// Runs `work` on blocks of rows and columns that cover `rows × columns`, enough of them to keep all threads busy.
fn for_each_block(rows: usize, columns: usize, widest: usize, work: impl Fn(Range<usize>, Range<usize>) + Sync + Send) {
    let down = rows.div_ceil(BLOCK);
    let even = (columns * down).div_ceil(2 * rayon::current_num_threads());
    let width = even.next_multiple_of(2 * LANES).clamp(8 * LANES, widest);
    let across = columns.div_ceil(width);
    for_each(down * across, |task| {
        let (i, j) = (task / across * BLOCK, task % across * width);
        work(i..rows.min(i + BLOCK), j..columns.min(j + width));
    });
}

impl Linear<'_> {
    /// Sets `dst` to some rows and columns of the result.
    fn block(&self, rows: Range<usize>, columns: Range<usize>, dst: &mut MatMut) {
        let inputs = self.inputs;
        let x = Mat::new(&self.x[rows.start * inputs..], [rows.len(), inputs], [inputs, 1]);
        let weight = Mat::new(&self.weight[columns.start * inputs..], [columns.len(), inputs], [inputs, 1]);
        let update = match self.bias {
            Some(bias) => {
                dst.set_rows(&bias[columns]);
                Update::Add
            }
            None => Update::Set,
        };
        multiply(dst, x, weight.transposed(), update);
    }
}

/// The whole layer for a handful of rows: each weight row is read once.
fn few_rows(linear: &Linear, out: &Output) {
    /// Weight rows of one task.
    const CHUNK: usize = 64;
    let Linear { inputs, features, .. } = *linear;
    for_each(features.div_ceil(CHUNK), |task| {
        dispatch(
            #[inline(always)]
            || {
                for j in task * CHUNK..features.min((task + 1) * CHUNK) {
                    let weight = &linear.weight[j * inputs..][..inputs];
                    let bias = linear.bias.map_or(0.0, |bias| bias[j]);
                    for i in 0..linear.rows {
                        let value = dot(&linear.x[i * inputs..][..inputs], weight) + bias;
                        // SAFETY: the task alone writes column `j`.
                        unsafe { out.slice(i * features + j, 1) }.fill(MaybeUninit::new(value));
                    }
                }
            },
        );
    });
}

/// The dot product of two slices of one length, with enough partial sums to hide the latency of addition.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const WIDTH: usize = 4 * LANES;
    let mut sums = [0f32; WIDTH];
    let (a_chunks, b_chunks) = (a.chunks_exact(WIDTH), b.chunks_exact(WIDTH));
    let tail: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum = a.mul_add(b, *sum);
        }
    }
    sums.iter().sum::<f32>() + tail
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, doubles, random};
    use super::*;
    use candle_core::{DType, Device};

    fn reference(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Vec<f64> {
        let (features, inputs) = weight.dims2().expect("a matrix");
        let (x, weight, bias) = (doubles(x), doubles(weight), bias.map(doubles));
        let value = |row: &[f64], j: usize| {
            let dot: f64 = row.iter().zip(&weight[j * inputs..][..inputs]).map(|(a, b)| a * b).sum();
            dot + bias.as_ref().map_or(0.0, |bias| bias[j])
        };
        x.chunks_exact(inputs).flat_map(|row| (0..features).map(move |j| value(row, j)).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn linear_equals_the_plain_sum() {
        for (rows, inputs, features) in
            [(1, 1, 1), (2, 37, 70), (16, 1280, 129), (17, 5, 7), (77, 33, 200), (700, 40, 600)]
        {
            let (x, weight) = (random((rows, inputs), 1), random((features, inputs), 2));
            let bias = random(features, 3);
            for bias in [None, Some(&bias)] {
                let got = linear(&x, &weight, bias).unwrap();
                assert_eq!(got.dims(), [rows, features]);
                assert_close(
                    &got,
                    &reference(&x, &weight, bias),
                    1e-6 * inputs as f64,
                    &format!("{rows} {inputs} {features}"),
                );
            }
        }
    }

    #[test]
    fn linear_takes_any_rank_and_any_strides() {
        let (x, weight) = (random((2, 6, 9), 4).transpose(1, 2).unwrap(), random((6, 5), 5).t().unwrap());
        let got = linear(&x, &weight, None).unwrap();
        assert_eq!(got.dims(), [2, 9, 5]);
        assert_close(&got, &reference(&x, &weight, None), 1e-5, "transposed");
        let empty = linear(&random((0, 6), 1), &weight, None).unwrap();
        assert_eq!(empty.dims(), [0, 5]);
    }

    #[test]
    fn linear_geglu_equals_linear_then_geglu() {
        for (rows, inputs, half) in [(1, 3, 1), (5, 20, 37), (600, 30, 300)] {
            let (x, weight) = (random((rows, inputs), 1), random((2 * half, inputs), 2));
            let bias = random(2 * half, 3);
            for bias in [None, Some(&bias)] {
                let expected = super::super::geglu(&linear(&x, &weight, bias).unwrap()).unwrap();
                let got = linear_geglu(&x, &weight, bias).unwrap();
                assert_eq!(got.dims(), [rows, half]);
                assert_close(&got, &doubles(&expected), 1e-5, &format!("{rows} {inputs} {half}"));
            }
        }
        assert!(linear_geglu(&random((2, 4), 1), &random((3, 4), 2), None).is_err());
    }

    #[test]
    fn linear_refuses_what_does_not_fit() {
        let message = linear(&random((2, 6), 1), &random((5, 7), 2), None).unwrap_err().to_string();
        assert_eq!(message, "input of linear: expected [.., 7], got [2, 6]");
        let message = linear(&random((2, 7), 1), &random((5, 7), 2), Some(&random(4, 3))).unwrap_err().to_string();
        assert_eq!(message, "bias of linear: expected 5 elements, got [4]");
        let f64s = Tensor::zeros((2, 7), DType::F64, &Device::Cpu).unwrap();
        assert!(linear(&f64s, &random((5, 7), 2), None).is_err());
    }
}
