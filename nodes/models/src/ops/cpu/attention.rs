//! Attention without a score matrix: blocks of queries against blocks of keys with a running softmax.
//!
//! **Source**: FlashAttention-2, arXiv 2307.08691, algorithm 1. Scores are held keys-down, queries-across, so that maxima, sums and
//! exponentials run along the vectors, one lane a query, and neither keys nor values need transposing.

use super::super::Mask;
use super::super::check;
use super::buffer::{Output, View, build, for_each, with_scratch};
use super::gemm::{Mat, MatMut, Update, multiply};
use super::simd::{LANES, dispatch, exp};
use crate::Result;
use candle_core::Tensor;

/// Queries of a block: a multiple of the rows of AVX2 micro-kernels (16 or 24).
const QUERIES: usize = 96;
/// Keys of a block: its scores (96 KiB) stay in the second-level cache.
const KEYS: usize = 256;

pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize, mask: Mask) -> Result<Tensor> {
    check::attention(q, k, v, heads)?;
    let (batch, queries, width) = q.dims3()?;
    let keys = k.dim(1)?;
    let dim = width / heads;
    let (q, k, v) = (rows_contiguous(q)?, rows_contiguous(k)?, rows_contiguous(v)?);
    let (q, k, v) = (View::of(&q)?, View::of(&k)?, View::of(&v)?);
    let blocks = queries.div_ceil(QUERIES);

    let task = |out: &Output, task: usize| {
        let (row, start) = (task / blocks, task % blocks * QUERIES);
        let (image, head) = (row / heads, row % heads);
        let count = QUERIES.min(queries - start);
        let visible = if mask == Mask::Causal { keys.min(start + count) } else { keys };
        let q = rows_of(&q, [image, head], start, [count, dim]);
        let lanes = count.next_multiple_of(LANES);
        with_scratch((KEYS + dim + 3) * lanes, |scratch| {
            let (scores, rest) = scratch.split_at_mut(KEYS * lanes);
            let (sums, state) = rest.split_at_mut(dim * lanes);
            let mut state = Softmax::new(state, lanes);
            for first in (0..visible).step_by(KEYS) {
                let len = KEYS.min(visible - first);
                let keys = rows_of(&k, [image, head], first, [len, dim]);
                multiply(&mut MatMut::new(scores, [len, count], [lanes, 1]), keys, q.transposed(), Update::Set);
                let scores = &mut scores[..len * lanes];
                if mask == Mask::Causal {
                    hide_later_keys(scores, lanes, first, start);
                }
                dispatch(
                    #[inline(always)]
                    || state.take(scores, (dim as f64).sqrt().recip() as f32),
                );
                let update = if first == 0 {
                    Update::Set
                } else {
                    dispatch(
                        #[inline(always)]
                        || state.rescale(sums),
                    );
                    Update::Add
                };
                let values = rows_of(&v, [image, head], first, [len, dim]);
                let weights = Mat::new(scores, [len, count], [lanes, 1]);
                multiply(&mut MatMut::new(sums, [dim, count], [lanes, 1]), values.transposed(), weights, update);
            }
            dispatch(
                #[inline(always)]
                || state.normalise(sums),
            );
            for i in 0..count {
                // SAFETY: tasks own disjoint queries of disjoint heads.
                let out = unsafe { out.slice((image * queries + start + i) * width + head * dim, dim) };
                for (out, sums) in out.iter_mut().zip(sums.chunks_exact(lanes)) {
                    out.write(sums[i]);
                }
            }
        });
    };
    // SAFETY: the tasks cover all queries of all heads, and each writes all of its own.
    unsafe { build((batch, queries, width), |out| for_each(batch * heads * blocks, |i| task(out, i))) }
}

/// The tensor itself when its last dimension is contiguous (slices of a fused projection are), else a copy.
fn rows_contiguous(x: &Tensor) -> Result<Tensor> {
    Ok(if x.stride().last() == Some(&1) { x.clone() } else { x.contiguous()? })
}

/// Rows `first..` of one head of one picture.
fn rows_of<'a>(x: &'a View, [image, head]: [usize; 2], first: usize, [count, dim]: [usize; 2]) -> Mat<'a> {
    let (next_image, next) = (x.stride()[0], x.stride()[1]);
    Mat::new(&x.data()[image * next_image + first * next + head * dim..], [count, dim], [next, 1])
}

/// Takes from queries `start..` the keys after them, of the keys `first..` that are the rows of `scores`.
fn hide_later_keys(scores: &mut [f32], lanes: usize, first: usize, start: usize) {
    for (key, row) in (first..).zip(scores.chunks_exact_mut(lanes)) {
        row[..key.saturating_sub(start).min(lanes)].fill(f32::NEG_INFINITY);
    }
}

/// The running softmax of a block of queries, one lane each.
struct Softmax<'a> {
    /// The largest score so far.
    largest: &'a mut [f32],
    /// The sum of `exp((score - largest)·scale)` so far.
    total: &'a mut [f32],
    /// What earlier sums are to be multiplied by since `largest` has grown.
    factor: &'a mut [f32],
}

impl<'a> Softmax<'a> {
    fn new(state: &'a mut [f32], lanes: usize) -> Self {
        let (largest, rest) = state.split_at_mut(lanes);
        let (total, rest) = rest.split_at_mut(lanes);
        largest.fill(f32::NEG_INFINITY);
        total.fill(0.0);
        Self { largest, total, factor: &mut rest[..lanes] }
    }

