//! Masks of another size, and where something is in them.

use crate::image::crop::rectangle;
use crate::image::fit::{Fit, resize, target};
use crate::image::pixels::{cut, gray_of, mask_of};
use crate::image::resample::Filter;
use selfsame_sdk::prelude::*;

/// Makes masks larger or smaller, as ResizeImage does with pictures.
#[node(id = "core.mask.resize", category = "mask/transform", search = ["scale", "resample"])]
#[output(mask = "the masks at their new size")]
pub fn resize_mask(
    ctx: Ctx,
    /// What is resized.
    mask: Mask,
    /// The new width; 0 follows from the height, and from the mask if both are 0.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    width: usize,
    /// The new height; 0 follows from the width, and from the mask if both are 0.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    height: usize,
    /// What happens if the new size has another shape than the mask.
    #[param(default = "stretch")]
    fit: Fit,
    /// How values are weighed; `nearest` keeps hard masks hard.
    #[param(default = "bilinear")]
    filter: Filter,
    /// Width and height become multiples of this number: the nearest ones, or the next smaller ones if `fit` is `inside`.
    #[param(default = 1, hard = 1..=1024, unit = "px")]
    multiple_of: usize,
    /// The value beside the mask if `fit` is `contain`.
    #[param(default = 0.0, hard = 0.0..=1.0, step = 0.01, slider)]
    background: f32,
) -> Result<Mask> {
    let to = target([mask.width(), mask.height()], [width, height], fit, multiple_of);
    let background = Color([background, background, background, 1.0]);
    mask_of(resize(ctx, gray_of(mask)?, to, fit, filter, background)?)
}

/// Cuts a rectangle out of masks.
#[node(id = "core.mask.crop", category = "mask/transform", search = ["cut", "region"])]
#[output(mask = "what lies in the rectangle")]
pub fn crop_mask(
    ctx: Ctx,
    /// What is cut.
    mask: Mask,
    /// Columns left of the rectangle.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    x: usize,
    /// Rows above the rectangle.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    y: usize,
    /// Width of the rectangle; 0 goes to the right border.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    width: usize,
    /// Height of the rectangle; 0 goes to the lower border.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    height: usize,
) -> Result<Mask> {
    let rectangle = rectangle([mask.width(), mask.height()], [x, y, width, height])?;
    mask_of(cut(ctx, &gray_of(mask)?, rectangle)?)
}

/// Says how large masks are.
#[node(id = "core.mask.size", category = "mask/info", search = ["dimensions", "resolution", "width", "height"])]
#[output(width = "width in pixels", height = "height in pixels", batch = "how many masks")]
pub fn mask_size(
    /// What is measured.
    mask: Mask,
) -> Result<(i64, i64, i64)> {
    let [batch, height, width] = mask.dims().map(|dim| dim as i64);
    Ok((width, height, batch))
}

/// What happens if there is nothing in a mask.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// The node fails.
    Error,
    /// The rectangle is the whole mask.
    Whole,
}

/// Gives the smallest rectangle that holds everything in masks, all of a batch together: what CropImage takes.
#[node(id = "core.mask.bounds", category = "mask/info", search = ["bounding box", "crop to mask", "region", "rectangle"])]
#[output(x = "its left column", y = "its upper row", width = "its width in pixels", height = "its height in pixels")]
pub fn mask_bounds(
    /// What is looked at.
    mask: Mask,
    /// How much larger the rectangle is on each side, as far as the mask reaches.
    #[param(default = 0, hard = 0..=16384, soft = 0..=256, unit = "px")]
    margin: usize,
    /// Values from here on count.
    #[param(default = 0.5, hard = 0.001..=1.0, step = 0.01, slider)]
    threshold: f32,
    /// What happens if there are none.
    #[param(default = "error")]
    empty: Empty,
) -> Result<(i64, i64, i64, i64)> {
    let [_, height, width] = mask.dims();
    let (mut left, mut right, mut top, mut bottom) = (width, 0, height, 0);
    for (index, row) in mask.data().chunks_exact(width).enumerate() {
        let counts = |value: &f32| *value >= threshold;
        if let (Some(first), Some(last)) = (row.iter().position(counts), row.iter().rposition(counts)) {
            let y = index % height;
            (left, right) = (left.min(first), right.max(last + 1));
            (top, bottom) = (top.min(y), bottom.max(y + 1));
        }
    }
    if right == 0 {
        if empty == Empty::Error {
            let message = format!("nothing in the mask reaches {threshold}");
            return Err(Error::input("mask", message).hint("lower `threshold`, or set `empty` to `whole`"));
        }
        (left, right, top, bottom) = (0, width, 0, height);
    }
    let (left, top) = (left.saturating_sub(margin), top.saturating_sub(margin));
    let (right, bottom) = ((right + margin).min(width), (bottom + margin).min(height));
    Ok((left as i64, top as i64, (right - left) as i64, (bottom - top) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    fn numbers() -> Mask {
        Mask::new([1, 2, 4], vec![0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875]).unwrap()
    }

    #[test]
    fn sizes() {
        let host = TestHost::new();
        let out = resize_mask(host.ctx(), numbers(), 2, 0, Fit::Stretch, Filter::Box, 1, 0.0).unwrap();
        assert_eq!((out.dims(), out.data()), ([1, 1, 2], &[0.3125, 0.5625][..]));
        let out = resize_mask(host.ctx(), numbers(), 4, 4, Fit::Contain, Filter::Nearest, 1, 1.0).unwrap();
        assert_eq!((out.dims(), &out.data()[..6]), ([1, 4, 4], &[1.0, 1.0, 1.0, 1.0, 0.0, 0.125][..]));
        assert_eq!(mask_size(numbers()).unwrap(), (4, 2, 1));
    }

    #[test]
    fn parts() {
        let host = TestHost::new();
        let out = crop_mask(host.ctx(), numbers(), 2, 1, 0, 0).unwrap();
        assert_eq!(out.data(), [0.75, 0.875]);
        assert_eq!(crop_mask(host.ctx(), numbers(), 2, 1, 3, 0).unwrap_err().port.as_deref(), Some("x"));
    }

    #[test]
    fn where_something_is() {
        let mut data = vec![0.0; 2 * 5 * 6];
        data[6 + 2] = 0.75; // the first mask, row 1, column 2
        data[30 + 3 * 6 + 4] = 1.0; // the second mask, row 3, column 4
        let mask = Mask::new([2, 5, 6], data).unwrap();
        assert_eq!(mask_bounds(mask.clone(), 0, 0.5, Empty::Error).unwrap(), (2, 1, 3, 3));
        assert_eq!(mask_bounds(mask.clone(), 2, 0.5, Empty::Error).unwrap(), (0, 0, 6, 5));
        assert_eq!(mask_bounds(mask, 0, 0.9, Empty::Error).unwrap(), (4, 3, 1, 1));
    }

    #[test]
    fn nothing_there() {
        let nothing = Mask::new([1, 2, 3], vec![0.0; 6]).unwrap();
        let error = mask_bounds(nothing.clone(), 0, 0.5, Empty::Error).unwrap_err();
        assert_eq!(error.to_string(), "input `mask`: nothing in the mask reaches 0.5");
        assert_eq!(mask_bounds(nothing, 0, 0.5, Empty::Whole).unwrap(), (0, 0, 3, 2));
    }
}
