//! Conditions: what is true, and which part of a graph is computed.

pub mod boolean;
pub mod debug;
pub mod select;
pub mod stop;
pub mod switch;

use selfsame_sdk::{NodeType, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![
        switch::switch,
        select::select_by_index,
        select::first_set,
        select::is_set,
        boolean::not,
        boolean::and,
        boolean::or,
        boolean::xor,
        stop::stop_if,
        debug::show_value,
    ]
}
