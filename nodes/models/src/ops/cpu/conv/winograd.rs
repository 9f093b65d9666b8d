//! 3×3 convolution of stride 1 with 16 instead of 36 multiplications for every 2×2 output pixels.
//!
//! **Source**: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv 1509.09308, section 4.1, F(2×2, 3×3):
//! `Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A` over overlapping 4×4 tiles `d` of the input. Its factors are 0, ±1 and ±1/2, so it is as exact
//! as the plain sum (the larger F(4×4, 3×3) is not). Each of the 16 positions is a matrix product over the input channels.

use super::super::buffer::{Output, filled, for_each, with_scratch};
use super::super::gemm::{Mat, MatMut, Update, multiply};
use super::super::simd::dispatch;
use super::Conv;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Positions in a tile.
const POSITIONS: usize = 16;
/// Tiles of a task.
const TILES: usize = 96;
/// Input channels that are transformed at once.
const INPUTS: usize = 256;
/// Floats between the positions' matrices: without a gap they lie a power of two apart and evict each other from the cache.
const GAP: usize = 16;
/// Floats of transformed weights that exist at once (16 MiB).
const WEIGHTS: usize = 1 << 22;

/// Whether there are enough channels for the products to outweigh the transforms of tiles, and enough tiles to outweigh those
/// of weights.
pub fn suits(conv: &Conv) -> bool {
    let tiles = conv.batch * conv.out[0].div_ceil(2) * conv.out[1].div_ceil(2);
    conv.kernel == [3, 3] && conv.stride == 1 && conv.inputs >= 32 && conv.outputs >= 32 && tiles >= 128
}

/// A rectangle of tiles of one picture.
struct Block {
    image: usize,
    rows: Range<usize>,
    columns: Range<usize>,
}

pub fn run(conv: &Conv, out: &Output) {
    let blocks = blocks(conv);
    let outputs_each = (WEIGHTS / (POSITIONS * conv.inputs)).clamp(1, conv.outputs);
    for first in (0..conv.outputs).step_by(outputs_each) {
        let outputs = first..conv.outputs.min(first + outputs_each);
        let len = POSITIONS * (outputs.len() * conv.inputs + GAP);
        // SAFETY: all weights of all positions are written, and the gaps between them.
        let weights = unsafe { filled(len, |target| transform_weights(conv, outputs.clone(), target)) };
        for_each(blocks.len(), |i| run_block(conv, &blocks[i], outputs.clone(), &weights, out));
    }
}

/// Cuts the pictures into blocks of about [`TILES`] tiles, as many as keep all threads busy to the end.
fn blocks(conv: &Conv) -> Vec<Block> {
    let [rows, columns] = conv.out.map(|n| n.div_ceil(2));
    let width = columns.div_ceil(columns.div_ceil(TILES));
    let across = columns.div_ceil(width);
    let threads = rayon::current_num_threads();
    let even = |down: usize| {
        let count = conv.batch * across * down;
        count >= 4 * threads || count.is_multiple_of(threads)
    };
    let fewest = (rows * width).div_ceil(TILES);
    let down = (fewest..rows).find(|&down| even(down)).unwrap_or(fewest);
    let height = rows.div_ceil(down);
    let cut = |len: usize, step: usize| (0..len).step_by(step).map(move |start| start..len.min(start + step));
    (0..conv.batch)
        .flat_map(|image| cut(rows, height).map(move |rows| (image, rows)))
        .flat_map(|(image, rows)| cut(columns, width).map(move |columns| Block { image, rows: rows.clone(), columns }))
        .collect()
}

