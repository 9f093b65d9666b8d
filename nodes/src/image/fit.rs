//! How a picture goes into a size of another shape.

use super::pillow;
use super::pixels::place;
use super::resample::{Filter, resample};
use selfsame_sdk::prelude::*;

/// What happens when the new size has another shape than the picture.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The picture is distorted.
    Stretch,
    /// The whole picture is seen, with the background beside it.
    Contain,
    /// The picture covers the new size, and what stands over is cut off on both sides.
    Cover,
    /// The result is as large as possible inside the new size, and keeps the shape of the picture.
    Inside,
}

/// The `[width, height]` that a picture of `size` gets. A wanted 0 follows from the other one and the shape of the picture;
/// two of them mean its own size. Sides become multiples of `multiple_of`: the nearest, or the next smaller one for
/// [`Fit::Inside`].
pub fn target(size: [usize; 2], wanted: [usize; 2], fit: Fit, multiple_of: usize) -> [usize; 2] {
    let [width, height] = size;
    let exact = match wanted {
        [0, 0] => size,
        [w, 0] => [w, scaled(height, w, width)],
        [0, h] => [scaled(width, h, height), h],
        _ if fit == Fit::Inside => inside(size, wanted),
        _ => wanted,
    };
    let multiple_of = multiple_of.max(1);
    let half = if fit == Fit::Inside { 0 } else { multiple_of / 2 };
    exact.map(|side| ((side + half) / multiple_of * multiple_of).max(multiple_of))
}

/// The largest size of the shape of `size` inside `limit`.
pub fn inside([width, height]: [usize; 2], limit: [usize; 2]) -> [usize; 2] {
    if width * limit[1] >= height * limit[0] {
        [limit[0], scaled(height, limit[0], width)]
    } else {
        [scaled(width, limit[1], height), limit[1]]
    }
}

/// `side * to / from`, rounded, and at least 1.
fn scaled(side: usize, to: usize, from: usize) -> usize {
    ((side * to + from / 2) / from).max(1)
}

/// How new pixels are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resampling {
    /// How pixels are weighed.
    pub filter: Filter,
    /// Whether they have the 256 levels of an 8-bit picture and are rounded to them after each pass, as in Pillow.
    pub whole_levels: bool,
}

impl From<Filter> for Resampling {
    fn from(filter: Filter) -> Self {
        Resampling { filter, whole_levels: false }
    }
}

impl Resampling {
    /// Pictures at `[width, height]` pixels, values 0..1, of a rectangle `[left, top, right, bottom]` or all of them.
    fn apply(self, ctx: Ctx, image: Image, to: [usize; 2], seen: Option<[f64; 4]>) -> Result<Image> {
        if self.whole_levels {
            return pillow::resample(ctx, image, to, seen, self.filter);
        }
        // Sharp kernels overshoot beside edges.
        Ok(resample(ctx, image, to, seen, self.filter)?.map(|x| x.clamp(0.0, 1.0)))
    }
}

/// Pictures at `[width, height]` pixels, values 0..1. `background` shows beside a picture that is [contained](Fit::Contain).
///
/// # Errors
/// As [`draw`](super::pixels::draw).
pub fn resize(
    ctx: Ctx,
    image: Image,
    to: [usize; 2],
    fit: Fit,
    how: impl Into<Resampling>,
    background: Color,
) -> Result<Image> {
    let how = how.into();
    let size = [image.width(), image.height()];
    match fit {
        Fit::Stretch | Fit::Inside => how.apply(ctx, image, to, None),
        Fit::Cover => how.apply(ctx, image, to, Some(covering(size, to))),
        Fit::Contain => {
            let inner = inside(size, to);
            let small = how.apply(ctx, image, inner, None)?;
            place(ctx, &small, to, [(to[0] - inner[0]) / 2, (to[1] - inner[1]) / 2], background)
        }
    }
}

/// The rectangle in the middle of a picture of `size` that has the shape of `to`.
fn covering(size: [usize; 2], to: [usize; 2]) -> [f64; 4] {
    let [width, height] = size.map(|side| side as f64);
    let [to_width, to_height] = to.map(|side| side as f64);
    // Products of whole numbers below 2^53 are exact, so equal shapes see exactly the whole picture.
    if to_width * height >= to_height * width {
        let seen = (to_height * width / to_width).min(height);
        [0.0, (height - seen) / 2.0, width, (height + seen) / 2.0]
    } else {
        let seen = (to_width * height / to_height).min(width);
        [(width - seen) / 2.0, 0.0, (width + seen) / 2.0, height]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let size = [300, 200];
        assert_eq!(target(size, [0, 0], Fit::Stretch, 1), [300, 200]);
        assert_eq!(target(size, [0, 0], Fit::Stretch, 64), [320, 192]);
        assert_eq!(target(size, [150, 0], Fit::Stretch, 1), [150, 100]);
        assert_eq!(target(size, [0, 401], Fit::Stretch, 1), [602, 401]);
        assert_eq!(target(size, [100, 100], Fit::Cover, 1), [100, 100]);
        assert_eq!(target(size, [100, 100], Fit::Inside, 1), [100, 67]);
        assert_eq!(target(size, [100, 100], Fit::Inside, 8), [96, 64]);
        assert_eq!(target([1000, 1], [10, 0], Fit::Stretch, 1), [10, 1]);
        assert_eq!(target(size, [3, 3], Fit::Stretch, 8), [8, 8]);
    }

    #[test]
    fn the_middle_is_seen() {
        assert_eq!(covering([300, 200], [100, 100]), [50.0, 0.0, 250.0, 200.0]);
        assert_eq!(covering([200, 300], [400, 300]), [0.0, 75.0, 200.0, 225.0]);
        assert_eq!(covering([300, 200], [30, 20]), [0.0, 0.0, 300.0, 200.0]);
    }
}
