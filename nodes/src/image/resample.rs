//! Pictures at another size, filtered as Pillow's `Image.resize` does: antialiased, in f32.
//!
//! **Source**: Pillow 13.0, `src/libImaging/Resample.c` (kernels, support, normalisation) and `Geometry.c` (nearest).
//!
//! **Differences**: Pillow sums in f64 and rounds between the two passes; here both are f32. Alpha is premultiplied.

use super::color::{premultiply, unpremultiply};
use super::pixels::{check_size, draw, row};
use selfsame_sdk::prelude::*;
use std::f64::consts::PI;

/// How pixels are weighed.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The nearest pixel, as it is.
    Nearest,
    /// The mean of the covered pixels.
    Box,
    /// A triangle.
    Bilinear,
    /// Sharper than bilinear when made smaller.
    Hamming,
    /// Cubic with a = -0.5.
    Bicubic,
    /// A windowed sinc of three lobes: the sharpest.
    Lanczos,
}

impl Filter {
    /// How far the kernel reaches, in pixels, when nothing is made smaller.
    fn support(self) -> f64 {
        match self {
            Filter::Nearest | Filter::Box => 0.5,
            Filter::Bilinear | Filter::Hamming => 1.0,
            Filter::Bicubic => 2.0,
            Filter::Lanczos => 3.0,
        }
    }

    fn kernel(self, x: f64) -> f64 {
        let distance = x.abs();
        match self {
            Filter::Nearest | Filter::Box => f64::from(x > -0.5 && x <= 0.5),
            Filter::Bilinear => (1.0 - distance).max(0.0),
            Filter::Hamming if distance < 1.0 => sinc(distance) * (0.54 + 0.46 * (PI * distance).cos()),
            Filter::Bicubic => bicubic(distance),
            Filter::Lanczos if distance < 3.0 => sinc(x) * sinc(x / 3.0),
            Filter::Hamming | Filter::Lanczos => 0.0,
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// Keys' cubic with a = -0.5 at a distance from its centre.
pub fn bicubic(distance: f64) -> f64 {
    const A: f64 = -0.5;
    if distance < 1.0 {
        ((A + 2.0) * distance - (A + 3.0)) * distance * distance + 1.0
    } else if distance < 2.0 {
        (((distance - 5.0) * distance + 8.0) * distance - 4.0) * A
    } else {
        0.0
    }
}

/// What one output pixel is made of along one axis: neighbours from `first` on, and their weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Tap {
    /// The first input pixel.
    pub first: usize,
    /// The weight of each input pixel from there on; their sum is 1.
    pub weights: Vec<f32>,
}

impl Tap {
    /// A tap from weights of any sum that is not 0.
    pub fn normalized(first: usize, weights: &[f64]) -> Self {
        let sum: f64 = weights.iter().sum();
        Tap { first, weights: weights.iter().map(|weight| (weight / sum) as f32).collect() }
    }
}

/// What the pixels along one axis are made of when `size` of them, of which those from `start` to `end` are seen, become
/// `to`: for each the first input pixel, and weights of any sum from there on.
pub(super) fn windows(filter: Filter, size: usize, [start, end]: [f64; 2], to: usize) -> Vec<(usize, Vec<f64>)> {
    let scale = (end - start) / to as f64;
    let stretch = scale.max(1.0);
    let support = filter.support() * stretch;
    if filter == Filter::Nearest {
        // A sum, not a product, as in Pillow: their rounding decides which of two pixels is the nearest.
        let centers = std::iter::successors(Some(start + scale * 0.5), |center| Some(center + scale));
        return centers.take(to).map(|center| ((center as usize).min(size - 1), vec![1.0])).collect();
    }
    let window = |i: usize| {
        let center = start + (i as f64 + 0.5) * scale;
        let first = (center - support + 0.5).max(0.0) as usize;
        let last = ((center + support + 0.5) as usize).min(size);
        // A factor rather than a quotient, as in Pillow: its bytes depend on it.
        let weight = |x: usize| filter.kernel((x as f64 - center + 0.5) * (1.0 / stretch));
        (first, (first..last).map(weight).collect())
    };
    (0..to).map(window).collect()
}

/// Pictures at `[width, height]` pixels. Only the rectangle `[left, top, right, bottom]` of them is seen, which need not
/// lie on pixel borders but does lie inside; none means all. A kernel may overshoot, so values can leave 0..1.
///
/// # Errors
/// As [`draw`].
pub fn resample(ctx: Ctx, image: Image, to: [usize; 2], seen: Option<[f64; 4]>, filter: Filter) -> Result<Image> {
    // Before anything is computed for so many pixels.
    check_size([image.batch(), to[1], to[0], image.channels()])?;
    let size = [image.width(), image.height()];
    let [left, top, right, bottom] = seen.unwrap_or([0.0, 0.0, size[0] as f64, size[1] as f64]);
    let axis = |size: usize, seen: [f64; 2], to: usize| {
        let stays = size == to && seen == [0.0, size as f64];
        (!stays).then(|| {
            let windows = windows(filter, size, seen, to);
            windows.iter().map(|(first, weights)| Tap::normalized(*first, weights)).collect()
        })
    };
    convolve(ctx, image, axis(size[0], [left, right], to[0]), axis(size[1], [top, bottom], to[1]))
}

/// Pictures of weighted sums of pixels, first along rows, then along columns; an axis without taps stays as it is.
/// There are as many output pixels as taps. Alpha is premultiplied meanwhile.
///
/// # Errors
/// As [`draw`].
pub fn convolve(ctx: Ctx, image: Image, across: Option<Vec<Tap>>, down: Option<Vec<Tap>>) -> Result<Image> {
    if across.is_none() && down.is_none() {
        return Ok(image);
    }
    let mut image = premultiply(image);
    if let Some(taps) = across {
        image = match image.channels() {
            1 => along_rows::<1>(ctx, &image, &taps)?,
            3 => along_rows::<3>(ctx, &image, &taps)?,
            _ => along_rows::<4>(ctx, &image, &taps)?,
        };
    }
    if let Some(taps) = down {
        image = along_columns(ctx, &image, &taps)?;
    }
    Ok(unpremultiply(image))
}

fn along_rows<const C: usize>(ctx: Ctx, image: &Image, taps: &[Tap]) -> Result<Image> {
    let [batch, height, _, _] = image.dims();
    draw(ctx, [batch, height, taps.len(), C], |frame, y, out| {
        let (pixels, _) = row(image, frame, y).as_chunks::<C>();
        let (out, _) = out.as_chunks_mut::<C>();
        for (sum, tap) in out.iter_mut().zip(taps) {
            for (pixel, weight) in pixels.iter().skip(tap.first).zip(&tap.weights) {
                for (sum, value) in sum.iter_mut().zip(pixel) {
                    *sum += value * weight;
                }
            }
        }
    })
}

fn along_columns(ctx: Ctx, image: &Image, taps: &[Tap]) -> Result<Image> {
    let [batch, _, width, channels] = image.dims();
    draw(ctx, [batch, taps.len(), width, channels], |frame, y, out| {
        let tap = &taps[y];
        for (line, weight) in tap.weights.iter().enumerate() {
            for (sum, value) in out.iter_mut().zip(row(image, frame, tap.first + line)) {
                *sum += value * weight;
            }
        }
    })
}
