//! Several pictures in one.

use super::color::{pixel, with_channels};
use super::fit::{Fit, resize, target};
use super::pixels::{common_batch, draw, place, row};
use super::resample::Filter;
use selfsame_sdk::prelude::*;

/// Puts pictures onto one sheet, in rows.
///
/// Every picture of every batch gets a cell. A picture of another shape is fitted into its cell as a whole, with the
/// background beside it.
#[node(id = "core.image.grid", category = "image/compose", search = ["contact sheet", "collage", "montage", "compare"])]
#[output(image = "one picture")]
pub fn image_grid(
    ctx: Ctx,
    /// The pictures, of any sizes.
    images: Vec<Image>,
    /// How many cells a row has; 0 makes the sheet about as many cells wide as high.
    #[param(default = 0, hard = 0..=4096, soft = 0..=16)]
    columns: usize,
    /// Room between cells.
    #[param(default = 8, hard = 0..=4096, soft = 0..=64, unit = "px")]
    gap: usize,
    /// What is seen between and beside pictures.
    #[param(default = "#000000")]
    background: Color,
    /// Width of a cell; 0 is that of the widest picture.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    cell_width: usize,
    /// Height of a cell; 0 is that of the highest picture.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    cell_height: usize,
) -> Result<Image> {
    let images = of_equal_channels(images)?;
    let largest = |side: fn(&Image) -> usize| images.iter().map(side).max().unwrap_or(1);
    let cell = [
        if cell_width == 0 { largest(Image::width) } else { cell_width },
        if cell_height == 0 { largest(Image::height) } else { cell_height },
    ];
    let count: usize = images.iter().map(Image::batch).sum();
    let columns = if columns == 0 { count.isqrt() + usize::from(count.isqrt().pow(2) < count) } else { columns };
    let mut cells = Vec::with_capacity(images.len());
    for image in images {
        cells.push(resize(ctx, image, cell, Fit::Contain, Filter::Lanczos, background)?);
    }
    // Cell number n is a frame of one of the fitted pictures.
    let frames: Vec<(&Image, usize)> = cells.iter().flat_map(|c| (0..c.batch()).map(move |frame| (c, frame))).collect();
    let used = columns.min(count);
    let size = [used * (cell[0] + gap) - gap, count.div_ceil(columns) * (cell[1] + gap) - gap];
    let channels = cells.first().map_or(1, Image::channels);
    let around = pixel(background, channels);
    draw(ctx, [1, size[1], size[0], channels], |_, y, out| {
        out.chunks_exact_mut(channels).for_each(|pixel| pixel.copy_from_slice(&around));
        let (line, y) = (y / (cell[1] + gap), y % (cell[1] + gap));
        if y >= cell[1] {
            return;
        }
        let places = out.chunks_mut((cell[0] + gap) * channels);
        for (to, (image, frame)) in places.zip(frames.iter().skip(line * columns).take(columns)) {
            to[..cell[0] * channels].copy_from_slice(row(image, *frame, y));
        }
    })
}

/// Which way pictures go on.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the right.
    Row,
    /// Downwards.
    Column,
}

/// What happens to pictures of other heights in a row, or other widths in a column.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// They are scaled to the first one, and keep their shapes.
    Scale,
    /// They get background on both sides, up to the largest one.
    Pad,
}

/// Puts pictures side by side, or one below the other.
#[node(id = "core.image.concat", category = "image/compose", search = ["stitch", "side by side", "join", "append"])]
#[output(image = "as many pictures as the batches have")]
pub fn concat_images(
    ctx: Ctx,
    /// The pictures. Batches are equal, or 1, which then goes to all.
    images: Vec<Image>,
    /// Which way they go on.
    #[param(default = "row")]
    direction: Direction,
    /// What happens to pictures of other heights in a row, or other widths in a column.
    #[param(default = "scale")]
    join: Join,
    /// Room between pictures.
    #[param(default = 0, hard = 0..=4096, soft = 0..=64, unit = "px")]
    gap: usize,
    /// What is seen between and beside pictures.
    #[param(default = "#000000")]
    background: Color,
) -> Result<Image> {
    let images = of_equal_channels(images)?;
    let mut batch = 1;
    for image in &images {
        batch = common_batch(["the first images", "images"], &[batch], &image.dims())?;
    }
    // Sides are [along, across] the direction.
    let turned =
        |[width, height]: [usize; 2]| if direction == Direction::Row { [width, height] } else { [height, width] };
    let sides: Vec<[usize; 2]> = images.iter().map(|image| turned([image.width(), image.height()])).collect();
    let across = match join {
        Join::Scale => sides.first().map(|[_, across]| *across),
        Join::Pad => sides.iter().map(|[_, across]| *across).max(),
    };
    let across = across.unwrap_or(1);
    let mut parts = Vec::with_capacity(images.len());
    for (image, side) in images.into_iter().zip(sides) {
        parts.push(match join {
            Join::Scale => {
                let to = turned(target(side, [0, across], Fit::Stretch, 1));
                resize(ctx, image, to, Fit::Stretch, Filter::Lanczos, background)?
            }
            Join::Pad => {
                let to = turned([side[0], across]);
                place(ctx, &image, to, turned([0, (across - side[1]) / 2]), background)?
            }
        });
    }
    let along = parts.iter().map(|part| turned([part.width(), part.height()])[0] + gap).sum::<usize>() - gap;
    let [width, height] = turned([along, across]);
    let channels = parts.first().map_or(1, Image::channels);
    let around = pixel(background, channels);
    draw(ctx, [batch, height, width, channels], |frame, y, out| {
        out.chunks_exact_mut(channels).for_each(|pixel| pixel.copy_from_slice(&around));
        let mut start = 0;
        for part in &parts {
            if direction == Direction::Row {
                out[start * channels..][..part.width() * channels].copy_from_slice(row(part, frame, y));
                start += part.width() + gap;
            } else {
                if (start..start + part.height()).contains(&y) {
                    out.copy_from_slice(row(part, frame, y - start));
                }
                start += part.height() + gap;
            }
        }
    })
}

