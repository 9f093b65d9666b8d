//! 2-d convolution: panels of the input laid out as a matrix (im2col), then a product.
//!
//! A task takes some output pixels of one picture and some output channels; its panel fits the second-level cache. A 1×1
//! convolution needs no panel, because the input is that matrix already.

use super::buffer::{Output, View, build, contiguous, expect, for_each, optional_bias, shape_of, with_scratch};
use super::gemm::{Mat, Update, multiply};
use crate::Result;
use candle_core::Tensor;
use std::ops::Range;

/// One convolution's sizes.
#[derive(Clone, Copy)]
pub struct Geometry {
    pub inputs: usize,
    pub outputs: usize,
    /// Height and width of the input.
    pub size: [usize; 2],
    pub kernel: [usize; 2],
    pub stride: usize,
    pub padding: usize,
    /// Height and width of the output.
    pub out: [usize; 2],
}

impl Geometry {
    fn of(x: &Tensor, weight: &Tensor, stride: usize, padding: usize) -> Result<Self> {
        let (_, inputs, h, w) = x.dims4()?;
        let (outputs, expected, kh, kw) = weight.dims4()?;
        expect(inputs == expected, || ("input of conv2d".into(), format!("[B, {expected}, H, W]"), shape_of(x)))?;
        let reaches = stride > 0 && kh > 0 && kw > 0 && h + 2 * padding >= kh && w + 2 * padding >= kw;
        expect(reaches, || {
            let got = format!("{h}x{w}, stride {stride}, padding {padding}");
            ("input of conv2d".into(), format!("at least the kernel's size {kh}x{kw} with padding, stride > 0"), got)
        })?;
        let out = [(h + 2 * padding - kh) / stride + 1, (w + 2 * padding - kw) / stride + 1];
        Ok(Self { inputs, outputs, size: [h, w], kernel: [kh, kw], stride, padding, out })
    }

    /// Whether output pixel and input pixel are the same one.
    fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == 1 && self.padding == 0
    }

    fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    fn pixels(&self) -> usize {
        self.out[0] * self.out[1]
    }
}

pub fn conv2d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, stride: usize, padding: usize) -> Result<Tensor> {
    let geometry = Geometry::of(x, weight, stride, padding)?;
    let Geometry { inputs, outputs, size: [h, w], out: [out_h, out_w], .. } = geometry;
    let batch = x.dim(0)?;
    let (x, weight, bias) = (x.contiguous()?, contiguous(weight)?, optional_bias(bias, outputs, "conv2d")?);
    let bias = bias.as_ref().map(View::of).transpose()?;
    let bias = bias.as_ref().map(View::data);
    let (x, weight) = (View::of(&x)?, View::of(&weight)?);
    let (x, weight) = (x.data(), weight.data());

    /// Pixels of a task: enough to use each weight often, few enough for a panel of many channels.
    const PIXELS: usize = 192;
    /// Floats of a panel (half of a 1 MiB cache).
    const PANEL: usize = 1 << 17;
    let pixels = geometry.pixels();
    let tiles = batch * pixels.div_ceil(PIXELS);
    // Few pixels (deep levels) leave threads idle: then the channels are shared out as well.
    let channel_tasks = (2 * rayon::current_num_threads()).div_ceil(tiles.max(1)).min(outputs.div_ceil(32)).max(1);
    let channels_each = outputs.div_ceil(channel_tasks);
    let inputs_each = (PANEL / (PIXELS * geometry.taps())).clamp(1, inputs.max(1));

    let task = |out: &Output, task: usize| {
        let (tile, first) = (task / channel_tasks, task % channel_tasks * channels_each);
        let (image, start) = (tile / pixels.div_ceil(PIXELS), tile % pixels.div_ceil(PIXELS) * PIXELS);
        let range = start..pixels.min(start + PIXELS);
        let count = channels_each.min(outputs.saturating_sub(first));
        let x = &x[image * inputs * h * w..][..inputs * h * w];
        let at = (image * outputs + first) * pixels + start;
        // SAFETY: tasks own disjoint pixels and channels.
        let mut dst = unsafe { out.block(at, [count, range.len()], [pixels, 1]) };
        dst.fill(|channel, _| bias.map_or(0.0, |bias| bias[first + channel]));
        let depth = inputs * geometry.taps();
        let weights = |start: usize, len: usize| Mat::new(&weight[first * depth + start..], [count, len], [depth, 1]);
        if geometry.is_pointwise() {
            let panel = Mat::new(&x[start..], [inputs, range.len()], [pixels, 1]);
            multiply(&mut dst, weights(0, inputs), panel, Update::Add);
            return;
        }
        with_scratch(inputs_each * geometry.taps() * range.len(), |panel| {
            for channel in (0..inputs).step_by(inputs_each) {
                let channels = channel..inputs.min(channel + inputs_each);
                let rows = channels.len() * geometry.taps();
                fill_panel(&geometry, x, channels, range.clone(), panel);
                let panel = Mat::new(panel, [rows, range.len()], [range.len(), 1]);
                multiply(&mut dst, weights(channel * geometry.taps(), rows), panel, Update::Add);
            }
        });
    };
    // SAFETY: the tasks cover all pixels of all channels of all pictures.
    unsafe {
        build((batch, outputs, out_h, out_w), |out| {
            for_each(tiles * channel_tasks, |i| task(out, i));
        })
    }
}

