//! Masks: making, changing, combining.

pub mod combine;
pub mod convert;
pub mod geometry;
pub mod grow;
pub mod shapes;
pub mod soften;
pub mod solid;
pub mod values;

use selfsame_sdk::{NodeType, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![
        solid::solid_mask,
        solid::gradient_mask,
        shapes::ellipse_mask,
        shapes::rectangle_mask,
        convert::mask_from_image,
        convert::mask_from_color,
        convert::image_from_mask,
        values::invert_mask,
        values::threshold_mask,
        combine::combine_masks,
        soften::feather_mask,
        soften::blur_mask,
        grow::grow_mask,
        geometry::resize_mask,
        geometry::crop_mask,
        geometry::mask_size,
        geometry::mask_bounds,
    ]
}
