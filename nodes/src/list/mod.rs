//! Lists: making them, taking them apart, and the files of a folder.
//!
//! No node is needed to do something for each element: a list that is linked to an input that takes single values runs the
//! node once for each of them.

pub mod files;
pub mod filter;
mod glob;
pub mod item;
pub mod join;
pub mod make;
pub mod natural;
pub mod order;
pub mod slice;

use selfsame_sdk::{Error, NodeType, Result, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![
        make::make_list,
        make::repeat_item,
        item::list_length,
        item::list_item,
        item::random_item,
        slice::list_slice,
        join::join_lists,
        join::combinations,
        filter::filter_list,
        order::reverse_list,
        order::shuffle_list,
        order::sort_texts,
        files::list_files,
    ]
}

/// The most elements of a list that a node makes.
pub(crate) const MAX_LENGTH: usize = 100_000;

/// A length as a number of elements to make.
///
/// # Errors
/// If there are too many.
pub(crate) fn check_length(length: i128) -> Result<usize> {
    let fits = usize::try_from(length).ok().filter(|length| *length <= MAX_LENGTH);
    fits.ok_or_else(|| Error::new(format!("a list of {length} values: at most {MAX_LENGTH} are allowed")))
}
