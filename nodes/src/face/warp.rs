//! Pictures under an affine map, byte by byte as OpenCV's `warpAffine` gives them: bilinear, black beyond the borders.
//!
//! **Source**: OpenCV 4.14 and 5.0, `modules/imgproc/src/warp_kernels.simd.hpp` (on a processor with fused multiply and
//! add); OpenCV 4.9, `modules/imgproc/src/imgwarp.cpp`.

use super::align::{Affine, inverse};
use crate::image::bytes::Bytes;
use rayon::prelude::*;
use selfsame_sdk::prelude::*;

/// How pixels between pixels are found.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Places and weights in f32, as OpenCV from 4.12 on.
    Fine,
    /// Places rounded to 1/32 px, as older versions of OpenCV, with which InstantID was published.
    Coarse,
}

/// A picture of `[width, height]` pixels in which `map` has moved what is in another one.
///
/// # Errors
/// If there is no memory for it.
pub fn affine(picture: &Bytes, map: Affine, to: [usize; 2], rounding: Rounding) -> Result<Bytes> {
    let back = inverse(map);
    let channels = picture.channels();
    let mut out = Bytes::black(to, channels)?;
    out.data_mut().par_chunks_exact_mut(to[0] * channels).enumerate().for_each(|(y, line)| {
        for (x, pixel) in line.chunks_exact_mut(channels).enumerate() {
            match rounding {
                Rounding::Fine => fine(picture, &back, x, y, pixel),
                Rounding::Coarse => coarse(picture, &back, x, y, pixel),
            }
        }
    });
    Ok(out)
}

/// Four neighbours of a place, of which some may lie beyond the borders.
fn neighbours(picture: &Bytes, x: i64, y: i64) -> [Option<&[u8]>; 4] {
    [picture.pixel(x, y), picture.pixel(x + 1, y), picture.pixel(x, y + 1), picture.pixel(x + 1, y + 1)]
}

fn value(pixel: Option<&[u8]>, channel: usize) -> u8 {
    pixel.map_or(0, |pixel| pixel[channel])
}

fn fine(picture: &Bytes, back: &Affine, x: usize, y: usize, out: &mut [u8]) {
    // Fused along x only.
    let [place_x, place_y] = back.map(|row| {
        let [a, b, c] = row.map(|value| value as f32);
        a.mul_add(x as f32, b * y as f32 + c)
    });
    let (left, top) = (place_x.floor(), place_y.floor());
    let (right, down) = (place_x - left, place_y - top);
    // Far away is black, however far.
    let pixel = |at: f32| at.clamp(-1e9, 1e9) as i64;
    let four = neighbours(picture, pixel(left), pixel(top));
    for (channel, to) in out.iter_mut().enumerate() {
        let [p00, p01, p10, p11] = four.map(|pixel| f32::from(value(pixel, channel)));
        let above = right.mul_add(p01 - p00, p00);
        let below = right.mul_add(p11 - p10, p10);
        *to = down.mul_add(below - above, above).round_ties_even() as u8;
    }
}

fn coarse(picture: &Bytes, back: &Affine, x: usize, y: usize, out: &mut [u8]) {
    // Coordinates in 1/1024 px, of which 1/32 are kept.
    let fixed = |value: f64| i64::from((value * 1024.0).round_ties_even() as i32);
    let [place_x, place_y] = back.map(|[a, b, c]| (fixed(a * x as f64) + fixed(b * y as f64 + c) + 16) >> 5);
    let [right, down] = [place_x & 31, place_y & 31];
    let four = neighbours(picture, place_x >> 5, place_y >> 5);
    let weights = [(32 - right) * (32 - down), right * (32 - down), (32 - right) * down, right * down];
    for (channel, to) in out.iter_mut().enumerate() {
        let sum: i64 = four.iter().zip(weights).map(|(pixel, weight)| i64::from(value(*pixel, channel)) * weight).sum();
        *to = ((sum * 32 + (1 << 14)) >> 15) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Bytes {
        Bytes::new([3, 2], 1, vec![10, 20, 40, 50, 60, 80]).unwrap()
    }

    #[test]
    fn whole_steps_move_pixels() {
        for rounding in [Rounding::Fine, Rounding::Coarse] {
            let moved = affine(&picture(), [[1.0, 0.0, 1.0], [0.0, 1.0, -1.0]], [3, 2], rounding).unwrap();
            assert_eq!(moved.data(), [0, 50, 60, 0, 0, 0], "{rounding:?}");
        }
    }

    #[test]
    fn between_pixels() {
        // Half a pixel to the left: means of neighbours, half of the last with black.
        let half = [[1.0, 0.0, -0.5], [0.0, 1.0, 0.0]];
        for rounding in [Rounding::Fine, Rounding::Coarse] {
            assert_eq!(affine(&picture(), half, [3, 1], rounding).unwrap().data(), [15, 30, 20], "{rounding:?}");
        }
        // A place that 1/32 px cannot tell from another one.
        let third = [[1.0, 0.0, -0.01], [0.0, 1.0, 0.0]];
        let wide = Bytes::new([2, 1], 1, vec![0, 255]).unwrap();
        assert_eq!(affine(&wide, third, [1, 1], Rounding::Fine).unwrap().data(), [3]);
        assert_eq!(affine(&wide, third, [1, 1], Rounding::Coarse).unwrap().data(), [0]);
    }

    #[test]
    fn far_away_is_black() {
        for (shift, rounding) in
            [1e6, 1e30, f64::MAX].into_iter().flat_map(|x| [(x, Rounding::Fine), (x, Rounding::Coarse)])
        {
            let far = affine(&picture(), [[1.0, 0.0, shift], [0.0, 1.0, -shift]], [2, 2], rounding).unwrap();
            assert_eq!(far.data(), [0; 4], "{shift} {rounding:?}");
        }
    }

    #[test]
    fn a_map_without_inverse_shows_one_pixel() {
        assert_eq!(affine(&picture(), [[0.0; 3]; 2], [2, 2], Rounding::Fine).unwrap().data(), [10; 4]);
    }
}
