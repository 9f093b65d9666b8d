//! Pixels between pixels.

use crate::image::pixels::row;
use crate::image::resample::{Filter, bicubic, resample};
use selfsame_sdk::prelude::*;

/// Pictures made smaller by a factor, antialiased; those that would become larger stay. Gives the true factors of both axes.
///
/// # Errors
/// As [`resample`].
pub fn shrunk(ctx: Ctx, image: Image, factor: f64) -> Result<(Image, [f64; 2])> {
    if factor >= 1.0 {
        return Ok((image, [1.0; 2]));
    }
    let from = [image.width(), image.height()];
    let to = from.map(|side| ((side as f64 * factor).round() as usize).max(1));
    let image = resample(ctx, image, to, None, Filter::Lanczos)?.map(|x| x.clamp(0.0, 1.0));
    Ok((image, [0, 1].map(|axis| to[axis] as f64 / from[axis] as f64)))
}

/// The pixel at a place, where pixel `i` has its centre at `i + 0.5`: bicubic, 0..1. Beyond the borders the last pixels go on.
pub fn at(image: &Image, frame: usize, [x, y]: [f64; 2], out: &mut [f32]) {
    let (columns, across) = neighbours(x, image.width());
    let (rows, down) = neighbours(y, image.height());
    let channels = image.channels();
    out.fill(0.0);
    for (line, weight) in rows.into_iter().zip(down) {
        let row = row(image, frame, line);
        for (column, part) in columns.into_iter().zip(across) {
            for (to, value) in out.iter_mut().zip(&row[column * channels..][..channels]) {
                *to += value * weight * part;
            }
        }
    }
    out.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
}

/// Four neighbours along one axis of `size` pixels, and their weights.
fn neighbours(place: f64, size: usize) -> ([usize; 4], [f32; 4]) {
    let first = (place - 0.5).floor();
    let fraction = place - 0.5 - first;
    let offsets = [-1.0, 0.0, 1.0, 2.0];
    let pixels = offsets.map(|offset: f64| (first + offset).clamp(0.0, (size - 1) as f64) as usize);
    (pixels, offsets.map(|offset| bicubic((offset - fraction).abs()) as f32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn centres_are_the_pixels_and_borders_go_on() {
        let image = Image::new([1, 1, 3, 1], vec![0.2, 0.4, 0.6]).unwrap();
        let value = |x: f64| {
            let mut out = [0.0];
            at(&image, 0, [x, 0.5], &mut out);
            out[0]
        };
        assert_eq!([0.5, 1.5, 2.5, -9.0, 99.0].map(value), [0.2, 0.4, 0.6, 0.2, 0.6]);
        // The middle of a straight line would be 0.3; the flat border bends it.
        assert!((value(1.0) - 0.2875).abs() < 1e-6, "{}", value(1.0));
    }

    #[test]
    fn only_smaller() {
        let host = TestHost::new();
        let image = Image::new([1, 2, 5, 1], vec![0.5; 10]).unwrap();
        assert_eq!(shrunk(host.ctx(), image.clone(), 2.0).unwrap().0, image);
        let (small, factors) = shrunk(host.ctx(), image, 0.5).unwrap();
        assert_eq!((small.dims(), factors), ([1, 1, 3, 1], [0.6, 0.5]));
    }
}
