//! Resampling by interpolation without smoothing: how latents and masks change size.
//!
//! **Source**: `torch.nn.functional.interpolate` with `align_corners=False`, which ComfyUI and diffusers use for latents.
//! The two directions are resampled one after the other, along x first.

use selfsame_sdk::{Choice, Result, bail};

/// How values between the old ones are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Interpolation {
    /// The nearest value, as it is.
    NearestExact,
    /// A straight line between two values.
    Bilinear,
    /// The mean of what a new value covers: for making smaller.
    Area,
    /// A cubic curve through four values (a = -0.75); it may overshoot.
    Bicubic,
}

/// What one new value is made of: old ones, each with its weight.
type Taps = Vec<(usize, f32)>;

/// Where the centre of each new value lies among the old ones, half-integers aligned.
///
/// Positions are f32 as torch's are, so that ties fall on the same side.
pub(crate) fn centres(from: usize, to: usize) -> impl Iterator<Item = f32> {
    let scale = from as f32 / to as f32;
    (0..to).map(move |i| (i as f32 + 0.5) * scale - 0.5)
}

fn taps(how: Interpolation, from: usize, to: usize) -> Vec<Taps> {
    let last = from - 1;
    let scale = from as f32 / to as f32;
    match how {
        Interpolation::NearestExact => {
            (0..to).map(|i| vec![((((i as f32 + 0.5) * scale) as usize).min(last), 1.0)]).collect()
        }
        Interpolation::Bilinear => centres(from, to)
            .map(|centre| {
                let centre = centre.max(0.0);
                let first = (centre as usize).min(last);
                let weight = centre - first as f32;
                vec![(first, 1.0 - weight), ((first + 1).min(last), weight)]
            })
            .collect(),
        Interpolation::Area => (0..to)
            .map(|i| {
                let covered = i * from / to..((i + 1) * from).div_ceil(to);
                let weight = 1.0 / covered.len() as f32;
                covered.map(|old| (old, weight)).collect()
            })
            .collect(),
        Interpolation::Bicubic => centres(from, to)
            .map(|centre| {
                let start = centre.floor();
                let old = |offset: isize| (start as isize + offset).clamp(0, last as isize) as usize;
                let weights = cubic(centre - start);
                (-1..=2).map(old).zip(weights).collect()
            })
            .collect(),
    }
}

/// The weights of four neighbours at a fraction between the middle two: the cubic convolution of Keys with a = -0.75.
fn cubic(t: f32) -> [f32; 4] {
    const A: f32 = -0.75;
    let near = |x: f32| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    let far = |x: f32| ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
    [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)]
}

/// Resamples `[N,from_h,from_w,C]` to `[N,to_h,to_w,C]`; planes such as masks and latents have a `C` of 1. Sizes are
/// (height, width).
///
/// # Errors
/// If a size or `channels` is 0, or the data is not a whole number of pictures of the size `from`.
pub fn interpolate(
    data: &[f32],
    from: (usize, usize),
    to: (usize, usize),
    channels: usize,
    how: Interpolation,
) -> Result<Vec<f32>> {
    let frame = from.0 * from.1 * channels;
    if frame == 0 || to.0 == 0 || to.1 == 0 || data.len() % frame != 0 {
        bail!("cannot resample {} values from {from:?} x {channels} to {to:?}", data.len());
    }
    if from == to {
        return Ok(data.to_vec());
    }
    let (rows, columns) = (taps(how, from.0, to.0), taps(how, from.1, to.1));
    let mut out = Vec::with_capacity(data.len() / frame * to.0 * to.1 * channels);
    let mut wide = vec![0.0; from.0 * to.1 * channels];
    for frame in data.chunks_exact(frame) {
        for (old, new) in frame.chunks_exact(from.1 * channels).zip(wide.chunks_exact_mut(to.1 * channels)) {
            for (taps, pixel) in columns.iter().zip(new.chunks_exact_mut(channels)) {
                mix(taps, old, pixel);
            }
        }
        for taps in &rows {
            let start = out.len();
            out.resize(start + to.1 * channels, 0.0);
            mix(taps, &wide, &mut out[start..]);
        }
    }
    Ok(out)
}