/// Lays out, for every input channel and kernel position, the input under each of the output `pixels`.
fn fill_panel(geometry: &Geometry, x: &[f32], channels: Range<usize>, pixels: Range<usize>, panel: &mut [f32]) {
    let [h, w] = geometry.size;
    let [kh, kw] = geometry.kernel;
    let mut rows = panel.chunks_exact_mut(pixels.len());
    for channel in channels {
        let plane = &x[channel * h * w..][..h * w];
        for ky in 0..kh {
            for kx in 0..kw {
                let Some(row) = rows.next() else { return };
                fill_row(geometry, plane, [ky, kx], pixels.clone(), row);
            }
        }
    }
}

/// The input under each of the output `pixels` at one kernel position, zero outside of the picture.
fn fill_row(geometry: &Geometry, plane: &[f32], [ky, kx]: [usize; 2], pixels: Range<usize>, row: &mut [f32]) {
    let Geometry { size: [h, w], stride, padding, out: [_, out_w], .. } = *geometry;
    // Output columns whose input column `ox * stride + kx - padding` is inside of the picture.
    let inside = padding.saturating_sub(kx).div_ceil(stride)..(w + padding).saturating_sub(kx).div_ceil(stride);
    let (mut pixel, mut rest) = (pixels.start, row);
    while !rest.is_empty() {
        let (y, from) = (pixel / out_w, pixel % out_w);
        let (run, next) = std::mem::take(&mut rest).split_at_mut((out_w - from).min(pixels.end - pixel));
        let columns = inside.start.clamp(from, from + run.len())..inside.end.clamp(from, from + run.len());
        let iy = y * stride + ky;
        if iy < padding || iy >= h + padding || columns.is_empty() {
            run.fill(0.0);
        } else {
            let (left, right) = (columns.start - from, columns.end - from);
            run[..left].fill(0.0);
            run[right..].fill(0.0);
            let source = &plane[(iy - padding) * w + columns.start * stride + kx - padding..];
            match stride {
                1 => run[left..right].copy_from_slice(&source[..right - left]),
                _ => run[left..right].iter_mut().zip(source.iter().step_by(stride)).for_each(|(to, &from)| *to = from),
            }
        }
        pixel += run.len();
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, doubles, random};
    use super::*;

    fn reference(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, stride: usize, padding: usize) -> Vec<f64> {
        let g = Geometry::of(x, weight, stride, padding).expect("a valid convolution");
        let ([h, w], [kh, kw], [out_h, out_w]) = (g.size, g.kernel, g.out);
        let (data, weight, bias) = (doubles(x), doubles(weight), bias.map(doubles));
        let mut out = Vec::new();
        for (image, o) in (0..data.len() / (g.inputs * h * w)).flat_map(|b| (0..g.outputs).map(move |o| (b, o))) {
            for (y, x) in (0..out_h).flat_map(|y| (0..out_w).map(move |x| (y, x))) {
                let mut sum = bias.as_ref().map_or(0.0, |bias| bias[o]);
                for (i, ky, kx) in
                    (0..g.inputs).flat_map(|i| (0..kh).flat_map(move |ky| (0..kw).map(move |kx| (i, ky, kx))))
                {
                    let (iy, ix) = (y * stride + ky, x * stride + kx);
                    if (padding..h + padding).contains(&iy) && (padding..w + padding).contains(&ix) {
                        let pixel = data[((image * g.inputs + i) * h + iy - padding) * w + ix - padding];
                        sum += pixel * weight[((o * g.inputs + i) * kh + ky) * kw + kx];
                    }
                }
                out.push(sum);
            }
        }
        out
    }

    /// Batch, inputs, outputs, height, width, kernel, stride, padding.
    fn check([b, ci, co, h, w, k, stride, padding]: [usize; 8]) {
        let (x, weight, bias) = (random((b, ci, h, w), 1), random((co, ci, k, k), 2), random(co, 3));
        for bias in [None, Some(&bias)] {
            let got = conv2d(&x, &weight, bias, stride, padding).unwrap();
            let expected = reference(&x, &weight, bias, stride, padding);
            let what = format!("{b}x{ci}->{co} at {h}x{w}, kernel {k}, stride {stride}, padding {padding}");
            assert_close(&got, &expected, 2e-7 * ((ci * k * k) as f64).sqrt() * 8.0, &what);
        }
    }

    #[test]
    fn equals_the_plain_sum_over_sizes_strides_and_paddings() {
        for (stride, padding) in [(1, 0), (1, 1), (2, 0), (2, 1), (1, 2), (3, 2)] {
            for k in [1, 2, 3, 5, 7] {
                check([2, 3, 5, 11, 13, k, stride, padding]);
            }
        }
        check([1, 4, 3, 1, 1, 3, 1, 1]);
        check([1, 4, 3, 2, 9, 3, 2, 1]);
        check([3, 1, 1, 7, 7, 7, 1, 3]);
    }

    #[test]
    fn equals_the_plain_sum_when_work_is_cut_into_tasks() {
        check([1, 100, 70, 20, 21, 3, 1, 1]);
        check([2, 150, 130, 6, 5, 3, 1, 1]);
        check([1, 130, 40, 19, 33, 3, 2, 1]);
        check([2, 64, 96, 17, 16, 1, 1, 0]);
        check([1, 64, 4, 30, 30, 3, 1, 1]);
    }

    #[test]
    fn takes_any_strides() {
        let x = random((2, 9, 8, 6), 1).narrow(1, 2, 5).unwrap().transpose(2, 3).unwrap();
        let weight = random((3, 3, 4, 5), 2).permute((2, 3, 0, 1)).unwrap();
        let got = conv2d(&x, &weight, None, 1, 1).unwrap();
        assert_close(&got, &reference(&x, &weight, None, 1, 1), 1e-5, "permuted");
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let error = |x: &Tensor, w: &Tensor| conv2d(x, w, None, 1, 0).unwrap_err().to_string();
        let weight = random((4, 3, 3, 3), 2);
        assert_eq!(
            error(&random((1, 2, 8, 8), 1), &weight),
            "input of conv2d: expected [B, 3, H, W], got [1, 2, 8, 8]"
        );
        assert!(error(&random((1, 3, 2, 8), 1), &weight).contains("at least the kernel's size 3x3"));
        assert!(conv2d(&random((1, 3, 8, 8), 1), &weight, None, 0, 0).is_err());
    }
}
