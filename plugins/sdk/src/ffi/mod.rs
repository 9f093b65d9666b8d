//! The plugin boundary in Rust: the one place of this crate with `unsafe` in it. Authors of nodes need nothing of it
//! but [`export_plugin!`](crate::export_plugin).
//!
//! Both sides of the boundary convert values with the same functions: [`export`] lends a [`Value`](crate::Value) as an
//! [`SsValue`](abi::SsValue), [`import`] takes one. What comes back to where it was made becomes the same Rust object
//! again; tensors are shared, not copied; objects that only another side knows are a [`Foreign`]. `plugin` is the side of
//! a plugin; the host's is its module `plugin`.
//!
//! Denoisers, samplers and patches are called across as well: `model` has the tables of ours, `foreign` calls those of the
//! other side, and `calls` is how either finds the host of a call.

mod calls;
mod error;
mod export;
mod foreign;
mod hooks;
mod import;
mod model;
mod object;
mod plain;
pub mod plugin;
mod tensor;
#[cfg(test)]
mod tests;
mod text;

pub use calls::{Caller, RawCtx, enter_by};
pub use error::{from_status, to_status};
pub use export::{Exported, export};
pub use import::{import, import_owned, named_struct, named_tensor, type_of_plugin};
pub use object::{Foreign, MOST_BYTES, ObjRef};
pub use plain::{Blob, Struct};
pub use selfsame_abi as abi;
pub use tensor::{Shared, adopt};
pub use text::{slice, text, texts};
