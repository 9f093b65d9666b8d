//! Why a library is no plugin that can be used.

use selfsame_sdk::ffi::abi::{SsStatus, Unfit};

/// Why a library is no plugin that can be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// The system does not load it.
    #[error("cannot be loaded: {0}")]
    NotLoaded(String),
    /// It exports no entry.
    #[error("it is no Selfsame plugin: it exports no `selfsame_plugin_entry`")]
    NoEntry,
    /// It is for another version of the boundary.
    #[error("{unfit}{}", .build_info.as_ref().map(|info| format!(" (built by {info})")).unwrap_or_default())]
    Unfit {
        /// How.
        unfit: Unfit,
        /// What it was built by, as it says.
        build_info: Option<String>,
    },
    /// It does not start.
    #[error("it does not start (status {0})")]
    Init(SsStatus),
    /// It lacks what every plugin has.
    #[error("it lacks {0}")]
    Lacks(&'static str),
    /// What it says of itself or of a node cannot be read.
    #[error("{of}: {problem}")]
    Broken {
        /// What is described: `its name`, `node com.acme.gain`.
        of: String,
        /// What is wrong.
        problem: String,
    },
    /// Its own process does not start, or says what is wrong with the library.
    #[error("{0}")]
    Process(String),
    /// Its own process ended while the library was loaded, or had to be ended.
    #[error("{0}")]
    Crashed(String),
    /// It is not what was described before.
    #[error("its library has changed since it was described")]
    Changed,
}
