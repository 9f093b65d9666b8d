//! Convolution as a product: panels of the input laid out as a matrix.
//!
//! A task takes some output pixels of one picture and some output channels. Its panel (of some input channels) and its
//! result stay in the second-level cache; the result is then written in whole runs of pixels, because rows of a product
//! written straight into a picture would often lie a power of two apart and evict each other.

use super::super::buffer::{Output, for_each, with_scratch};
use super::super::gemm::{Mat, MatMut, Update, multiply};
use super::super::simd::LANES;
use super::Conv;
use std::ops::Range;

/// Most pixels of a task: enough to use each weight often, few enough for a panel of many channels.
const PIXELS: usize = 192;
/// Floats of a panel (half of a 1 MiB cache).
const PANEL: usize = 1 << 17;
/// Fewest output channels of a task.
const CHANNELS: usize = 32;

pub fn run(conv: &Conv, out: &Output) {
    let pixels_each = conv.pixels().div_ceil(conv.pixels().div_ceil(PIXELS)).next_multiple_of(2 * LANES);
    let tiles_each = conv.pixels().div_ceil(pixels_each);
    let tiles = conv.batch * tiles_each;
    // Few pixels (deep levels) leave threads idle: then the channels are shared out as well.
    let wanted = (2 * rayon::current_num_threads()).div_ceil(tiles.max(1));
    let channels_each = conv.outputs.div_ceil(wanted).max(CHANNELS);
    let channel_tasks = conv.outputs.div_ceil(channels_each);
    for_each(tiles * channel_tasks, |task| {
        let (tile, first) = (task / channel_tasks, task % channel_tasks * channels_each);
        let (image, start) = (tile / tiles_each, tile % tiles_each * pixels_each);
        let channels = first..conv.outputs.min(first + channels_each);
        run_task(conv, image, channels, start..conv.pixels().min(start + pixels_each), out);
    });
}

fn run_task(conv: &Conv, image: usize, channels: Range<usize>, pixels: Range<usize>, out: &Output) {
    let (taps, count) = (conv.taps(), pixels.len());
    let depth = conv.inputs * taps;
    let inputs_each = (PANEL / (PIXELS * taps)).clamp(1, conv.inputs.max(1));
    with_scratch((inputs_each * taps + channels.len()) * count, |scratch| {
        let (panel, result) = scratch.split_at_mut(inputs_each * taps * count);
        result[..channels.len() * count].fill(0.0);
        for first in (0..conv.inputs).step_by(inputs_each) {
            let inputs = first..conv.inputs.min(first + inputs_each);
            let rows = inputs.len() * taps;
            fill_panel(conv, image, inputs, pixels.clone(), panel);
            let weights = &conv.weight[channels.start * depth + first * taps..];
            multiply(
                &mut MatMut::new(result, [channels.len(), count], [count, 1]),
                Mat::new(weights, [channels.len(), rows], [depth, 1]),
                Mat::new(panel, [rows, count], [count, 1]),
                Update::Add,
            );
        }
        for (channel, row) in channels.zip(result.chunks_exact(count)) {
            let bias = conv.bias(channel);
            // SAFETY: tasks own disjoint pixels and channels.
            let out = unsafe { out.slice((image * conv.outputs + channel) * conv.pixels() + pixels.start, count) };
            for (out, &sum) in out.iter_mut().zip(row) {
                out.write(sum + bias);
            }
        }
    });
}

/// Lays out, for every input channel and kernel position, the input under each of the output `pixels`.
fn fill_panel(conv: &Conv, image: usize, inputs: Range<usize>, pixels: Range<usize>, panel: &mut [f32]) {
    let positions = (0..conv.kernel[0]).flat_map(|ky| (0..conv.kernel[1]).map(move |kx| [ky, kx]));
    let rows = inputs.flat_map(|input| positions.clone().map(move |position| (input, position)));
    for (row, (input, position)) in panel.chunks_exact_mut(pixels.len()).zip(rows) {
        fill_row(conv, conv.plane(image, input), position, pixels.clone(), row);
    }
}

/// The input under each of the output `pixels` at one kernel position, zero outside of the picture.
fn fill_row(conv: &Conv, plane: &[f32], [ky, kx]: [usize; 2], pixels: Range<usize>, row: &mut [f32]) {
    let Conv { size: [h, w], stride, padding, out: [_, out_w], .. } = *conv;
    // Output columns whose input column `x * stride + kx - padding` is inside of the picture.
    let inside = padding.saturating_sub(kx).div_ceil(stride)..(w + padding).saturating_sub(kx).div_ceil(stride);
    let (mut pixel, mut rest) = (pixels.start, row);
    while !rest.is_empty() {
        let (y, from) = (pixel / out_w, pixel % out_w);
        let (run, next) = rest.split_at_mut((out_w - from).min(pixels.end - pixel));
        let columns = inside.start.clamp(from, from + run.len())..inside.end.clamp(from, from + run.len());
        let input_y = y * stride + ky;
        if input_y < padding || input_y >= h + padding || columns.is_empty() {
            run.fill(0.0);
        } else {
            let (left, right) = (columns.start - from, columns.end - from);
            run[..left].fill(0.0);
            run[right..].fill(0.0);
            let source = &plane[(input_y - padding) * w + columns.start * stride + kx - padding..];
            match stride {
                1 => run[left..right].copy_from_slice(&source[..right - left]),
                2 => halve(&mut run[left..right], source),
                _ => run[left..right].iter_mut().zip(source.iter().step_by(stride)).for_each(|(to, &from)| *to = from),
            }
        }
        pixel += run.len();
        rest = next;
    }
}

/// `from[0], from[2], ..`; a loop over pairs vectorises, one over a stride does not.
fn halve(to: &mut [f32], from: &[f32]) {
    if let Some((last, rest)) = to.split_last_mut() {
        *last = from[2 * rest.len()];
        rest.iter_mut().zip(from.chunks_exact(2)).for_each(|(to, pair)| *to = pair[0]);
    }
}
