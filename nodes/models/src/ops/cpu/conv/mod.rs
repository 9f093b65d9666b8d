//! 2-d convolution: the operands, and the choice of the way to convolve.

mod im2col;
mod winograd;

use super::super::check::{expect, shape_of};
use super::buffer::{View, build, contiguous, optional_bias};
use crate::Result;
use candle_core::Tensor;

/// One convolution: its sizes and its row-major operands.
struct Conv<'a> {
    /// `[batch, inputs, size]`.
    x: &'a [f32],
    /// `[outputs, inputs, kernel]`.
    weight: &'a [f32],
    /// `[outputs]`.
    bias: Option<&'a [f32]>,
    batch: usize,
    inputs: usize,
    outputs: usize,
    /// Height and width of the input.
    size: [usize; 2],
    kernel: [usize; 2],
    stride: usize,
    padding: usize,
    /// Height and width of the output.
    out: [usize; 2],
}

impl Conv<'_> {
    /// Output pixels of one picture.
    fn pixels(&self) -> usize {
        self.out[0] * self.out[1]
    }

    /// Positions in the kernel.
    fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// One channel of one input picture.
    fn plane(&self, image: usize, channel: usize) -> &[f32] {
        let len = self.size[0] * self.size[1];
        &self.x[(image * self.inputs + channel) * len..][..len]
    }

    /// What is added to output channel `channel`.
    fn bias(&self, channel: usize) -> f32 {
        self.bias.map_or(0.0, |bias| bias[channel])
    }
}

pub fn conv2d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, stride: usize, padding: usize) -> Result<Tensor> {
    let (batch, inputs, h, w) = x.dims4()?;
    let (outputs, expected, kh, kw) = weight.dims4()?;
    expect(inputs == expected, || ("input of conv2d".into(), format!("[B, {expected}, H, W]"), shape_of(x)))?;
    let reaches = stride > 0 && kh > 0 && kw > 0 && h + 2 * padding >= kh && w + 2 * padding >= kw;
    expect(reaches, || {
        let got = format!("{h}x{w}, stride {stride}, padding {padding}");
        ("input of conv2d".into(), format!("at least the kernel's size {kh}x{kw} with padding, stride > 0"), got)
    })?;
    let out = [(h + 2 * padding - kh) / stride + 1, (w + 2 * padding - kw) / stride + 1];

    let (x, weight, bias) = (x.contiguous()?, contiguous(weight)?, optional_bias(bias, outputs, "conv2d")?);
    let bias = bias.as_ref().map(View::of).transpose()?;
    let (x, weight) = (View::of(&x)?, View::of(&weight)?);
    let conv = Conv {
        x: x.data(),
        weight: weight.data(),
        bias: bias.as_ref().map(View::data),
        batch,
        inputs,
        outputs,
        size: [h, w],
        kernel: [kh, kw],
        stride,
        padding,
        out,
    };
    // SAFETY: both write every pixel of every channel of every picture.
    unsafe {
        build((batch, outputs, out[0], out[1]), |out| match winograd::suits(&conv) {
            true => winograd::run(&conv, out),
            false => im2col::run(&conv, out),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, doubles, random};
    use super::*;

    fn reference(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, stride: usize, padding: usize) -> Vec<f64> {
        let (_, inputs, h, w) = x.dims4().expect("four dimensions");
        let (outputs, _, kh, kw) = weight.dims4().expect("four dimensions");
        let (out_h, out_w) = ((h + 2 * padding - kh) / stride + 1, (w + 2 * padding - kw) / stride + 1);
        let (data, weight, bias) = (doubles(x), doubles(weight), bias.map(doubles));
        let mut out = Vec::new();
        for (image, o) in (0..data.len() / (inputs * h * w)).flat_map(|b| (0..outputs).map(move |o| (b, o))) {
            for (y, x) in (0..out_h).flat_map(|y| (0..out_w).map(move |x| (y, x))) {
                let mut sum = bias.as_ref().map_or(0.0, |bias| bias[o]);
                for (i, ky, kx) in
                    (0..inputs).flat_map(|i| (0..kh).flat_map(move |ky| (0..kw).map(move |kx| (i, ky, kx))))
                {
                    let (iy, ix) = (y * stride + ky, x * stride + kx);
                    if (padding..h + padding).contains(&iy) && (padding..w + padding).contains(&ix) {
                        let pixel = data[((image * inputs + i) * h + iy - padding) * w + ix - padding];
                        sum += pixel * weight[((o * inputs + i) * kh + ky) * kw + kx];
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
    fn equals_the_plain_sum_in_the_transformed_way() {
        check([1, 32, 33, 16, 32, 3, 1, 1]);
        check([2, 40, 32, 17, 15, 3, 1, 1]);
        check([1, 33, 32, 25, 24, 3, 1, 0]);
        check([1, 32, 32, 21, 30, 3, 1, 2]);
        check([1, 260, 32, 16, 33, 3, 1, 1]);
        check([1, 32, 32, 5, 400, 3, 1, 1]);
        check([130, 32, 32, 2, 1, 3, 1, 1]);
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
