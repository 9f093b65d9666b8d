//! Pictures at another size, byte by byte as OpenCV's `resize` gives them.
//!
//! **Source**: OpenCV 4.9 to 5.0, `modules/imgproc/src/resize.cpp`: 11-bit weights, two passes.

use super::bytes::Bytes;
use selfsame_sdk::Result;

/// One, as a weight.
const ONE: f32 = 2048.0;

/// What one output pixel is made of along one axis: two neighbours and their weights.
struct Tap {
    pixels: [usize; 2],
    weights: [i32; 2],
}

/// A picture at `[width, height]` pixels, as `cv2.resize` with `INTER_LINEAR`: not antialiased.
///
/// # Errors
/// If a side is 0 or too long.
pub fn linear(picture: &Bytes, to: [usize; 2]) -> Result<Bytes> {
    let mut out = Bytes::black(to, picture.channels())?;
    let [from_width, from_height] = picture.size();
    if [from_width, from_height] == to {
        return Ok(picture.clone());
    }
    // OpenCV takes the mean of four pixels for an exact half.
    if [2 * to[0], 2 * to[1]] == [from_width, from_height] {
        halve(picture, &mut out);
        return Ok(out);
    }
    let channels = picture.channels();
    let across = taps(from_width, to[0], Border::Clamped);
    let down = taps(from_height, to[1], Border::Weighted);
    // Rows that have been widened; neighbouring output rows share them.
    let mut rows: [(usize, Vec<i32>); 2] = [0, 1].map(|_| (usize::MAX, vec![0; to[0] * channels]));
    for (line, tap) in out.data_mut().chunks_exact_mut(to[0] * channels).zip(&down) {
        if rows[1].0 == tap.pixels[0] {
            rows.swap(0, 1);
        }
        for ((held, row), wanted) in rows.iter_mut().zip(tap.pixels) {
            if *held != wanted {
                *held = wanted;
                widen(picture.row(wanted), channels, &across, row);
            }
        }
        for ((to, above), below) in line.iter_mut().zip(&rows[0].1).zip(&rows[1].1) {
            let part = |value: i32, weight: i32| (weight * (value >> 4)) >> 16;
            *to = ((part(*above, tap.weights[0]) + part(*below, tap.weights[1]) + 2) >> 2) as u8;
        }
    }
    Ok(out)
}

/// What is done where one of two neighbours lies beyond the border. Both give its weight to the last pixel; they round apart.
#[derive(Clone, Copy, PartialEq)]
enum Border {
    /// The last pixel has all weight.
    Clamped,
    /// The last pixel counts twice, with both weights.
    Weighted,
}

fn taps(size: usize, to: usize, border: Border) -> Vec<Tap> {
    // Not size / to: OpenCV takes the inverse of the inverse.
    let scale = 1.0 / (to as f64 / size as f64);
    let tap = |i: usize| {
        let position = ((i as f64 + 0.5) * scale - 0.5) as f32;
        let first = position.floor();
        let fraction = position - first;
        let is_inside = first >= 0.0 && first < (size - 1) as f32;
        let fraction = if is_inside || border == Border::Weighted { fraction } else { 0.0 };
        let weight = |x: f32| (x * ONE).round_ties_even() as i32;
        let pixel = |at: f32| at.clamp(0.0, (size - 1) as f32) as usize;
        Tap { pixels: [pixel(first), pixel(first + 1.0)], weights: [weight(1.0 - fraction), weight(fraction)] }
    };
    (0..to).map(tap).collect()
}

fn widen(row: &[u8], channels: usize, taps: &[Tap], out: &mut [i32]) {
    for (to, tap) in out.chunks_exact_mut(channels).zip(taps) {
        for (channel, to) in to.iter_mut().enumerate() {
            let value = |pixel: usize| i32::from(row[pixel * channels + channel]);
            *to = value(tap.pixels[0]) * tap.weights[0] + value(tap.pixels[1]) * tap.weights[1];
        }
    }
}

fn halve(picture: &Bytes, out: &mut Bytes) {
    let [width, _] = out.size();
    let channels = out.channels();
    for (y, line) in out.data_mut().chunks_exact_mut(width * channels).enumerate() {
        let (above, below) = (picture.row(2 * y), picture.row(2 * y + 1));
        for (i, to) in line.iter_mut().enumerate() {
            let left = i / channels * 2 * channels + i % channels;
            let four = [above[left], above[left + channels], below[left], below[left + channels]];
            *to = ((four.iter().map(|value| u32::from(*value)).sum::<u32>() + 2) >> 2) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What OpenCV 5.0 gives.
    #[test]
    fn as_opencv() {
        let row = Bytes::new([4, 1], 1, vec![0, 100, 7, 255]).unwrap();
        assert_eq!(linear(&row, [6, 1]).unwrap().data(), [0, 50, 85, 22, 131, 255]);
        assert_eq!(linear(&row, [3, 2]).unwrap().data(), [16, 53, 214, 16, 53, 214]);
        let column = Bytes::new([2, 3], 1, vec![0, 100, 7, 255, 30, 60]).unwrap();
        let wanted = [0, 50, 100, 3, 82, 162, 7, 131, 255, 21, 79, 138, 30, 45, 60];
        assert_eq!(linear(&column, [3, 5]).unwrap().data(), wanted);
        let square = Bytes::new([2, 2], 3, (0..12).map(|i| i * 20).collect()).unwrap();
        assert_eq!(linear(&square, [1, 1]).unwrap().data(), [90, 110, 130]);
        assert_eq!(linear(&square, [2, 2]).unwrap(), square);
    }
}
