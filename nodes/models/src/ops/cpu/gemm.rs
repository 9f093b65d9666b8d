//! Matrix products, and the linear layer made of them.
//!
//! One thread multiplies one block; the callers cut their work into blocks and hand those to the thread pool. A block is
//! small enough for its bias to be laid into it just before the product is added, while it is still in the cache.

use super::buffer::{View, build, contiguous, expect, for_each, optional_bias, shape_of};
use super::simd::{LANES, dispatch};
use crate::Result;
use candle_core::Tensor;
use std::marker::PhantomData;

/// A matrix in memory: element `(i, j)` at `i * stride[0] + j * stride[1]`.
#[derive(Clone, Copy)]
pub struct Mat<'a> {
    data: &'a [f32],
    shape: [usize; 2],
    stride: [usize; 2],
}

/// Whether a matrix of these strides ends inside of `len` elements.
pub fn fits(len: usize, shape: [usize; 2], stride: [usize; 2]) -> bool {
    let [Some(rows), Some(cols)] = shape.map(|n| n.checked_sub(1)) else { return true };
    let last = rows.checked_mul(stride[0]).zip(cols.checked_mul(stride[1])).and_then(|(a, b)| a.checked_add(b));
    last.is_some_and(|last| last < len)
}

impl<'a> Mat<'a> {
    /// A matrix over `data`.
    pub fn new(data: &'a [f32], shape: [usize; 2], stride: [usize; 2]) -> Self {
        assert!(fits(data.len(), shape, stride), "matrix outside of its data");
        Self { data, shape, stride }
    }

    /// The same elements with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        let ([rows, cols], [down, right]) = (self.shape, self.stride);
        Self { data: self.data, shape: [cols, rows], stride: [right, down] }
    }
}

/// A matrix that can be written; its elements may be uninitialised.
pub struct MatMut<'a> {
    start: *mut f32,
    shape: [usize; 2],
    stride: [usize; 2],
    borrowed: PhantomData<&'a mut [f32]>,
}

impl<'a> MatMut<'a> {
    /// A matrix over `data`.
    pub fn new(data: &'a mut [f32], shape: [usize; 2], stride: [usize; 2]) -> Self {
        assert!(fits(data.len(), shape, stride), "matrix outside of its data");
        // SAFETY: all elements lie inside `data` (just checked), which is borrowed for as long as the matrix lives.
        unsafe { Self::from_raw(data.as_mut_ptr(), shape, stride) }
    }

    /// A matrix at an address.
    ///
    /// # Safety
    /// All its elements must lie in one allocation that outlives it, and nobody else may access them meanwhile.
    pub unsafe fn from_raw(start: *mut f32, shape: [usize; 2], stride: [usize; 2]) -> Self {
        Self { start, shape, stride, borrowed: PhantomData }
    }

    /// Sets element `(i, j)` to `value(i, j)`.
    pub fn fill(&mut self, value: impl Fn(usize, usize) -> f32) {
        for i in 0..self.shape[0] {
            for j in 0..self.shape[1] {
                // SAFETY: both indices are inside the shape.
                unsafe { self.start.add(i * self.stride[0] + j * self.stride[1]).write(value(i, j)) }
            }
        }
    }
}

/// What becomes of the destination of a product.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// It is overwritten.
    Set,
    /// The product is added; the destination must be initialised.
    Add,
}

/// Longest sum that is taken in one go: sums of sums round less than one long sum, about `√(n / 2)` times the last place.
const DEPTH: usize = 64;

/// `dst (+)= a · b` on the calling thread.
pub fn multiply(dst: &mut MatMut, a: Mat, b: Mat, update: Update) {
    let ([rows, cols], [rows_a, depth], [depth_b, cols_b]) = (dst.shape, a.shape, b.shape);
    assert!((rows, cols, depth) == (rows_a, cols_b, depth_b), "matrices of different shapes");
    let [dst_down, dst_right] = dst.stride.map(|s| s as isize);
    let [a_down, a_right] = a.stride.map(|s| s as isize);
    let [b_down, b_right] = b.stride.map(|s| s as isize);
    let step = depth.div_ceil(depth.div_ceil(DEPTH).max(1)).max(1);
    for start in (0..depth.max(1)).step_by(step) {
        let (a, b) = (&a.data[start * a.stride[1]..], &b.data[start * b.stride[0]..]);
        // SAFETY: the shapes agree, and every `Mat` and `MatMut` holds all the elements its shape and strides reach, of which
        // this part of the depth is a part. The destination is exclusively borrowed, so it overlaps neither operand; it is
        // read only when `Add` says that it is initialised, or when the first part has set it.
        unsafe {
            gemm::gemm(
                rows,
                cols,
                step.min(depth - start),
                dst.start,
                dst_right,
                dst_down,
                update == Update::Add || start > 0,
                a.as_ptr(),
                a_right,
                a_down,
                b.as_ptr(),
                b_right,
                b_down,
                1.0,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::None,
            )
        }
    }
}

