//! Load a picture from a file.

use crate::image::decode::{Decoded, decode};
use selfsame_sdk::prelude::*;

/// Loads a picture from a file: PNG, JPEG, WebP, TIFF, BMP or GIF.
///
/// What the file is, its content says, not its name. The EXIF orientation is applied, so that photographs stand upright.
/// Gray pictures become RGB, 16 bits keep their precision, and of an animation the first picture is taken. Colours are
/// taken as sRGB; a colour profile that says otherwise is not applied, and the node warns about it.
#[node(id = "core.image.load", category = "image/files", search = ["open", "import", "photo", "file"])]
#[output(
    image = "the picture, RGB; its transparent parts have whatever colour the file gives them",
    mask = "1 where the picture is transparent, 0 where it is opaque, and 0 everywhere if it has no alpha channel"
)]
pub fn load_image(
    ctx: Ctx,
    /// The picture file.
    #[param(file = ["png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp", "gif"])]
    path: String,
) -> Result<(Image, Mask)> {
    let Decoded { image, alpha, .. } = read(ctx, &path)?;
    let mask = transparency(&image, alpha)?;
    Ok((image, mask))
}

/// Reads the picture that an input `path` names, and hands warnings on.
pub(super) fn read(ctx: Ctx, path: &str) -> Result<Decoded> {
    let bytes = ctx.read(path).input("path")?;
    let decoded = decode(&bytes).context(|| format!("cannot read {path}")).input("path")?;
    decoded.warnings.iter().for_each(|warning| ctx.warn(format!("{path}: {warning}")));
    Ok(decoded)
}

/// 1 where a picture is transparent.
pub(super) fn transparency(image: &Image, alpha: Option<Mask>) -> Result<Mask> {
    let [batch, height, width, _] = image.dims();
    let data = match alpha {
        Some(alpha) => alpha.data().iter().map(|alpha| 1.0 - alpha).collect(),
        None => vec![0.0; batch * height * width],
    };
    Mask::new([batch, height, width], data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::decode::EXTENSIONS;
    use crate::image::encode::{Depth, frames};
    use selfsame_sdk::testing::TestHost;
    use selfsame_sdk::{Widget, nodes};

    fn host_with(name: &str, image: &Image) -> TestHost {
        let host = TestHost::new();
        let file = frames(image).unwrap()[0].png(Depth::Eight, &[]).unwrap();
        std::fs::write(host.folder().join(name), file).unwrap();
        host
    }

    #[test]
    fn alpha_becomes_a_mask() {
        let image = Image::new([1, 1, 2, 4], vec![1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]).unwrap();
        // The name lies about the format.
        let host = host_with("a.jpg", &image);
        let (image, mask) = load_image(host.ctx(), "a.jpg".to_owned()).unwrap();
        assert_eq!(image.dims(), [1, 1, 2, 3]);
        assert_eq!(image.data(), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(mask.data(), [0.0, 1.0]);
        assert_eq!(host.said().reads, [host.folder().join("a.jpg")]);
    }

    #[test]
    fn an_opaque_picture_has_an_empty_mask_of_its_size() {
        let host = host_with("gray.png", &Image::new([1, 2, 3, 1], vec![0.2; 6]).unwrap());
        let (image, mask) = load_image(host.ctx(), "gray.png".to_owned()).unwrap();
        assert_eq!(image.data(), [0.2; 18]);
        assert_eq!((mask.dims(), mask.data()), ([1, 2, 3], &[0.0; 6][..]));
    }

    #[test]
    fn wrong_files_are_named() {
        let host = TestHost::new();
        std::fs::write(host.folder().join("text.png"), "hello").unwrap();
        std::fs::create_dir(host.folder().join("folder")).unwrap();
        let message = |path: &str| load_image(host.ctx(), path.to_owned()).unwrap_err().to_string();
        let folder = host.folder().display().to_string();
        assert_eq!(
            message("text.png"),
            "input `path`: cannot read text.png: this is no picture: the file starts with \"hello\"; \
             expected PNG, JPEG, WebP, TIFF, BMP or GIF"
        );
        assert_eq!(message("folder"), format!("input `path`: {folder}/folder is a folder; expected a file"));
        assert_eq!(message("none.png"), format!("input `path`: there is no file {folder}/none.png"));
    }

    #[test]
    fn the_file_dialog_offers_what_can_be_read() {
        let node = &nodes![load_image][0];
        let extensions = EXTENSIONS.map(str::to_owned).to_vec();
        assert_eq!(node.descriptor().inputs[0].widget, Widget::File { extensions });
    }
}