/// `G g Gᵀ` of every kernel: `[position, output, input]`.
fn transform_weights(conv: &Conv, outputs: Range<usize>, target: &Output) {
    let (inputs, count) = (conv.inputs, outputs.len());
    let step = count * inputs + GAP;
    for p in 0..POSITIONS {
        // SAFETY: nobody else writes to the gaps.
        unsafe { target.slice(p * step + count * inputs, GAP) }.fill(MaybeUninit::new(0.0));
    }
    for_each(count, |i| {
        // SAFETY: the rows of different tasks `i` are disjoint, as are those of one task's positions.
        let rows: [_; POSITIONS] = std::array::from_fn(|p| unsafe { target.slice(p * step + i * inputs, inputs) });
        let kernels = conv.weight[(outputs.start + i) * inputs * 9..][..inputs * 9].chunks_exact(9);
        for (input, g) in kernels.enumerate() {
            // G = [[1, 0, 0], [1/2, 1/2, 1/2], [1/2, -1/2, 1/2], [0, 0, 1]]
            let line = |a: f32, b: f32, c: f32| [a, 0.5 * (a + b + c), 0.5 * (a - b + c), c];
            let columns: [[f32; 4]; 3] = std::array::from_fn(|x| line(g[x], g[3 + x], g[6 + x]));
            for y in 0..4 {
                for (x, value) in line(columns[0][y], columns[1][y], columns[2][y]).into_iter().enumerate() {
                    rows[4 * y + x][input].write(value);
                }
            }
        }
    });
}

fn run_block(conv: &Conv, block: &Block, outputs: Range<usize>, weights: &[f32], out: &Output) {
    let (tiles, width) = (block.rows.len() * block.columns.len(), block.columns.len());
    let (count, inputs_each) = (outputs.len(), INPUTS.min(conv.inputs));
    // Two lines of the picture, or four transformed ones for each of its rows under the block.
    let lines = 8 * (block.rows.len() + 1) * width + 2 * (width + 1);
    let (data_step, products_step) = (inputs_each * tiles + GAP, count * tiles + GAP);
    with_scratch(POSITIONS * (data_step + products_step) + lines, |scratch| {
        let (data, rest) = scratch.split_at_mut(POSITIONS * data_step);
        let (products, lines) = rest.split_at_mut(POSITIONS * products_step);
        for first in (0..conv.inputs).step_by(inputs_each) {
            let inputs = first..conv.inputs.min(first + inputs_each);
            let depth = inputs.len();
            for (i, input) in inputs.enumerate() {
                let plane = conv.plane(block.image, input);
                dispatch(
                    #[inline(always)]
                    || transform_input(conv, plane, block, lines, &mut data[i * tiles..], data_step),
                );
            }
            for p in 0..POSITIONS {
                multiply(
                    &mut MatMut::new(&mut products[p * products_step..], [count, tiles], [tiles, 1]),
                    Mat::new(&weights[p * (count * conv.inputs + GAP) + first..], [count, depth], [conv.inputs, 1]),
                    Mat::new(&data[p * data_step..], [depth, tiles], [tiles, 1]),
                    if first == 0 { Update::Set } else { Update::Add },
                );
            }
        }
        for (i, output) in outputs.enumerate() {
            // SAFETY: blocks own disjoint pixels, and passes disjoint channels.
            let plane = |y: usize, x: usize, len: usize| unsafe {
                out.slice((conv.out[0] * (block.image * conv.outputs + output) + y) * conv.out[1] + x, len)
            };
            let products: [&[f32]; POSITIONS] =
                std::array::from_fn(|p| &products[p * products_step + i * tiles..][..tiles]);
            dispatch(
                #[inline(always)]
                || transform_output(conv, products, block, conv.bias(output), lines, plane),
            );
        }
    });
}

