//! Plugins in processes of their own: the same libraries behind the same boundary, where a crash, a hang or too much memory
//! costs one node, not the program.
//!
//! The process is this program again, started with the argument [`ARGUMENT`]; there the library is loaded in the ordinary way,
//! and its nodes are called with a host whose every function is a question to this one. The two sides talk over sockets:
//! one *control* connection for each process, and a *channel* for each call that is in progress, which carries one
//! conversation at a time. Texts and numbers lie in the messages; pictures and other large data lie in memory that is sealed
//! before it is handed over; what neither side can look into is a number that stands for it.
//!
//! | module | what it holds |
//! |---|---|
//! | `settings` | limits and permissions |
//! | `frame`, `message` | what is said, and how it is sent |
//! | `value`, `sealed` | values as bytes, and as memory |
//! | `object` | denoisers, samplers and patches, called from the other side |
//! | `parent` | this side: starting and ending processes, nodes that run in them |
//! | `child` | the other side: what it gives up, and the host that its nodes see |
//!
//! Everything that comes from a process is taken as made by an enemy: it is checked, and what is wrong ends the process.

mod settings;

#[cfg(target_os = "linux")]
mod child;
#[cfg(target_os = "linux")]
mod frame;
#[cfg(target_os = "linux")]
mod message;
#[cfg(target_os = "linux")]
mod object;
#[cfg(target_os = "linux")]
mod parent;
#[cfg(target_os = "linux")]
mod sealed;
#[cfg(target_os = "linux")]
mod value;

use super::load::{About, Plugin};
use super::{LibraryBytes, PluginError, load};
use selfsame_sdk::NodeDescriptor;
use serde::{Deserialize, Serialize};
pub use settings::{Isolation, Limits, Permissions, Sandbox};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// The argument with which a program is started as the process of a plugin.
pub const ARGUMENT: &str = "plugin-helper";

/// What a plugin says of itself and its nodes: all that is known without running any of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Its stable name.
    pub id: String,
    /// Its version.
    pub version: String,
    /// What people read of it.
    pub about: About,
    /// The SHA-256 of its library, in hexadecimal digits.
    pub digest: String,
    /// Its node types.
    pub nodes: Vec<NodeDescriptor>,
}

impl Description {
    /// What a plugin says that is loaded.
    pub fn of(plugin: &Plugin) -> Self {
        Description {
            id: plugin.id().to_owned(),
            version: plugin.version().to_owned(),
            about: plugin.about().clone(),
            digest: plugin.digest().to_owned(),
            nodes: plugin.nodes().iter().map(|node| node.descriptor().clone()).collect(),
        }
    }
}

/// Loads a library in a process of its own, which ends with this, and reads what it offers. The process reads the file again, and
/// loads it only if it is the same to the byte.
///
/// # Errors
/// As [`Plugin::load`]; if the file has changed meanwhile; if the process crashes, ends itself or does not get there in time; on
/// a system where plugins cannot be isolated.
pub fn describe(library: &LibraryBytes, isolation: &Isolation) -> Result<Description, PluginError> {
    let (path, digest) = (load::whole_path(&library.path)?, library.sha256.clone());
    #[cfg(target_os = "linux")]
    return parent::describe(&path, digest, isolation);
    #[cfg(not(target_os = "linux"))]
    return Err(unsupported((path, digest, isolation)));
}

/// What this system sees to while a plugin is isolated.
///
/// # Errors
/// If no process can be started; on a system where plugins cannot be isolated.
pub fn sandbox(isolation: &Isolation) -> Result<Sandbox, PluginError> {
    #[cfg(target_os = "linux")]
    return parent::sandbox(isolation);
    #[cfg(not(target_os = "linux"))]
    return Err(unsupported(isolation));
}

impl Plugin {
    /// A plugin whose nodes run in a process of its own. [`describe`] has loaded it once already; here nothing is, until a node runs.
    ///
    /// # Errors
    /// If the library is not the one that was described; on a system where plugins cannot be isolated.
    pub fn isolated(
        library: &LibraryBytes,
        description: Description,
        isolation: &Isolation,
    ) -> Result<Arc<Self>, PluginError> {
        if library.sha256 != description.digest {
            return Err(PluginError::Changed);
        }
        let path = load::whole_path(&library.path)?;
        #[cfg(target_os = "linux")]
        return Ok(Arc::new(parent::plugin(path, description, isolation.clone())));
        #[cfg(not(target_os = "linux"))]
        return Err(unsupported((path, description, isolation)));
    }

    /// [`describe`] and [`isolated`](Self::isolated) in one.
    ///
    /// # Errors
    /// As these.
    pub fn load_isolated(library: &Path, isolation: &Isolation) -> Result<Arc<Self>, PluginError> {
        let library = LibraryBytes::read(library).map_err(PluginError::Unreadable)?;
        Self::isolated(&library, describe(&library, isolation)?, isolation)
    }
}

#[cfg(not(target_os = "linux"))]
fn unsupported<T>(_: T) -> PluginError {
    PluginError::Process("plugins run in processes of their own on Linux only".to_owned())
}

/// Serves as the process of a plugin until the host is done with it. A program that is its own [`Isolation::program`] calls
/// this before anything else if its first argument is [`ARGUMENT`]; no other thread may be running.
pub fn serve() -> ExitCode {
    #[cfg(target_os = "linux")]
    let served = child::serve();
    #[cfg(not(target_os = "linux"))]
    let served = Err("plugins run in processes of their own on Linux only".to_owned());
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
