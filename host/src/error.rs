//! What can go wrong besides a graph and its nodes.

use crate::plugin::PluginError;
use std::path::PathBuf;

/// What the host cannot do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A node type contradicts itself.
    #[error("node type {id:?} is not sound: {}", .findings.join("; "))]
    UnsoundNode {
        /// Its id.
        id: String,
        /// What is wrong.
        findings: Vec<String>,
    },
    /// Two node types with one name.
    #[error("`{name}` names both {first} and {second}")]
    NameTaken {
        /// The name.
        name: String,
        /// The id of the one that has it.
        first: String,
        /// The id of the other.
        second: String,
    },
    /// A plugin cannot be used.
    #[error("plugin {}: {source}", .path.display())]
    Plugin {
        /// Its library.
        path: PathBuf,
        /// Why.
        source: PluginError,
    },
    /// Two plugins with one id.
    #[error("two plugins are called {id}: {} and {}", .first.display(), .second.display())]
    PluginTwice {
        /// The id.
        id: String,
        /// The library of the one that is there.
        first: PathBuf,
        /// The library of the other.
        second: PathBuf,
    },
    /// A node type in a plan that this host does not have.
    #[error("there is no node type {0}")]
    NoSuchNode(String),
    /// The cache folder cannot be used.
    #[error("cannot use the cache folder {}: {source}", .path.display())]
    CacheFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no such device, or it does not work.
    #[error("cannot use the device {name}: {reason}")]
    Device {
        /// As it was asked for.
        name: String,
        /// Why.
        reason: String,
    },
    /// A file that should hold a graph does not.
    #[error("cannot read a graph from {}: {reason}", .path.display())]
    NoGraph {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}
