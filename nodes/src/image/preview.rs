//! Show a picture.

use selfsame_sdk::prelude::*;

/// Shows a picture to whoever watches the run. Nothing is saved.
#[node(id = "core.image.preview", category = "image/files", output_node, search = ["show", "view", "display"])]
pub fn preview_image(
    ctx: Ctx,
    /// What is shown.
    image: Image,
) -> Result<()> {
    ctx.preview(&image);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn it_is_shown() {
        let host = TestHost::new();
        let image = Image::new([1, 1, 1, 1], vec![0.5]).unwrap();
        preview_image(host.ctx(), image.clone()).unwrap();
        assert_eq!(host.said().previews, [image]);
    }
}
