//! How large pictures are.

use selfsame_sdk::prelude::*;

/// Says how large pictures are.
#[node(id = "core.image.size", category = "image/info", search = ["dimensions", "resolution", "width", "height"])]
#[output(
    width = "width in pixels",
    height = "height in pixels",
    batch = "how many pictures",
    channels = "1 for gray, 3 for RGB, 4 for RGBA"
)]
pub fn image_size(
    /// What is measured.
    image: Image,
) -> Result<(i64, i64, i64, i64)> {
    let [batch, height, width, channels] = image.dims().map(|dim| dim as i64);
    Ok((width, height, batch, channels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_comes_first() {
        assert_eq!(image_size(Image::new([2, 3, 4, 1], vec![0.0; 24]).unwrap()).unwrap(), (4, 3, 2, 1));
    }
}
