//! A node that gives a list: what takes single values after it runs once for each element.

use selfsame_sdk::prelude::*;

/// Makes a list of single pictures from a batch.
#[node(id = "com.example.split_batch", category = "samples")]
#[output(images = "the pictures, one by one", count = "how many there are")]
pub fn split_batch(
    /// Several pictures of one size.
    image: Image,
) -> Result<(Vec<Image>, i64)> {
    let [b, h, w, c] = image.dims();
    let images = image.frames().map(|frame| Image::new([1, h, w, c], frame.to_vec())).collect::<Result<Vec<_>>>()?;
    Ok((images, b as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_picture_is_one_of_the_batch() {
        let (images, count) = split_batch(Image::new([2, 1, 1, 1], vec![0.25, 0.75]).unwrap()).unwrap();
        assert_eq!(count, 2);
        assert_eq!(images.iter().map(|image| image.data()[0]).collect::<Vec<_>>(), [0.25, 0.75]);
    }
}
