//! The C boundary between Selfsame and its plugins: layouts, names and numbers, and nothing that runs.
//!
//! `include/selfsame_plugin.h` is generated from these files, so their comments are written for readers of C too. Authors
//! in Rust use `selfsame-sdk` instead.
//!
//! # How it lasts
//! - Every table starts with its `struct_size`, and is only ever appended to: what lies beyond the size that the other
//!   side states is not there ([`field!`] reads it so).
//! - What comes later comes as another interface, asked for by a name such as `selfsame.tensor/1`. The tags of values are
//!   a closed list.
//! - [`SS_ABI_MAJOR`] changes when something breaks, [`SS_ABI_MINOR`] when something is added, see [`SsEntry::check`].
//!
//! # Who owns what
//! - Memory is freed by whoever made it: objects are counted, and their maker's `release` frees them.
//! - Arguments of a call are borrowed: they are valid until it returns. An object among them is kept longer by `retain`.
//! - Objects that a call gives (outputs of a node, `out` parameters) belong to the receiver, who releases them.
//! - Static data (descriptors, tables, the text of names) lives as long as the process; plugins are never unloaded.
#![no_std]
#![deny(missing_docs)]

mod entry;
mod field;
mod host;
mod model;
mod node;
mod patch;
mod sampling;
mod tensor;
mod text;
mod value;

pub use entry::*;
#[doc(hidden)]
pub use field::size_of_field;
pub use host::*;
pub use model::*;
pub use node::*;
pub use patch::*;
pub use sampling::*;
pub use tensor::*;
pub use text::*;
pub use value::*;
