//! Resampling on the sphere: between two vectors the direction turns evenly, and the length changes in a line, so that
//! latents keep their strength where straight lines between them would weaken it.
//!
//! **Source**: `bislerp` in ComfyUI's `comfy/utils.py`; along x first.

use crate::interpolate::centres;

/// Two neighbours and the weight of the second.
struct Tap {
    first: usize,
    second: usize,
    weight: f32,
}

fn taps(from: usize, to: usize) -> Vec<Tap> {
    let tap = |centre: f32| {
        let centre = centre.clamp(0.0, (from - 1) as f32);
        let first = centre as usize;
        Tap { first, second: (first + 1).min(from - 1), weight: centre - first as f32 }
    };
    centres(from, to).map(tap).collect()
}

/// Resamples planes `[C,from_h,from_w]` to `[C,to_h,to_w]`; the vectors are over the channels. Sizes are (height, width)
/// and not 0.
pub(super) fn bislerp(planes: &[f32], from: (usize, usize), to: (usize, usize)) -> Vec<f32> {
    let (rows, columns) = (taps(from.0, to.0), taps(from.1, to.1));
    let channels = planes.len() / (from.0 * from.1);
    let (mut a, mut b, mut mixed) = (vec![0.0; channels], vec![0.0; channels], vec![0.0; channels]);
    let mut wide = vec![0.0; channels * from.0 * to.1];
    for y in 0..from.0 {
        for (x, tap) in columns.iter().enumerate() {
            gather(planes, from.0 * from.1, y * from.1 + tap.first, &mut a);
            gather(planes, from.0 * from.1, y * from.1 + tap.second, &mut b);
            slerp(&a, &b, tap.weight, &mut mixed);
            scatter(&mixed, from.0 * to.1, y * to.1 + x, &mut wide);
        }
    }
    let mut out = vec![0.0; channels * to.0 * to.1];
    for (y, tap) in rows.iter().enumerate() {
        for x in 0..to.1 {
            gather(&wide, from.0 * to.1, tap.first * to.1 + x, &mut a);
            gather(&wide, from.0 * to.1, tap.second * to.1 + x, &mut b);
            slerp(&a, &b, tap.weight, &mut mixed);
            scatter(&mixed, to.0 * to.1, y * to.1 + x, &mut out);
        }
    }
    out
}

fn gather(planes: &[f32], plane: usize, at: usize, vector: &mut [f32]) {
    vector.iter_mut().zip(planes.chunks_exact(plane)).for_each(|(value, plane)| *value = plane[at]);
}

fn scatter(vector: &[f32], plane: usize, at: usize, planes: &mut [f32]) {
    vector.iter().zip(planes.chunks_exact_mut(plane)).for_each(|(value, plane)| plane[at] = *value);
}

/// From `a` (weight 0) to `b` (weight 1).
fn slerp(a: &[f32], b: &[f32], weight: f32, out: &mut [f32]) {
    let norm = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
    let inverse = |norm: f32| if norm == 0.0 { 0.0 } else { 1.0 / norm };
    let (norm_a, norm_b) = (norm(a), norm(b));
    let (unit_a, unit_b) = (inverse(norm_a), inverse(norm_b));
    let dot: f32 = a.iter().zip(b).map(|(a, b)| (a * unit_a) * (b * unit_b)).sum();
    // Too near to the same or the opposite direction there is no angle to divide by.
    let (of_a, of_b) = if dot > 1.0 - 1e-5 {
        (1.0, 0.0)
    } else if dot < 1e-5 - 1.0 {
        (1.0 - weight, weight)
    } else {
        let angle = dot.acos();
        let length = (norm_a * (1.0 - weight) + norm_b * weight) / angle.sin();
        (((1.0 - weight) * angle).sin() * unit_a * length, (weight * angle).sin() * unit_b * length)
    };
    out.iter_mut().zip(a.iter().zip(b)).for_each(|(out, (a, b))| *out = a * of_a + b * of_b);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mix(a: &[f32], b: &[f32], weight: f32) -> Vec<f32> {
        let mut out = vec![0.0; a.len()];
        slerp(a, b, weight, &mut out);
        out
    }

    fn near(a: &[f32], b: &[f32]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6)
    }

    #[test]
    fn on_the_sphere() {
        let half = std::f32::consts::FRAC_1_SQRT_2;
        assert!(near(&mix(&[1.0, 0.0], &[0.0, 1.0], 0.5), &[half, half]));
        assert!(near(&mix(&[1.0, 0.0], &[0.0, 3.0], 0.5), &[2.0 * half, 2.0 * half]));
        assert_eq!(mix(&[2.0, 0.0], &[4.0, 0.0], 0.5), [2.0, 0.0]); // the same direction: the first
        assert_eq!(mix(&[2.0, 0.0], &[-4.0, 0.0], 0.25), [0.5, 0.0]); // the opposite one: a straight line
        // Nothing has no direction: a right angle to everything.
        assert!(near(&mix(&[0.0, 0.0], &[0.0, 2.0], 0.5), &[0.0, half]));
    }

    #[test]
    fn both_directions() {
        let same = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        assert!(near(&bislerp(&same, (2, 2), (2, 2)), &same));
        // Two channels, one row of two right angles apart, to four: centres at 0, 1/4, 3/4, 1.
        let turned = |share: f32| (share * std::f32::consts::FRAC_PI_2).sin_cos();
        let ((b, a), (d, c)) = (turned(0.25), turned(0.75));
        let got = bislerp(&[1.0, 0.0, 0.0, 1.0], (1, 2), (1, 4));
        assert!(near(&got, &[1.0, a, c, 0.0, 0.0, b, d, 1.0]), "{got:?}");
        // Turned by a quarter, the same: the planes of one column.
        assert_eq!(bislerp(&[1.0, 0.0, 0.0, 1.0], (2, 1), (4, 1)), got);
    }
}
