//! Pictures at another size, byte by byte as Pillow's `Image.resize` gives them.
//!
//! **Source**: Pillow 13.0, `src/libImaging/Resample.c`: 22-bit weights, rounded to bytes between the two passes; `Convert.c`:
//! alpha in bytes.
//!
//! [`super::resample`] is the same in f32, without the rounding: nodes for pictures use that one. This one is for what the
//! reference pipelines do to their inputs.

use super::bytes::Bytes;
use super::resample::{Filter, windows};
use selfsame_sdk::{Ctx, Error, Image, Result};

/// Bits of a weight behind the point.
const PRECISION: u32 = 32 - 8 - 2;

/// Neighbours from a first one on, and their weights.
type Tap = (usize, Vec<i32>);

/// Pictures at `[width, height]` pixels, as Pillow's `Image.resize` with a `box`: only the rectangle `[left, top, right, bottom]`
/// of them is seen, which lies inside; none means all. Every filter but [`Filter::Nearest`] weighs colours by alpha.
///
/// # Errors
/// If a side is 0 or too long, or the run was cancelled.
pub fn resample(ctx: Ctx, image: Image, to: [usize; 2], seen: Option<[f64; 4]>, filter: Filter) -> Result<Image> {
    let channels = image.channels();
    let is_weighed = channels == 4 && filter != Filter::Nearest;
    let frames = Bytes::frames(image, channels)?.into_iter().map(|mut frame| {
        ctx.check_cancelled()?;
        if is_weighed {
            each_with_alpha(&mut frame, premultiplied);
        }
        let mut out = resize_part(&frame, to, seen, filter)?;
        if is_weighed {
            each_with_alpha(&mut out, unpremultiplied);
        }
        Ok(out)
    });
    Bytes::into_image(frames.collect::<Result<_>>()?)
}

fn each_with_alpha(picture: &mut Bytes, change: fn(u8, u8) -> u8) {
    for pixel in picture.data_mut().chunks_exact_mut(4) {
        if let [colors @ .., alpha] = pixel {
            colors.iter_mut().for_each(|color| *color = change(*color, *alpha));
        }
    }
}

/// `color * alpha / 255`, rounded.
fn premultiplied(color: u8, alpha: u8) -> u8 {
    let product = u32::from(color) * u32::from(alpha) + 128;
    (((product >> 8) + product) >> 8) as u8
}

/// `color * 255 / alpha`, cut off below the point; where nothing can be seen the colour stays.
fn unpremultiplied(color: u8, alpha: u8) -> u8 {
    match alpha {
        0 | 255 => color,
        alpha => (255 * u32::from(color) / u32::from(alpha)).min(255) as u8,
    }
}

/// A picture at `[width, height]` pixels. Channels are resized alike, also alpha.
///
/// # Errors
/// If a side is 0 or too long.
pub fn resize(picture: &Bytes, to: [usize; 2], filter: Filter) -> Result<Bytes> {
    resize_part(picture, to, None, filter)
}

fn resize_part(picture: &Bytes, to: [usize; 2], seen: Option<[f64; 4]>, filter: Filter) -> Result<Bytes> {
    let [width, height] = picture.size();
    let [left, top, right, bottom] = seen.unwrap_or([0.0, 0.0, width as f64, height as f64]);
    let (columns, rows) = ([left, right], [top, bottom]);
    // Pillow spares work for tall pictures, and rounding between the passes makes their order visible.
    let is_down_first = to[1] < height && (height - to[1]) as i64 > 2 * (width as i64 - to[0] as i64);
    let narrowed = |picture: &Bytes| {
        let mut out = Bytes::black([to[0], picture.size()[1]], picture.channels())?;
        across(picture, &taps(width, columns, to[0], filter), &mut out);
        Ok::<_, Error>(out)
    };
    let lowered = |picture: &Bytes| {
        let mut out = Bytes::black([picture.size()[0], to[1]], picture.channels())?;
        down(picture, &taps(height, rows, to[1], filter), &mut out);
        Ok::<_, Error>(out)
    };
    let changes = |side: usize, seen: [f64; 2], to: usize| side != to || seen != [0.0, side as f64];
    match (changes(width, columns, to[0]), changes(height, rows, to[1])) {
        (false, false) => Ok(picture.clone()),
        (true, false) => narrowed(picture),
        (false, true) => lowered(picture),
        (true, true) if is_down_first => narrowed(&lowered(picture)?),
        (true, true) => lowered(&narrowed(picture)?),
    }
}

fn taps(size: usize, seen: [f64; 2], to: usize, filter: Filter) -> Vec<Tap> {
    let fixed = |weight: f64| (weight * f64::from(1 << PRECISION) + 0.5f64.copysign(weight)) as i32;
    let windows = windows(filter, size, seen, to);
    let tap = |(first, weights): (usize, Vec<f64>)| {
        let sum: f64 = weights.iter().sum();
        (first, weights.into_iter().map(|weight| fixed(weight / sum)).collect())
    };
    windows.into_iter().map(tap).collect()
}

fn across(picture: &Bytes, taps: &[Tap], out: &mut Bytes) {
    let channels = picture.channels();
    for (y, line) in out.data_mut().chunks_exact_mut(taps.len() * channels).enumerate() {
        let row = picture.row(y);
        for (to, (first, weights)) in line.chunks_exact_mut(channels).zip(taps) {
            for (channel, to) in to.iter_mut().enumerate() {
                let values = row[first * channels + channel..].iter().step_by(channels);
                *to = weighted(values, weights);
            }
        }
    }
}

fn down(picture: &Bytes, taps: &[Tap], out: &mut Bytes) {
    let stride = picture.size()[0] * picture.channels();
    for (line, (first, weights)) in out.data_mut().chunks_exact_mut(stride).zip(taps) {
        for (i, to) in line.iter_mut().enumerate() {
            let values = picture.data()[first * stride + i..].iter().step_by(stride);
            *to = weighted(values, weights);
        }
    }
}

fn weighted<'a>(values: impl Iterator<Item = &'a u8>, weights: &[i32]) -> u8 {
    let half = 1 << (PRECISION - 1);
    let sum = values.zip(weights).fold(half, |sum, (value, weight)| sum + i32::from(*value) * weight);
    (sum >> PRECISION).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Pillow 13.0 gives.
    #[test]
    fn as_pillow() {
        let row = Bytes::new([4, 1], 1, vec![0, 100, 7, 255]).unwrap();
        let at = |width, height, filter| resize(&row, [width, height], filter).unwrap().data().to_vec();
        assert_eq!(at(6, 1, Filter::Lanczos), [0, 60, 88, 0, 132, 255]);
        assert_eq!(at(6, 1, Filter::Bicubic), [0, 53, 92, 5, 133, 255]);
        assert_eq!(at(3, 2, Filter::Bilinear), [30, 54, 181, 30, 54, 181]);
        assert_eq!(at(3, 1, Filter::Box), [0, 54, 255]);
        assert_eq!(at(3, 1, Filter::Nearest), [0, 7, 255]);
        // Down first, and across first.
        let tall = Bytes::new([2, 4], 1, vec![0, 100, 7, 255, 250, 60, 33, 77]).unwrap();
        let bicubic = |size| resize(&tall, size, Filter::Bicubic).unwrap();
        assert_eq!(bicubic([3, 2]).data(), [23, 100, 176, 134, 111, 87]);
        assert_eq!(bicubic([1, 2]).data(), [100, 110]);
    }
}