/// `out` = the weighted sum of elements of `source`, each as long as `out`.
fn mix(taps: &Taps, source: &[f32], out: &mut [f32]) {
    let length = out.len();
    out.fill(0.0);
    for (index, weight) in taps {
        for (sum, value) in out.iter_mut().zip(&source[index * length..][..length]) {
            *sum += value * weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Interpolation::{Area, Bicubic, Bilinear, NearestExact};

    fn line(values: &[f32], to: usize, how: Interpolation) -> Vec<f32> {
        interpolate(values, (1, values.len()), (1, to), 1, how).unwrap()
    }

    #[test]
    fn lines() {
        let four = [0.0, 1.0, 2.0, 3.0];
        assert_eq!(line(&four, 2, NearestExact), [1.0, 3.0]);
        assert_eq!(line(&four, 6, NearestExact), [0.0, 1.0, 1.0, 2.0, 3.0, 3.0]);
        assert_eq!(line(&four, 2, Bilinear), [0.5, 2.5]);
        assert_eq!(line(&four, 8, Bilinear), [0.0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.0]);
        assert_eq!(line(&four, 2, Area), [0.5, 2.5]);
        assert_eq!(line(&four, 3, Area), [0.5, 1.5, 2.5]);
        // Half-way, the weights of the four neighbours are (-3, 19, 19, -3) / 32; beyond the edge it repeats.
        assert_eq!(line(&[1.0, 0.0, 1.0, 1.0, 0.0, 1.0], 3, Bicubic), [13.0 / 32.0, 38.0 / 32.0, 13.0 / 32.0]);
    }

    /// Values from `torch.nn.functional.interpolate(torch.arange(6.).view(1, 1, 2, 3), (3, 2), mode="bilinear")`.
    #[test]
    fn both_directions() {
        let six = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        let out = interpolate(&six, (2, 3), (3, 2), 1, Bilinear).unwrap();
        assert_eq!(out, [0.25, 1.75, 1.75, 3.25, 3.25, 4.75]);
        // Two channels are two planes side by side, two frames come one after the other.
        let pairs: Vec<f32> = six.iter().chain(&six).flat_map(|x| [*x, -x]).collect();
        let both = interpolate(&pairs, (2, 3), (3, 2), 2, Bilinear).unwrap();
        assert_eq!(both, out.iter().chain(&out).flat_map(|x| [*x, -x]).collect::<Vec<_>>());
    }

    /// Against onnxruntime's `Resize` of the same values: `coordinate_transformation_mode="half_pixel"`,
    /// `cubic_coeff_a=-0.75`, `nearest_mode="round_prefer_ceil"`.
    #[test]
    fn agrees_with_onnxruntime() {
        let x: Vec<f32> = (0..15).map(|i| (i * 7 % 11) as f32).collect();
        let cases: [(Interpolation, (usize, usize), &[f32]); 6] = [
            (
                Bicubic,
                (5, 3),
                &[
                    2.233928, 2.808001, 7.84726, 3.35126, 3.631999, 6.699402, 4.425928, 5.0, 5.574068, 3.300596,
                    6.368001, 6.648738, 2.152745, 7.192003, 7.76607,
                ],
            ),
            (
                Bilinear,
                (5, 3),
                &[
                    2.333333, 3.0, 7.333334, 3.133333, 3.8, 6.666666, 4.333333, 5.0, 5.666666, 3.333333, 6.2, 6.866666,
                    2.666667, 7.0, 7.666666,
                ],
            ),
            (NearestExact, (5, 3), &[0.0, 3.0, 6.0, 0.0, 3.0, 6.0, 2.0, 5.0, 8.0, 4.0, 7.0, 10.0, 4.0, 7.0, 10.0]),
            (
                Bicubic,
                (2, 7),
                &[
                    -0.198651, 5.128816, 7.222558, 3.382812, 6.674258, 7.73073, 6.26412, 3.735878, 2.26927, 3.325745,
                    6.617188, 2.777446, 4.871186, 10.19865,
                ],
            ),
            (
                Bilinear,
                (2, 7),
                &[0.5, 4.5, 6.357143, 3.5, 6.535715, 7.214286, 6.5, 3.5, 2.785714, 3.464286, 6.5, 3.642856, 5.5, 9.5],
            ),
            (NearestExact, (2, 7), &[0.0, 7.0, 7.0, 3.0, 10.0, 10.0, 6.0, 4.0, 0.0, 0.0, 7.0, 3.0, 3.0, 10.0]),
        ];
        for (how, to, wanted) in cases {
            let got = interpolate(&x, (3, 5), to, 1, how).unwrap();
            let near = got.len() == wanted.len() && got.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 5e-6);
            assert!(near, "{how:?} to {to:?}: {got:?}");
        }
    }

    #[test]
    fn wrong_sizes() {
        assert!(interpolate(&[0.0; 6], (2, 3), (0, 1), 1, Area).is_err());
        assert!(interpolate(&[0.0; 5], (2, 3), (1, 1), 1, Area).is_err());
        assert!(interpolate(&[], (0, 3), (1, 1), 1, Area).is_err());
    }
}
