//! Gaussian blur.

use super::resample::{Tap, convolve};
use selfsame_sdk::prelude::*;

/// Pictures blurred by a Gaussian of standard deviation `sigma` in pixels, cut at 4 sigma as `scipy.ndimage` does. Beyond the borders is
/// nothing: the weights of the pixels that are there add up to 1. Alpha is premultiplied meanwhile; 0 changes nothing.
///
/// # Errors
/// As [`draw`](super::pixels::draw).
pub fn blurred(ctx: Ctx, image: Image, sigma: f64) -> Result<Image> {
    if sigma <= 0.0 {
        return Ok(image);
    }
    let (across, down) = (taps(image.width(), sigma), taps(image.height(), sigma));
    convolve(ctx, image, Some(across), Some(down))
}

fn taps(size: usize, sigma: f64) -> Vec<Tap> {
    let radius = (4.0 * sigma + 0.5) as usize;
    let weight = |distance: usize| (-0.5 * (distance as f64 / sigma).powi(2)).exp();
    let tap = |center: usize| {
        let first = center.saturating_sub(radius);
        let weights: Vec<f64> = (first..size.min(center + radius + 1)).map(|at| weight(at.abs_diff(center))).collect();
        Tap::normalized(first, &weights)
    };
    (0..size).map(tap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    /// Two-dimensional weights summed pixel by pixel in f64.
    fn direct(data: &[f32], [width, height]: [i64; 2], sigma: f64) -> Vec<f64> {
        let radius = (4.0 * sigma + 0.5) as i64;
        let at = |x: i64, y: i64| {
            let (mut sum, mut total) = (0.0, 0.0);
            for v in (y - radius).max(0)..(y + radius + 1).min(height) {
                for u in (x - radius).max(0)..(x + radius + 1).min(width) {
                    let weight = (-((u - x).pow(2) + (v - y).pow(2)) as f64 / (2.0 * sigma * sigma)).exp();
                    sum += weight * f64::from(data[(v * width + u) as usize]);
                    total += weight;
                }
            }
            sum / total
        };
        (0..width * height).map(|i| at(i % width, i / width)).collect()
    }

    #[test]
    fn agrees_with_the_definition() {
        let host = TestHost::new();
        let data: Vec<f32> = (0..11 * 7).map(|i| ((i * i * 7 + 3) % 101) as f32 / 101.0).collect();
        for sigma in [0.3, 1.0, 2.7] {
            let image = Image::new([1, 7, 11, 1], data.clone()).unwrap();
            let out = blurred(host.ctx(), image, sigma).unwrap();
            for (got, wanted) in out.data().iter().zip(direct(&data, [11, 7], sigma)) {
                assert!((f64::from(*got) - wanted).abs() < 5e-7, "sigma {sigma}: {got} {wanted}");
            }
        }
    }
}
