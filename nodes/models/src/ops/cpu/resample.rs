//! Nearest-neighbour enlargement.

use super::super::check::{expect, shape_of};
use super::buffer::{View, build_rows};
use super::simd::dispatch;
use crate::Result;
use candle_core::Tensor;

/// Which input each output takes: `floor(i · (input / output))` with the ratio in f32, as torch's `interpolate` has it.
fn sources(input: usize, output: usize) -> Vec<usize> {
    let ratio = input as f32 / output as f32;
    (0..output).map(|i| ((i as f32 * ratio) as usize).min(input.saturating_sub(1))).collect()
}

pub fn upsample_nearest(x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    let (batch, channels, h, w) = x.dims4()?;
    expect(h > 0 && w > 0, || ("input of upsample_nearest".into(), "[B, C, h > 0, w > 0]".into(), shape_of(x)))?;
    let (rows, columns) = (sources(h, height), sources(w, width));
    let doubles = width == 2 * w;
    let contiguous = x.contiguous()?;
    let view = View::of(&contiguous)?;
    let data = view.data();
    // SAFETY: every row is written from one row of the input, element by element.
    unsafe {
        build_rows((batch, channels, height, width), width, |first, out| {
            dispatch(
                #[inline(always)]
                || {
                    for (i, out) in out.chunks_exact_mut(width).enumerate() {
                        let (plane, row) = ((first + i) / height, rows[(first + i) % height]);
                        let source = &data[(plane * h + row) * w..][..w];
                        if doubles {
                            for (pair, &x) in out.chunks_exact_mut(2).zip(source) {
                                pair[0].write(x);
                                pair[1].write(x);
                            }
                        } else {
                            for (out, &column) in out.iter_mut().zip(&columns) {
                                out.write(source[column]);
                            }
                        }
                    }
                },
            );
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::random;
    use super::*;

    #[test]
    fn takes_the_pixel_at_the_scaled_position() {
        let x = random((2, 3, 5, 4), 1);
        let input = x.flatten_to(1).unwrap().to_vec3::<f32>().unwrap();
        for (height, width) in [(10, 8), (5, 4), (11, 9), (13, 8), (3, 2)] {
            let got = upsample_nearest(&x, height, width).unwrap().flatten_to(1).unwrap().to_vec3::<f32>().unwrap();
            for (plane, source) in got.iter().zip(&input) {
                for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                    assert_eq!(plane[y][x], source[y * 5 / height][x * 4 / width], "{height}x{width} at {y}, {x}");
                }
            }
        }
    }
}
