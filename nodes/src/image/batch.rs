//! Several pictures as one batch, and back.

use crate::interpolate::{Interpolation, interpolate};
use selfsame_sdk::prelude::*;

/// What becomes of pictures of another size than the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum OtherSizes {
    /// They are an error.
    Error,
    /// They are stretched or squeezed to the size of the first.
    Resize,
}

/// Puts pictures one behind the other into one batch. Where one has colours or alpha, all get them.
#[node(id = "core.image.batch", category = "image/batch", search = ["join", "concat", "list"])]
#[output(image = "all pictures in one batch")]
pub fn batch_images(
    ctx: Ctx,
    /// The pictures; each may be a batch itself.
    images: Vec<Image>,
    /// What becomes of pictures of another size than the first.
    #[param(default = "error")]
    other_sizes: OtherSizes,
) -> Result<Image> {
    let Some(first) = images.first() else {
        return Err(Error::input("images", "the list is empty; expected at least one picture"));
    };
    let (height, width) = (first.height(), first.width());
    let channels = images.iter().map(Image::channels).max().unwrap_or(1);
    let batch: usize = images.iter().map(Image::batch).sum();
    let mut data = Vec::new();
    for (index, image) in images.iter().enumerate() {
        ctx.check_cancelled()?;
        let [_, h, w, c] = image.dims();
        let fitted;
        let values = if (h, w) == (height, width) {
            image.data()
        } else if other_sizes == OtherSizes::Resize {
            fitted = fit(image, height, width)?;
            &fitted
        } else {
            let message = format!("picture {index} is {w} x {h}, but the first one is {width} x {height}");
            return Err(Error::input("images", message).hint("resize it first, or set other_sizes to \"resize\""));
        };
        widen(values, c, channels, &mut data);
    }
    Image::new([batch, height, width, channels], data)
}

/// Means where pixels get fewer, straight lines where they get more, in each direction by itself.
fn fit(image: &Image, height: usize, width: usize) -> Result<Vec<f32>> {
    let [_, h, w, c] = image.dims();
    let how = |from: usize, to: usize| if to < from { Interpolation::Area } else { Interpolation::Bilinear };
    let wide = interpolate(image.data(), (h, w), (h, width), c, how(w, width))?;
    interpolate(&wide, (h, width), (height, width), c, how(h, height))
}

/// Adds pixels with more channels: gray becomes RGB, and what has no alpha is opaque.
fn widen(values: &[f32], from: usize, to: usize, out: &mut Vec<f32>) {
    if from == to {
        out.extend_from_slice(values);
        return;
    }
    for pixel in values.chunks_exact(from) {
        out.extend((0..to).map(|channel| match (channel, from) {
            (3, _) => 1.0,
            (_, 1) => pixel[0],
            _ => pixel[channel],
        }));
    }
}

/// Takes a batch apart into a list of its pictures.
#[node(id = "core.image.unbatch", category = "image/batch", search = ["split", "list"])]
#[output(images = "the pictures, one by one")]
pub fn unbatch_images(
    /// What is taken apart.
    image: Image,
) -> Result<Vec<Image>> {
    let [_, height, width, channels] = image.dims();
    image.frames().map(|frame| Image::new([1, height, width, channels], frame.to_vec())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    fn image(dims: [usize; 4], value: f32) -> Image {
        Image::new(dims, vec![value; dims.iter().product()]).unwrap()
    }

    fn batch(images: &[Image], other_sizes: OtherSizes) -> Result<Image> {
        batch_images(TestHost::new().ctx(), images.to_vec(), other_sizes)
    }

    #[test]
    fn batches_join_and_come_apart() {
        let all = batch(&[image([2, 1, 1, 1], 0.25), image([1, 1, 1, 4], 0.5)], OtherSizes::Error).unwrap();
        assert_eq!(all.dims(), [3, 1, 1, 4]);
        assert_eq!(all.data(), [0.25, 0.25, 0.25, 1.0, 0.25, 0.25, 0.25, 1.0, 0.5, 0.5, 0.5, 0.5]);
        let apart = unbatch_images(all.clone()).unwrap();
        assert_eq!(apart.len(), 3);
        assert_eq!(batch(&apart, OtherSizes::Error).unwrap(), all);
    }

    #[test]
    fn sizes() {
        let small = Image::new([1, 1, 2, 1], vec![0.0, 1.0]).unwrap();
        let large = Image::new([1, 2, 4, 1], vec![0.0, 0.5, 0.5, 1.0, 0.0, 0.5, 0.5, 1.0]).unwrap();
        let message = batch(&[large.clone(), small.clone()], OtherSizes::Error).unwrap_err().to_string();
        assert_eq!(message, "input `images`: picture 1 is 2 x 1, but the first one is 4 x 2");
        let down = batch(&[small.clone(), large.clone()], OtherSizes::Resize).unwrap();
        assert_eq!(down.data(), [0.0, 1.0, 0.25, 0.75]);
        let up = batch(&[large, small], OtherSizes::Resize).unwrap();
        assert_eq!(up.data()[8..], [0.0, 0.25, 0.75, 1.0, 0.0, 0.25, 0.75, 1.0]);
        assert!(batch(&[], OtherSizes::Error).unwrap_err().message.starts_with("the list is empty"));
    }
}
