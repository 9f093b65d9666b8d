//! Pictures of one colour.

use super::color::pixel;
use super::pixels::draw;
use selfsame_sdk::prelude::*;

/// Makes pictures of one colour.
#[node(id = "core.image.solid", category = "image/create", search = ["empty", "blank", "color", "canvas"])]
#[output(image = "RGB, or RGBA if the colour is not opaque")]
pub fn solid_image(
    ctx: Ctx,
    /// Width.
    #[param(default = 512, hard = 1..=16384, unit = "px")]
    width: usize,
    /// Height.
    #[param(default = 512, hard = 1..=16384, unit = "px")]
    height: usize,
    /// The colour.
    #[param(default = "#000000")]
    color: Color,
    /// How many pictures.
    #[param(default = 1, hard = 1..=4096)]
    batch: usize,
) -> Result<Image> {
    let Color([.., alpha]) = color;
    let pixel = pixel(color, if alpha < 1.0 { 4 } else { 3 });
    draw(ctx, [batch, height, width, pixel.len()], |_, _, row| {
        row.chunks_exact_mut(pixel.len()).for_each(|to| to.copy_from_slice(&pixel));
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn opaque_colours_have_no_alpha() {
        let host = TestHost::new();
        let out = solid_image(host.ctx(), 2, 1, Color([0.25, 0.5, 1.0, 1.0]), 2).unwrap();
        assert_eq!((out.dims(), out.data()), ([2, 1, 2, 3], &[0.25, 0.5, 1.0].repeat(4)[..]));
        let out = solid_image(host.ctx(), 1, 1, Color([0.0, 0.0, 0.0, 0.5]), 1).unwrap();
        assert_eq!(out.data(), [0.0, 0.0, 0.0, 0.5]);
    }
}
