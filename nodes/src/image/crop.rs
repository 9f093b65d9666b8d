//! Parts of pictures.

use super::pixels::cut;
use selfsame_sdk::prelude::*;

/// Cuts a rectangle out of pictures.
#[node(id = "core.image.crop", category = "image/transform", search = ["cut", "region", "bounds"])]
#[output(image = "what lies in the rectangle")]
pub fn crop_image(
    ctx: Ctx,
    /// What is cut.
    image: Image,
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
) -> Result<Image> {
    let rectangle = rectangle([image.width(), image.height()], [x, y, width, height])?;
    cut(ctx, &image, rectangle)
}

/// Cuts pictures to a size, from their middle or another place.
#[node(id = "core.image.crop_center", category = "image/transform", search = ["cut", "center crop", "square"])]
#[output(image = "the pictures at the size")]
pub fn crop_center(
    ctx: Ctx,
    /// What is cut.
    image: Image,
    /// Width of the result; 0 keeps the width, and so does more than there is.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    width: usize,
    /// Height of the result; 0 keeps the height, and so does more than there is.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    height: usize,
    /// Where the result lies: 0 is left, 0.5 the middle, 1 right.
    #[param(default = 0.5, hard = 0.0..=1.0, step = 0.05, slider)]
    anchor_x: f64,
    /// Where the result lies: 0 is above, 0.5 the middle, 1 below.
    #[param(default = 0.5, hard = 0.0..=1.0, step = 0.05, slider)]
    anchor_y: f64,
) -> Result<Image> {
    let part = |size: usize, wanted: usize, anchor: f64| {
        let part = if wanted == 0 { size } else { wanted.min(size) };
        (((size - part) as f64 * anchor) as usize, part)
    };
    let (x, width) = part(image.width(), width, anchor_x);
    let (y, height) = part(image.height(), height, anchor_y);
    cut(ctx, &image, [x, y, width, height])
}

/// Cuts a fraction of each side off pictures.
#[node(id = "core.image.crop_sides", category = "image/transform", search = ["cut", "trim", "percent"])]
#[output(image = "what is left")]
pub fn crop_sides(
    ctx: Ctx,
    /// What is cut.
    image: Image,
    /// The fraction of the width that goes on the left.
    #[param(default = 0.0, hard = 0.0..=1.0, step = 0.01, slider)]
    left: f64,
    /// The fraction of the height that goes above.
    #[param(default = 0.0, hard = 0.0..=1.0, step = 0.01, slider)]
    top: f64,
    /// The fraction of the width that goes on the right.
    #[param(default = 0.0, hard = 0.0..=1.0, step = 0.01, slider)]
    right: f64,
    /// The fraction of the height that goes below.
    #[param(default = 0.0, hard = 0.0..=1.0, step = 0.01, slider)]
    bottom: f64,
) -> Result<Image> {
    let part = |ports: [&str; 2], size: usize, before: f64, after: f64| {
        let start = (size as f64 * before).round() as usize;
        let end = (size as f64 * (1.0 - after)).round() as usize;
        if end > start {
            return Ok((start, end - start));
        }
        let [first, second] = ports;
        Err(Error::input(first, format!("`{first}` {before} and `{second}` {after} leave nothing of {size} px")))
    };
    let (x, width) = part(["left", "right"], image.width(), left, right)?;
    let (y, height) = part(["top", "bottom"], image.height(), top, bottom)?;
    cut(ctx, &image, [x, y, width, height])
}

/// The rectangle `[x, y, width, height]` inside a picture `[width, height]`; a width or height of 0 goes to the border.
///
/// # Errors
/// If it leaves the picture.
pub fn rectangle(size: [usize; 2], [x, y, width, height]: [usize; 4]) -> Result<[usize; 4]> {
    let extent = |port: &str, size: usize, start: usize, wanted: usize| {
        let rest = size.saturating_sub(start);
        if rest == 0 || wanted > rest {
            let end = start.saturating_add(wanted.max(1));
            let message = format!("the rectangle goes from {start} to {end} px, but the picture ends at {size} px");
            return Err(
                Error::input(port, message).hint("move the rectangle, make it smaller, or pad the picture first")
            );
        }
        Ok(if wanted == 0 { rest } else { wanted })
    };
    Ok([x, y, extent("x", size[0], x, width)?, extent("y", size[1], y, height)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    /// 4 by 3 pixels, two of them, numbered.
    fn numbers() -> Image {
        Image::new([2, 3, 4, 1], (0..24).map(|i| i as f32).collect()).unwrap()
    }

    #[test]
    fn rectangles() {
        let host = TestHost::new();
        let out = crop_image(host.ctx(), numbers(), 1, 1, 2, 2).unwrap();
        assert_eq!((out.dims(), out.data()), ([2, 2, 2, 1], &[5.0, 6.0, 9.0, 10.0, 17.0, 18.0, 21.0, 22.0][..]));
        let rest = crop_image(host.ctx(), numbers(), 3, 2, 0, 0).unwrap();
        assert_eq!(rest.data(), [11.0, 23.0]);
    }

    #[test]
    fn beyond_the_border_is_an_error() {
        let host = TestHost::new();
        let error = crop_image(host.ctx(), numbers(), 3, 0, 2, 1).unwrap_err();
        assert_eq!(error.to_string(), "input `x`: the rectangle goes from 3 to 5 px, but the picture ends at 4 px");
        assert_eq!(crop_image(host.ctx(), numbers(), 0, 3, 0, 0).unwrap_err().port.as_deref(), Some("y"));
    }

    #[test]
    fn from_the_middle() {
        let host = TestHost::new();
        let at = |x, y| crop_center(host.ctx(), numbers(), 2, 9, x, y).unwrap().data()[..2].to_vec();
        assert_eq!(at(0.5, 0.5), [1.0, 2.0]);
        assert_eq!(at(0.0, 0.5), [0.0, 1.0]);
        assert_eq!(at(1.0, 1.0), [2.0, 3.0]);
    }

    #[test]
    fn fractions() {
        let host = TestHost::new();
        let out = crop_sides(host.ctx(), numbers(), 0.25, 0.0, 0.5, 0.66).unwrap();
        assert_eq!((out.dims(), out.data()), ([2, 1, 1, 1], &[1.0, 13.0][..]));
        let error = crop_sides(host.ctx(), numbers(), 0.5, 0.0, 0.5, 0.0).unwrap_err();
        assert_eq!(error.message, "`left` 0.5 and `right` 0.5 leave nothing of 4 px");
    }
}
