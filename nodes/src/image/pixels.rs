//! Pictures written row by row: the one place for limits of memory, for cancelling, and for working in parallel.

use super::color::pixel;
use rayon::prelude::*;
use selfsame_sdk::prelude::*;

/// The longest side of a picture in pixels.
const MAX_SIDE: usize = 16384;

/// The most values of one batch of pictures; they take 4 GiB.
const MAX_VALUES: usize = 1 << 30;

/// New pictures `[B,H,W,C]`. `write(frame, y, row)` is called once for each row with its `W*C` values, which are 0.
///
/// # Errors
/// As [`check_size`]; if a dimension is 0, memory runs out, or the run is cancelled.
pub fn draw(ctx: Ctx, dims: [usize; 4], write: impl Fn(usize, usize, &mut [f32]) + Sync) -> Result<Image> {
    let [_, height, width, channels] = dims;
    let mut data = zeros(dims)?;
    // Something to divide into even if a dimension is 0, which `Image::new` then refuses.
    let row_len = (width * channels).max(1);
    data.par_chunks_exact_mut(row_len).enumerate().try_for_each(|(index, row)| {
        ctx.check_cancelled()?;
        write(index / height, index % height, row);
        Ok::<(), Error>(())
    })?;
    Image::new(dims, data)
}

fn zeros(dims: [usize; 4]) -> Result<Vec<f32>> {
    let count = check_size(dims)?;
    let mut data = Vec::new();
    data.try_reserve_exact(count)
        .map_err(|_| Error::with(Status::OutOfMemory, format!("no memory for pictures of shape {dims:?}")))?;
    data.resize(count, 0.0);
    Ok(data)
}

/// How many values pictures `[B,H,W,C]` have.
///
/// # Errors
/// If a side is longer than 16384 px, or if they take more than 4 GiB.
pub fn check_size(dims: [usize; 4]) -> Result<usize> {
    let refused = |why: &str| {
        Error::with(Status::Unsupported, format!("pictures of shape {dims:?} would {why}"))
            .hint("make them smaller, or fewer at a time")
    };
    let [_, height, width, _] = dims;
    if height.max(width) > MAX_SIDE {
        return Err(refused("have sides of more than 16384 px"));
    }
    let count = dims.iter().try_fold(1usize, |n, dim| n.checked_mul(*dim));
    count.filter(|n| *n <= MAX_VALUES).ok_or_else(|| refused("take more than 4 GiB"))
}

/// A row of `W*C` values. Pictures of batch 1 stand for any number of them: every frame is the same.
pub fn row(image: &Image, frame: usize, y: usize) -> &[f32] {
    let [batch, height, width, channels] = image.dims();
    let frame = if batch == 1 { 0 } else { frame };
    &image.data()[(frame * height + y) * width * channels..][..width * channels]
}

/// The batch of what is made from two batches: they are equal, or one of them is 1. `what` names both.
///
/// # Errors
/// If they are neither; both shapes are named.
pub fn common_batch(what: [&str; 2], first: &[usize], second: &[usize]) -> Result<usize> {
    match (first.first(), second.first()) {
        (Some(&a), Some(&b)) if a == b || b == 1 => Ok(a),
        (Some(1), Some(&b)) => Ok(b),
        _ => {
            Err(differ(what, first, second, "batches").hint("use equal batches, or a batch of 1 for all of the other"))
        }
    }
}

/// Checks that two pictures or masks are of one size, and gives their batch as [`common_batch`] does. `what` names both.
///
/// # Errors
/// If sizes or batches differ; both shapes are named.
pub fn same_size(what: [&str; 2], first: &[usize], second: &[usize]) -> Result<usize> {
    if first.get(1..3) != second.get(1..3) {
        return Err(differ(what, first, second, "sizes").hint("bring them to one size with ResizeImage or ResizeMask"));
    }
    common_batch(what, first, second)
}

fn differ([a, b]: [&str; 2], first: &[usize], second: &[usize], how: &str) -> Error {
    Error::input(b, format!("`{a}` is {first:?} and `{b}` is {second:?}: their {how} differ"))
}

/// The part of pictures from column `x` and row `y` on, `width` by `height` pixels, which all lie inside.
///
/// # Errors
/// As [`draw`].
pub fn cut(ctx: Ctx, image: &Image, [x, y, width, height]: [usize; 4]) -> Result<Image> {
    let [batch, _, _, channels] = image.dims();
    draw(ctx, [batch, height, width, channels], |frame, line, out| {
        out.copy_from_slice(&row(image, frame, y + line)[x * channels..][..width * channels]);
    })
}

/// Pictures on a canvas `[width, height]` of one colour, with their top left corner at `[x, y]`. They lie inside it.
///
/// # Errors
/// As [`draw`].
pub fn place(ctx: Ctx, image: &Image, canvas: [usize; 2], [x, y]: [usize; 2], around: Color) -> Result<Image> {
    let [batch, height, width, channels] = image.dims();
    let around = pixel(around, channels);
    draw(ctx, [batch, canvas[1], canvas[0], channels], |frame, line, out| {
        out.chunks_exact_mut(channels).for_each(|pixel| pixel.copy_from_slice(&around));
        if (y..y + height).contains(&line) {
            out[x * channels..][..width * channels].copy_from_slice(row(image, frame, line - y));
        }
    })
}

/// Masks as gray pictures.
pub fn gray_of(mask: Mask) -> Result<Image> {
    let [batch, height, width] = mask.dims();
    Image::new([batch, height, width, 1], mask.into_tensor().into_data())
}

/// Gray pictures as masks.
///
/// # Errors
/// If the pictures are not gray.
pub fn mask_of(gray: Image) -> Result<Mask> {
    let [batch, height, width, _] = gray.dims();
    Mask::new([batch, height, width], gray.into_tensor().into_data())
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn absurd_sizes_are_refused_before_any_memory_is_taken() {
        let host = TestHost::new();
        for dims in [[usize::MAX, 2, 1, 1], [64, 16384, 16384, 4]] {
            let error = draw(host.ctx(), dims, |_, _, _| {}).unwrap_err();
            assert!(error.message.contains("more than 4 GiB"), "{error}");
        }
        let error = draw(host.ctx(), [1, 1, 16385, 3], |_, _, _| {}).unwrap_err();
        assert_eq!(error.message, "pictures of shape [1, 1, 16385, 3] would have sides of more than 16384 px");
        assert!(draw(host.ctx(), [1, 0, 1, 1], |_, _, _| {}).unwrap_err().message.contains("no picture"));
    }

    #[test]
    fn a_cancelled_run_ends() {
        let host = TestHost::new();
        host.cancel();
        assert_eq!(draw(host.ctx(), [1, 2, 2, 1], |_, _, _| {}).unwrap_err().status, Status::Cancelled);
    }

    #[test]
    fn batches_broadcast() {
        let names = ["image", "mask"];
        assert_eq!(common_batch(names, &[1, 2, 2], &[3, 2, 2]).unwrap(), 3);
        assert_eq!(common_batch(names, &[3, 2, 2], &[1, 2, 2]).unwrap(), 3);
        let error = common_batch(names, &[2, 4, 4, 3], &[3, 4, 4]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "input `mask`: `image` is [2, 4, 4, 3] and `mask` is [3, 4, 4]: their batches differ"
        );
        let error = same_size(names, &[1, 4, 5, 3], &[1, 5, 4]).unwrap_err();
        assert!(error.message.ends_with("their sizes differ") && error.hint.is_some());
    }
}