    /// Turns a block of scores into `exp((score - largest)·scale)`.
    #[inline(always)]
    fn take(&mut self, scores: &mut [f32], scale: f32) {
        let lanes = self.largest.len();
        self.factor.copy_from_slice(self.largest);
        for row in scores.chunks_exact(lanes) {
            for (largest, &score) in self.largest.iter_mut().zip(row) {
                *largest = largest.max(score);
            }
        }
        for ((factor, &largest), total) in self.factor.iter_mut().zip(&*self.largest).zip(&mut *self.total) {
            *factor = exp((*factor - largest) * scale);
            *total *= *factor;
        }
        // Sums of a few rows first: adding thousands of small numbers to a large one would lose digits.
        for rows in scores.chunks_mut(16 * lanes) {
            let mut partial = [0f32; QUERIES];
            for row in rows.chunks_exact_mut(lanes) {
                // A loop of a length known to the compiler (over `LANES`) would be unrolled instead of vectorised.
                for ((score, &largest), partial) in row.iter_mut().zip(&*self.largest).zip(&mut partial) {
                    *score = exp((*score - largest) * scale);
                    *partial += *score;
                }
            }
            for (total, partial) in self.total.iter_mut().zip(partial) {
                *total += partial;
            }
        }
    }

    /// Brings sums of earlier blocks (one row a dimension) down to the present scale.
    #[inline(always)]
    fn rescale(&self, sums: &mut [f32]) {
        for row in sums.chunks_exact_mut(self.factor.len()) {
            for (sum, &factor) in row.iter_mut().zip(&*self.factor) {
                *sum *= factor;
            }
        }
    }

    /// Turns sums into means.
    #[inline(always)]
    fn normalise(&self, sums: &mut [f32]) {
        for row in sums.chunks_exact_mut(self.total.len()) {
            for (sum, &total) in row.iter_mut().zip(&*self.total) {
                *sum /= total;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, doubles, random};
    use super::*;

    fn reference(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize, mask: Mask) -> Vec<f64> {
        let (batch, queries, width) = q.dims3().expect("three dimensions");
        let (keys, dim) = (k.dim(1).expect("three dimensions"), width / heads);
        let (q, k, v) = (doubles(q), doubles(k), doubles(v));
        let mut out = vec![0.0; q.len()];
        for (b, i, head) in
            (0..batch).flat_map(|b| (0..queries).flat_map(move |i| (0..heads).map(move |head| (b, i, head))))
        {
            let visible = if mask == Mask::Causal { keys.min(i + 1) } else { keys };
            let at = |len: usize, row: usize| (b * len + row) * width + head * dim;
            let score = |j: usize| (0..dim).map(|c| q[at(queries, i) + c] * k[at(keys, j) + c]).sum::<f64>();
            let scores: Vec<f64> = (0..visible).map(|j| score(j) / (dim as f64).sqrt()).collect();
            let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
            let total: f64 = weights.iter().sum();
            for c in 0..dim {
                let sum: f64 = weights.iter().enumerate().map(|(j, weight)| weight * v[at(keys, j) + c]).sum();
                out[at(queries, i) + c] = sum / total;
            }
        }
        out
    }

    #[test]
    fn equals_the_plain_softmax() {
        for (batch, queries, keys, heads, dim) in [
            (1, 1, 1, 1, 1),
            (2, 7, 5, 3, 4),
            (1, 77, 77, 2, 40),
            (2, 100, 1100, 2, 8),
            (1, 50, 600, 1, 512),
            (1, 9, 93, 8, 2),
        ] {
            let q = (random((batch, queries, heads * dim), 1) * 3.0).unwrap();
            let (k, v) = (random((batch, keys, heads * dim), 2), random((batch, keys, heads * dim), 3));
            let what = format!("{batch}x{queries}x{keys}, {heads} heads of {dim}");
            let got = attention(&q, &k, &v, heads, Mask::None).unwrap();
            assert_close(&got, &reference(&q, &k, &v, heads, Mask::None), 2e-6, &what);
        }
    }

    #[test]
    fn causal_queries_see_no_later_key() {
        for len in [1, 5, 77, 130, 700] {
            let x = |seed| random((2, len, 12), seed);
            let (q, k, v) = (x(1), x(2), x(3));
            let got = attention(&q, &k, &v, 3, Mask::Causal).unwrap();
            assert_close(&got, &reference(&q, &k, &v, 3, Mask::Causal), 2e-6, &format!("causal {len}"));
        }
    }

    #[test]
    fn survives_scores_far_beyond_the_range_of_exp() {
        let (q, k) = ((random((1, 60, 8), 1) * 200.0).unwrap(), (random((1, 1200, 8), 2) * 200.0).unwrap());
        let v = random((1, 1200, 8), 3);
        let got = attention(&q, &k, &v, 1, Mask::None).unwrap();
        // Scores near 60000 are themselves only known to 4e-3 in f32.
        assert_close(&got, &reference(&q, &k, &v, 1, Mask::None), 2e-2, "large scores");
    }

    #[test]
    fn takes_parts_of_a_fused_projection_and_any_strides() {
        let fused = random((2, 60, 36), 1);
        let part = |i: usize| fused.narrow(2, i * 12, 12).unwrap();
        let got = attention(&part(0), &part(1), &part(2), 3, Mask::None).unwrap();
        assert_close(&got, &reference(&part(0), &part(1), &part(2), 3, Mask::None), 2e-6, "fused");
        let turned = random((2, 12, 60), 2).transpose(1, 2).unwrap();
        let got = attention(&turned, &turned, &turned, 2, Mask::None).unwrap();
        assert_close(&got, &reference(&turned, &turned, &turned, 2, Mask::None), 2e-6, "transposed");
    }
}
