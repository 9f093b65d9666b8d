//! Pictures: loading, saving, changing.

pub mod adjust;
pub mod batch;
pub mod blend;
pub mod blend_mode;
pub mod blur;
pub mod bytes;
pub mod channels;
pub mod color;
pub mod crop;
pub mod cv_resize;
pub mod decode;
pub mod encode;
pub mod fit;
pub mod flip;
pub mod gaussian;
pub mod grid;
pub mod invert;
pub mod load;
pub mod load_mask;
pub mod pad;
pub mod pillow;
pub mod pixels;
pub mod png_text;
pub mod preview;
pub mod resample;
pub mod resize;
pub mod rotate;
pub mod save;
pub mod size;
pub mod solid;

use selfsame_sdk::{NodeType, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![
        load::load_image,
        load_mask::load_mask,
        save::save_image,
        preview::preview_image,
        batch::batch_images,
        batch::unbatch_images,
        solid::solid_image,
        size::image_size,
        resize::resize_image,
        resize::scale_image,
        crop::crop_image,
        crop::crop_center,
        crop::crop_sides,
        pad::pad_image,
        flip::flip_image,
        rotate::rotate_image,
        blend::blend_images,
        blend::composite_image,
        blend::flatten_image,
        grid::image_grid,
        grid::concat_images,
        adjust::adjust_image,
        invert::invert_image,
        blur::blur_image,
        blur::sharpen_image,
        channels::convert_image,
        channels::split_channels,
        channels::join_channels,
        channels::split_alpha,
        channels::join_alpha,
    ]
}