/// `Bᵀ d B` of every tile of one channel, written to `data[position * step ..]`.
#[inline(always)]
fn transform_input(conv: &Conv, plane: &[f32], block: &Block, lines: &mut [f32], data: &mut [f32], step: usize) {
    let [h, w] = conv.size;
    let width = block.columns.len();
    let (line, horizontal) = lines.split_at_mut(2 * (width + 1));
    let rows = 2 * block.rows.len() + 2;
    let left = 2 * block.columns.start;
    // Along the lines: Bᵀ = [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]] on pixels 2t .. 2t + 3.
    for (y, row) in horizontal.chunks_exact_mut(4 * width).take(rows).enumerate() {
        let y = 2 * block.rows.start + y;
        if y < conv.padding || y >= h + conv.padding {
            row.fill(0.0);
            continue;
        }
        let source = &plane[(y - conv.padding) * w..][..w];
        let from = conv.padding.saturating_sub(left).min(line.len());
        let to = (w + conv.padding).saturating_sub(left).clamp(from, line.len());
        line[..from].fill(0.0);
        line[to..].fill(0.0);
        if from < to {
            line[from..to].copy_from_slice(&source[left + from - conv.padding..][..to - from]);
        }
        let (row0, rest) = row.split_at_mut(width);
        let (row1, rest) = rest.split_at_mut(width);
        let (row2, row3) = rest.split_at_mut(width);
        let pairs = line.chunks_exact(2).zip(line[2..].chunks_exact(2));
        for ((((pair, r0), r1), r2), r3) in pairs.zip(row0).zip(row1).zip(row2).zip(row3) {
            let (a, b, c, d) = (pair.0[0], pair.0[1], pair.1[0], pair.1[1]);
            (*r0, *r1, *r2, *r3) = (a - c, b + c, c - b, b - d);
        }
    }
    // And the same down the columns.
    for row in 0..block.rows.len() {
        for x in 0..4 {
            let line = |i: usize| &horizontal[(4 * (2 * row + i) + x) * width..][..width];
            let (a, b, c, d) = (line(0), line(1), line(2), line(3));
            let at = |y: usize| (4 * y + x) * step + row * width;
            combine(&mut data[at(0)..], a, c, |a, c| a - c);
            combine(&mut data[at(1)..], b, c, |b, c| b + c);
            combine(&mut data[at(2)..], b, c, |b, c| c - b);
            combine(&mut data[at(3)..], b, d, |b, d| b - d);
        }
    }
}

#[inline(always)]
fn combine(target: &mut [f32], p: &[f32], q: &[f32], f: impl Fn(f32, f32) -> f32) {
    for ((target, &p), &q) in target.iter_mut().zip(p).zip(q) {
        *target = f(p, q);
    }
}

/// `Aᵀ m A` of every tile of one channel, plus the bias, written to the picture that `plane(y, x, len)` gives access to.
#[inline(always)]
fn transform_output<'a>(
    conv: &Conv,
    products: [&[f32]; POSITIONS],
    block: &Block,
    bias: f32,
    lines: &mut [f32],
    plane: impl Fn(usize, usize, usize) -> &'a mut [MaybeUninit<f32>],
) {
    let width = block.columns.len();
    let left = 2 * block.columns.start;
    let len = (2 * width).min(conv.out[1] - left);
    for (i, row) in block.rows.clone().enumerate() {
        let m: [&[f32]; POSITIONS] = std::array::from_fn(|p| &products[p][i * width..][..width]);
        let (upper, rest) = lines.split_at_mut(2 * width);
        let pairs = upper.chunks_exact_mut(2).zip(rest.chunks_exact_mut(2)).take(width);
        for (t, (upper, lower)) in pairs.enumerate() {
            // Aᵀ = [[1, 1, 1, 0], [0, 1, -1, -1]]
            let column = |x: usize| {
                let (a, b, c, d) = (m[x][t], m[4 + x][t], m[8 + x][t], m[12 + x][t]);
                [a + b + c, b - c - d]
            };
            let (a, b, c, d) = (column(0), column(1), column(2), column(3));
            (upper[0], upper[1]) = (a[0] + b[0] + c[0] + bias, b[0] - c[0] - d[0] + bias);
            (lower[0], lower[1]) = (a[1] + b[1] + c[1] + bias, b[1] - c[1] - d[1] + bias);
        }
        for (y, line) in [(2 * row, upper), (2 * row + 1, rest)] {
            if y < conv.out[0] {
                for (out, &value) in plane(y, left, len).iter_mut().zip(&*line) {
                    out.write(value);
                }
            }
        }
    }
}
