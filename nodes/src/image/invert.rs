//! Invert a picture.

use selfsame_sdk::prelude::*;

/// Turns a picture into its negative; alpha stays.
#[node(id = "core.image.invert", category = "image/adjust", search = ["negative"])]
#[output(image = "the negative")]
pub fn invert_image(
    /// What is inverted.
    image: Image,
) -> Result<Image> {
    let channels = image.channels();
    let dims = image.dims();
    let mut data = image.into_tensor().into_data();
    for pixel in data.chunks_exact_mut(channels) {
        for value in pixel.iter_mut().take(if channels == 4 { 3 } else { channels }) {
            *value = 1.0 - *value;
        }
    }
    Image::new(dims, data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_turn_and_alpha_stays() {
        let pixel = Image::new([1, 1, 1, 4], vec![0.25, 1.0, 0.0, 0.5]).unwrap();
        assert_eq!(invert_image(pixel).unwrap().data(), [0.75, 0.0, 1.0, 0.5]);
    }
}