/// Pictures with as many channels as the one with the most.
fn of_equal_channels(images: Vec<Image>) -> Result<Vec<Image>> {
    let Some(channels) = images.iter().map(Image::channels).max() else {
        return Err(Error::input("images", "expected at least one picture, got an empty list"));
    };
    images.into_iter().map(|image| with_channels(image, channels)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    const WHITE: Color = Color([1.0; 4]);

    fn gray(dims: [usize; 3], value: f32) -> Image {
        let [batch, height, width] = dims;
        Image::new([batch, height, width, 1], vec![value; batch * height * width]).unwrap()
    }

    #[test]
    fn cells_in_rows() {
        let host = TestHost::new();
        let images = vec![gray([2, 1, 1], 0.25), gray([1, 1, 1], 0.5)];
        let out = image_grid(host.ctx(), images.clone(), 0, 1, WHITE, 0, 0).unwrap();
        assert_eq!(out.dims(), [1, 3, 3, 1]);
        assert_eq!(out.data(), [0.25, 1.0, 0.25, 1.0, 1.0, 1.0, 0.5, 1.0, 1.0]);
        let line = image_grid(host.ctx(), images, 9, 0, WHITE, 0, 0).unwrap();
        assert_eq!((line.dims(), line.data()), ([1, 1, 3, 1], &[0.25, 0.25, 0.5][..]));
    }

    #[test]
    fn other_sizes_are_fitted() {
        let host = TestHost::new();
        let images = vec![gray([1, 4, 4], 0.25), gray([1, 1, 2], 0.5)];
        let out = image_grid(host.ctx(), images, 2, 0, WHITE, 0, 0).unwrap();
        assert_eq!(out.dims(), [1, 4, 8, 1]);
        let column: Vec<f32> = out.data().iter().skip(5).step_by(8).copied().collect();
        assert_eq!((column[0], column[3]), (1.0, 1.0));
        assert!(column[1..3].iter().all(|x| (x - 0.5).abs() < 1e-6), "{column:?}");
    }

    #[test]
    fn side_by_side() {
        let host = TestHost::new();
        let images = vec![gray([1, 2, 1], 0.25), gray([2, 1, 1], 0.5)];
        let concat = |direction, join| concat_images(host.ctx(), images.clone(), direction, join, 1, WHITE).unwrap();
        let out = concat(Direction::Row, Join::Scale);
        assert_eq!(out.dims(), [2, 2, 4, 1]);
        let out = concat(Direction::Row, Join::Pad);
        assert_eq!((out.dims(), &out.data()[..6]), ([2, 2, 3, 1], &[0.25, 1.0, 0.5, 0.25, 1.0, 1.0][..]));
        let out = concat(Direction::Column, Join::Pad);
        assert_eq!((out.dims(), &out.data()[..4]), ([2, 4, 1, 1], &[0.25, 0.25, 1.0, 0.5][..]));
    }

    #[test]
    fn channels_follow_the_richest() {
        let host = TestHost::new();
        let images = vec![gray([1, 1, 1], 0.5), Image::new([1, 1, 1, 4], vec![0.0; 4]).unwrap()];
        let out = concat_images(host.ctx(), images, Direction::Row, Join::Scale, 0, WHITE).unwrap();
        assert_eq!(out.data(), [0.5, 0.5, 0.5, 1.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn no_picture_is_an_error() {
        let host = TestHost::new();
        let error = image_grid(host.ctx(), Vec::new(), 0, 0, WHITE, 0, 0).unwrap_err();
        assert_eq!(error.to_string(), "input `images`: expected at least one picture, got an empty list");
        let images = vec![gray([2, 1, 1], 0.0), gray([3, 1, 1], 0.0)];
        let error = concat_images(host.ctx(), images, Direction::Row, Join::Pad, 0, WHITE).unwrap_err();
        assert!(error.message.ends_with("their batches differ"), "{error}");
    }
}
