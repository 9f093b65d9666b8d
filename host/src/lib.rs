//! The engine of Selfsame: it knows node types, runs plans, and keeps results.
//!
//! See `examples/embed_host.rs` for the whole way from a graph file to its results.
#![deny(unsafe_code)]
#![deny(missing_docs)]

pub mod bundles;
mod bytes;
mod cache;
pub mod conformance;
mod device;
mod error;
mod events;
mod files;
mod graph;
mod host;
mod key;
pub mod metadata;
pub mod models;
pub mod onnx;
mod output;
pub mod platform;
#[allow(unsafe_code)]
pub mod plugin;
mod registry;
mod run;
mod settings;

pub use bytes::{Bytes, NotBytes};
pub use cache::MemoryUse;
pub use error::Error;
pub use events::{Event, Failure, Observer, RunResult};
pub use graph::{Changed, LoadError, open_graph};
pub use host::{Host, HostSettings};
pub use registry::Nodes;
pub use run::{About, NodeReport, NodeState, Outcome, Prepared, Reason, RunOptions};
pub use settings::{SettingsError, SettingsFile};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock. A thread that panicked while it held one has left the data as they were between two statements, and
/// every panic of a node is caught before it gets near a lock.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
