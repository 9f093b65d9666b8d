//! A photograph in the size in which InstantID analyses and paints it.

use crate::image::bytes::Bytes;
use crate::image::pillow;
use crate::image::resample::Filter;
use selfsame_sdk::prelude::*;

/// Resizes photographs as InstantID's scripts do: the shorter side to one length, then the longer side to another, then both
/// down to a multiple of 64. Proportions change a little, and pictures are rounded to 8 bits each time.
#[node(id = "core.face.resize_reference", name = "ResizeReference", category = "face", search = ["resize_img", "InstantID", "64"])]
#[output(image = "the photographs, with three channels")]
pub fn resize_reference(
    ctx: Ctx,
    /// What is resized. Alpha is left out.
    image: Image,
    /// What the shorter side becomes first.
    #[param(default = 1024, hard = 1..=8192, unit = "px")]
    min_side: usize,
    /// What the longer side becomes then.
    #[param(default = 1280, hard = 1..=8192, unit = "px")]
    max_side: usize,
    /// What both sides are a multiple of in the end.
    #[param(default = 64, hard = 1..=1024, unit = "px")]
    multiple_of: usize,
    /// Puts the result into the middle of a white square of the longer side.
    #[param(default = false)]
    pad: bool,
) -> Result<Image> {
    let frames = Bytes::frames(image, 3)?;
    let resized = frames.iter().map(|frame| {
        ctx.check_cancelled()?;
        let resized = resize(frame, [min_side, max_side], multiple_of)?;
        if pad { padded(&resized, max_side) } else { Ok(resized) }
    });
    Bytes::into_image(resized.collect::<Result<_>>()?)
}

/// A picture with its shorter side at `min` pixels, then with its longer side at `max`, then at multiples of a number below.
///
/// # Errors
/// If a side becomes too long, or shorter than the multiple.
pub fn resize(picture: &Bytes, [min, max]: [usize; 2], multiple_of: usize) -> Result<Bytes> {
    let scaled = |size: [usize; 2], ratio: f64| size.map(|side| (ratio * side as f64).round_ties_even() as usize);
    let size = picture.size();
    let size = scaled(size, min as f64 / size[0].min(size[1]) as f64);
    let size = scaled(size, max as f64 / size[0].max(size[1]) as f64);
    let last = size.map(|side| side / multiple_of * multiple_of);
    if last.contains(&0) {
        return Err(Error::input(
            "image",
            format!("a side of {} x {} px is shorter than {multiple_of} px after resizing", size[0], size[1]),
        )
        .hint("use a less narrow picture, or a longer side"));
    }
    pillow::resize(&pillow::resize(picture, size, Filter::Bilinear)?, last, Filter::Bilinear)
}

/// A picture in the middle of a white square; `side` is at least as long as its sides.
///
/// # Errors
/// If there is no memory for it.
pub fn padded(picture: &Bytes, side: usize) -> Result<Bytes> {
    let [width, height] = picture.size();
    let channels = picture.channels();
    let mut square = Bytes::black([side, side], channels)?;
    square.data_mut().fill(255);
    let (left, top) = ((side - width) / 2, (side - height) / 2);
    for (y, line) in square.data_mut().chunks_exact_mut(side * channels).skip(top).take(height).enumerate() {
        line[left * channels..(left + width) * channels].copy_from_slice(picture.row(y));
    }
    Ok(square)
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn sizes() {
        let host = TestHost::new();
        let size = |width, height, pad| {
            let image = Image::new([1, height, width, 1], vec![0.0; width * height]).unwrap();
            resize_reference(host.ctx(), image, 192, 256, 64, pad).map(|image| image.dims())
        };
        assert_eq!(size(150, 200, false).unwrap(), [1, 256, 192, 3]);
        assert_eq!(size(200, 130, false).unwrap(), [1, 128, 256, 3]);
        assert_eq!(size(200, 130, true).unwrap(), [1, 256, 256, 3]);
        assert!(size(200, 10, false).unwrap_err().message.contains("shorter than 64 px"));
    }

    #[test]
    fn what_is_beside_the_picture_is_white() {
        let out = padded(&Bytes::black([1, 2], 1).unwrap(), 4).unwrap();
        let inside = |i: usize| (4..12).contains(&i) && i % 4 == 1;
        assert!(out.data().iter().enumerate().all(|(i, value)| (*value == 0) == inside(i)), "{:?}", out.data());
    }
}
