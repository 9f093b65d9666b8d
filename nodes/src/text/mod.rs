//! Texts: prompts, captions, names of files.

pub mod case;
pub mod compare;
pub mod constant;
pub mod file_parts;
pub mod find;
pub mod format;
pub mod join;
pub mod length;
pub mod load;
pub mod numbers;
pub mod pattern;
pub mod random_line;
pub mod replace;
pub mod save;
mod scalar;
pub mod slice;
pub mod split;
pub mod trim;
pub mod wildcards;

pub use scalar::Scalar;
use selfsame_sdk::{NodeType, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![
        constant::text,
        join::join_text,
        split::split_text,
        replace::replace_text,
        find::find_text,
        compare::compare_text,
        format::format_text,
        case::change_case,
        trim::trim_text,
        slice::slice_text,
        length::text_length,
        numbers::number_to_text,
        numbers::text_to_int,
        numbers::text_to_float,
        random_line::random_line,
        wildcards::expand_wildcards,
        load::load_text,
        save::save_text,
        file_parts::file_parts,
    ]
}
