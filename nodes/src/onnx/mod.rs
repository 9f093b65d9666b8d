//! ONNX models through ONNX Runtime, whose library is found while the program runs.
//!
//! | question | answer |
//! |---|---|
//! | where is the library? | [`find`] |
//! | which model takes what? | [`Session::inputs`], [`Session::outputs`] |
//! | run it | [`Session::open`] or [`Session::open_zipped`] in a node, then [`Session::run`] |
//!
//! A build needs nothing of ONNX Runtime, and a graph without ONNX models neither. The host offers a [`Runtime`], which
//! says where the library is, and may fetch it.
//!
//! Nobody outside is told what is run here: a library that would report it is not loaded, see [`Version::reports`].
//!
//! **Source**: the `ort` crate, built for the API of ONNX Runtime [`OLDEST`], which every later 1.x has too.

pub mod archive;
mod elf;
mod find;
mod runtime;
mod session;
mod value;
mod version;

pub use find::{Found, Looked, NotFound, Origin, Places, VARIABLE, find, is_library_name};
pub use runtime::{Runtime, has_cuda, load};
pub use session::{Device, Options, Provider, Session};
pub use value::{Element, Port};
pub use version::{OLDEST, QUIET, Version};
