//! Plugins: node types from dynamic libraries, behind the C boundary that `plugins/abi` lays down.
//!
//! This is the host's side of the boundary and the one place of this crate with `unsafe` in it. Which libraries are loaded is
//! decided elsewhere: [`Plugin::load`] runs the code of the library, with all rights of this process. Panics, failures and
//! wrong values of a plugin stay with its nodes; a crash does not, unless it is loaded in a process of its own
//! ([`Plugin::load_isolated`]).
//!
//! A library is never unloaded: its code may be referred to by values, threads and destructors of thread-local data.

mod context;
mod copy;
mod describe;
#[cfg(target_os = "linux")]
mod elf;
mod error;
mod float_mode;
pub mod helper;
mod interfaces;
mod library;
mod load;
mod node;
#[cfg(test)]
mod old_hosts;
#[cfg(test)]
mod random;
mod services;
mod strikes;

pub use error::PluginError;
pub use library::{LibraryBytes, is_plugin_id};
pub(crate) use library::{MAX_LIBRARY, read_file};
pub use load::{About, Plugin};

/// What to do about a failure that is the fault of the plugin, whatever it was given.
pub(crate) const MISTAKE: &str = "this is a mistake in the plugin; please report it to its author";
