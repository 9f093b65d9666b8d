//! Save pictures as files.

use crate::image::encode::{Depth, Format, frames};
use selfsame_sdk::prelude::*;

/// Saves every picture of a batch as a file in the output folder.
///
/// Files are numbered and nothing is overwritten. Values beyond 0..1 are clamped and the rest is rounded to the nearest
/// step. PNG and WebP keep alpha; JPEG has none, so that pictures are laid over white.
#[node(id = "core.image.save", category = "image/files", output_node, search = ["write", "export", "file"])]
#[output(paths = "the files, one for each picture")]
pub fn save_image(
    ctx: Ctx,
    /// What is saved.
    image: Image,
    /// What the names of the files start with. It may name folders below the output folder: `portraits/ada`.
    #[param(default = "image")]
    prefix: String,
    /// The kind of file.
    #[param(default = "png")]
    format: Format,
    /// Bits of each value in PNG files: 8 or 16.
    #[param(default = 8, hard = 8..=16, step = 8.0)]
    depth: u32,
    /// How much JPEG files keep; higher is better and larger.
    #[param(default = 92, hard = 1..=100, slider)]
    quality: u32,
    /// Writes what made the picture (graph, arguments, versions) into PNG files, so that it can be made again.
    #[param(default = true)]
    metadata: bool,
) -> Result<Vec<String>> {
    let depth = match (depth, format) {
        (8, _) => Depth::Eight,
        (16, Format::Png) => Depth::Sixteen,
        (16, _) => return Err(Error::input("depth", "only PNG files have 16 bits").hint("set format to \"png\"")),
        (other, _) => return Err(Error::input("depth", format!("expected 8 or 16, got {other}"))),
    };
    let quality = u8::try_from(quality).input("quality")?;
    let texts = if metadata { ctx.metadata() } else { Vec::new() };
    let frames = frames(&image).input("image")?;
    let mut paths = Vec::new();
    for frame in &frames {
        ctx.check_cancelled()?;
        let bytes = match format {
            Format::Png => frame.png(depth, &texts),
            Format::Jpeg => frame.jpeg(quality),
            Format::Webp => frame.webp(),
        };
        let bytes = bytes.input("image")?;
        let path = ctx.save(&prefix, format.extension(), |file| Ok(file.write_all(&bytes)?))?;
        paths.push(path.display().to_string());
        ctx.progress(paths.len() as u64, frames.len() as u64, "saved");
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::decode::decode;
    use crate::image::png_text::read_text;
    use selfsame_sdk::testing::TestHost;

    fn two() -> Image {
        Image::new([2, 1, 1, 3], vec![0.0, 0.2, 1.0, 1.0, 0.4, 0.0]).unwrap()
    }

    #[test]
    fn every_picture_is_a_file_and_nothing_is_overwritten() {
        let host = TestHost::new();
        for numbers in [["0001", "0002"], ["0003", "0004"]] {
            let paths = save_image(host.ctx(), two(), "sub/ada".to_owned(), Format::Png, 8, 92, true).unwrap();
            for ((path, number), frame) in paths.iter().zip(numbers).zip(two().frames()) {
                assert!(path.ends_with(&format!("ada_{number}.png")), "{path}");
                let bytes = std::fs::read(path).unwrap();
                assert_eq!(decode(&bytes).unwrap().image.data(), frame);
                assert_eq!(read_text(&bytes), host.ctx().metadata());
            }
        }
    }

    #[test]
    fn formats_and_plain_files() {
        let host = TestHost::new();
        for (format, start) in
            [(Format::Png, &b"\x89PNG"[..]), (Format::Jpeg, b"\xff\xd8\xff"), (Format::Webp, b"RIFF")]
        {
            let paths = save_image(host.ctx(), two(), "a".to_owned(), format, 8, 92, false).unwrap();
            let bytes = std::fs::read(&paths[1]).unwrap();
            assert!(bytes.starts_with(start) && paths[1].ends_with(format.extension()));
            assert_eq!(read_text(&bytes), []);
        }
        let paths = save_image(host.ctx(), two(), "a".to_owned(), Format::Png, 16, 92, false).unwrap();
        assert_eq!(std::fs::read(&paths[0]).unwrap()[24], 16); // the bit depth in the header
    }

    #[test]
    fn what_cannot_be_saved() {
        let host = TestHost::new();
        let message = |image: Image, format: Format, depth: u32| {
            save_image(host.ctx(), image, "a".to_owned(), format, depth, 92, false).unwrap_err().to_string()
        };
        let nan = Image::new([1, 1, 1, 1], vec![f32::NAN]).unwrap();
        assert!(
            message(nan, Format::Png, 8).starts_with("input `image`: picture 0 holds a value that is not a number")
        );
        assert_eq!(message(two(), Format::Png, 12), "input `depth`: expected 8 or 16, got 12");
        assert_eq!(message(two(), Format::Jpeg, 16), "input `depth`: only PNG files have 16 bits");
        assert!(host.said().saved.is_empty());
    }
}
