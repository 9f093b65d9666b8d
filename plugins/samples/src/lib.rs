//! Sample nodes of every kind, as a plugin: one file each, to be read and copied.

pub mod backbone;
pub mod count_calls;
pub mod euler;
pub mod face_attention;
pub mod load_numbers;
pub mod midpoint;
pub mod palette;
pub mod posterize;
pub mod split_batch;

use selfsame_sdk::{NodeType, export_plugin, nodes};
use std::sync::Arc;

export_plugin!(
    posterize::posterize,
    load_numbers::load_numbers,
    palette::find_palette,
    palette::apply_palette,
    split_batch::split_batch,
    count_calls::count_calls,
    euler::euler_sampler,
    midpoint::midpoint_rule,
    face_attention::face_attention,
    backbone::scale_backbone,
);

/// The same nodes, for a program that compiles them in.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![
        posterize::posterize,
        load_numbers::load_numbers,
        palette::find_palette,
        palette::apply_palette,
        split_batch::split_batch,
        count_calls::count_calls,
        euler::euler_sampler,
        midpoint::midpoint_rule,
        face_attention::face_attention,
        backbone::scale_backbone,
    ]
}