/// Rows and columns of the block that one task computes: packing the weights once a block then costs 3 % of the product.
const BLOCK: usize = 512;

/// Up to so many rows the product is bound by reading the weights, and dot products read them best.
const FEW_ROWS: usize = 3;

pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let (features, inputs) = weight.dims2()?;
    let mut shape = x.dims().to_vec();
    let last = shape.pop();
    expect(last == Some(inputs), || ("input of linear".into(), format!("[.., {inputs}]"), shape_of(x)))?;
    let rows: usize = shape.iter().product();
    shape.push(features);

    let (x, weight, bias) = (x.contiguous()?, contiguous(weight)?, optional_bias(bias, features, "linear")?);
    let bias = bias.as_ref().map(View::of).transpose()?;
    let bias = bias.as_ref().map(View::data);
    let (x, weight) = (View::of(&x)?, View::of(&weight)?);
    let (x, weight) = (x.data(), weight.data());

    if rows <= FEW_ROWS {
        return few_rows(x, weight, bias, [rows, inputs, features], shape);
    }
    let row_tasks = rows.div_ceil(BLOCK);
    let wanted = (features * row_tasks).div_ceil(2 * rayon::current_num_threads());
    let width = wanted.next_multiple_of(2 * LANES).clamp(8 * LANES, BLOCK);
    let column_tasks = features.div_ceil(width);
    let fill = |out: &super::buffer::Output| {
        for_each(row_tasks * column_tasks, |task| {
            let (i, j) = (task / column_tasks * BLOCK, task % column_tasks * width);
            let (count, width) = (BLOCK.min(rows - i), width.min(features - j));
            let x = Mat::new(&x[i * inputs..], [count, inputs], [inputs, 1]);
            let weight = Mat::new(&weight[j * inputs..], [width, inputs], [inputs, 1]);
            // SAFETY: tasks own disjoint blocks.
            let mut dst = unsafe { out.block(i * features + j, [count, width], [features, 1]) };
            match bias {
                Some(bias) => {
                    dst.fill(|_, column| bias[j + column]);
                    multiply(&mut dst, x, weight.transposed(), Update::Add);
                }
                None => multiply(&mut dst, x, weight.transposed(), Update::Set),
            }
        });
    };
    // SAFETY: the blocks cover the output, and a product sets every element of its block.
    unsafe { build(shape, fill) }
}

/// The linear layer for a handful of rows: each weight row is read once.
fn few_rows(
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    [rows, inputs, features]: [usize; 3],
    shape: Vec<usize>,
) -> Result<Tensor> {
    /// Weight rows of one task.
    const CHUNK: usize = 64;
    let fill = |out: &super::buffer::Output| {
        for_each(features.div_ceil(CHUNK), |task| {
            dispatch(
                #[inline(always)]
                || {
                    for j in task * CHUNK..features.min((task + 1) * CHUNK) {
                        let weight = &weight[j * inputs..][..inputs];
                        for i in 0..rows {
                            let value = dot(&x[i * inputs..][..inputs], weight) + bias.map_or(0.0, |bias| bias[j]);
                            // SAFETY: task `j / CHUNK` alone writes column `j`.
                            let mut dst = unsafe { out.block(i * features + j, [1, 1], [1, 1]) };
                            dst.fill(|_, _| value);
                        }
                    }
                },
            );
        });
    };
    // SAFETY: every column belongs to a task, which writes all its rows.
    unsafe { build(shape, fill) }
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
            [(1, 1, 1), (2, 37, 70), (3, 1280, 129), (4, 5, 7), (77, 33, 200), (700, 40, 600)]
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
    fn linear_refuses_what_does_not_fit() {
        let message = linear(&random((2, 6), 1), &random((5, 7), 2), None).unwrap_err().to_string();
        assert_eq!(message, "input of linear: expected [.., 7], got [2, 6]");
        let message = linear(&random((2, 7), 1), &random((5, 7), 2), Some(&random(4, 3))).unwrap_err().to_string();
        assert_eq!(message, "bias of linear: expected 5 elements, got [4]");
        let f64s = Tensor::zeros((2, 7), DType::F64, &Device::Cpu).unwrap();
        assert!(linear(&f64s, &random((5, 7), 2), None).is_err());
    }
}
