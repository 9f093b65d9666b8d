//! Larger and smaller masks.

use crate::image::pixels::{draw, gray_of, mask_of, row};
use selfsame_sdk::prelude::*;
use std::collections::VecDeque;

/// Which way a mask grows.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// By the same distance in every direction.
    Round,
    /// By the same number of rows and columns: corners stay corners.
    Square,
}

/// Makes masks larger, or smaller if the number is negative.
///
/// Every value becomes the largest one in reach, or the smallest one; soft masks stay soft. Beyond the borders is nothing
/// that could grow in.
#[node(id = "core.mask.grow", category = "mask/adjust", search = ["expand", "dilate", "shrink", "erode", "contract"])]
#[output(mask = "the larger or smaller masks")]
pub fn grow_mask(
    ctx: Ctx,
    /// What grows.
    mask: Mask,
    /// How far it grows.
    #[param(default = 8, hard = -512..=512, soft = -64..=64, unit = "px")]
    pixels: i64,
    /// Which way it grows.
    #[param(default = "round")]
    reach: Reach,
) -> Result<Mask> {
    let radius = pixels.unsigned_abs() as usize;
    // The smallest values are the largest ones of the negative.
    let sign = if pixels < 0 { -1.0 } else { 1.0 };
    let mask = gray_of(mask)?.map(|x| sign * x);
    let height = mask.height();
    let grown = draw(ctx, mask.dims(), |frame, y, out| {
        out.copy_from_slice(row(&mask, frame, y));
        for from in y.saturating_sub(radius)..height.min(y + radius + 1) {
            let half = match reach {
                Reach::Round => (radius.pow(2) - from.abs_diff(y).pow(2)).isqrt(),
                Reach::Square => radius,
            };
            raise(out, row(&mask, frame, from), half);
        }
    })?;
    mask_of(grown.map(|x| sign * x))
}

/// Raises each value of `out` to the largest of `row` within `half` columns.
fn raise(out: &mut [f32], row: &[f32], half: usize) {
    // Values that may still be the largest of a window: their columns rise, the values fall.
    let mut candidates: VecDeque<(usize, f32)> = VecDeque::with_capacity(2 * half + 2);
    let mut coming = row.iter().copied().enumerate().peekable();
    for (x, out) in out.iter_mut().enumerate() {
        while let Some(next) = coming.next_if(|(column, _)| *column <= x + half) {
            while candidates.back().is_some_and(|(_, value)| *value <= next.1) {
                candidates.pop_back();
            }
            candidates.push_back(next);
        }
        while candidates.front().is_some_and(|(column, _)| *column + half < x) {
            candidates.pop_front();
        }
        if let Some((_, largest)) = candidates.front() {
            *out = out.max(*largest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    /// The largest or smallest value in reach, looked for pixel by pixel.
    fn direct(data: &[f32], [width, height]: [i64; 2], pixels: i64, reach: Reach) -> Vec<f32> {
        let radius = pixels.abs();
        let at = |x: i64, y: i64| {
            let mut found = data[(y * width + x) as usize];
            for (v, u) in (0..height).flat_map(|v| (0..width).map(move |u| (v, u))) {
                let (across, down) = ((u - x).abs(), (v - y).abs());
                let near = match reach {
                    Reach::Round => across * across + down * down <= radius * radius,
                    Reach::Square => across.max(down) <= radius,
                };
                let value = data[(v * width + u) as usize];
                if near {
                    found = if pixels < 0 { found.min(value) } else { found.max(value) };
                }
            }
            found
        };
        (0..width * height).map(|i| at(i % width, i / width)).collect()
    }

    #[test]
    fn agrees_with_the_definition() {
        let host = TestHost::new();
        let data: Vec<f32> = (0..13 * 9).map(|i| ((i * i * 5 + i) % 17) as f32 / 16.0).collect();
        let mask = Mask::new([1, 9, 13], data.clone()).unwrap();
        for reach in [Reach::Round, Reach::Square] {
            for pixels in [-20, -3, -1, 0, 1, 2, 5, 20] {
                let out = grow_mask(host.ctx(), mask.clone(), pixels, reach).unwrap();
                assert_eq!(out.data(), direct(&data, [13, 9], pixels, reach), "{pixels} {reach:?}");
            }
        }
    }

    #[test]
    fn a_point_becomes_a_disc() {
        let host = TestHost::new();
        let mut data = vec![0.0; 25];
        data[12] = 1.0;
        let point = Mask::new([1, 5, 5], data).unwrap();
        let out = grow_mask(host.ctx(), point, 1, Reach::Round).unwrap();
        let wanted = [7, 11, 12, 13, 17];
        assert!(out.data().iter().enumerate().all(|(i, x)| *x == f32::from(u8::from(wanted.contains(&i)))));
    }
}
