//! What the two sides say to each other.

use super::object::{Call, Reply};
use super::settings::{Limits, Permissions, Sandbox};
use selfsame_sdk::ffi::{from_status, to_status};
use selfsame_sdk::{Error, Level, Status};
use serde::{Deserialize, Serialize};

/// Both sides must be of one version; they are unless somebody names another program.
pub const VERSION: &str = concat!("selfsame ", env!("CARGO_PKG_VERSION"), ", helper 1");

/// To the process, on its control connection.
#[derive(Debug, Serialize, Deserialize)]
pub enum Control {
    /// Comes first.
    Start(Start),
    /// The connection for questions about objects of the host outside of calls; its socket comes with it.
    Objects,
    /// A channel of this number; its socket comes with it.
    Open(u64),
    /// The call of this number, on this channel, should end.
    Cancel { channel: u64, call: u64 },
    /// An object of the plugin that nobody holds here any more.
    Release(u64),
    /// A node that is not called any more.
    Forget(u64),
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Start {
    /// The library, with its whole path.
    pub library: String,
    /// Its SHA-256: another library is not loaded.
    pub digest: String,
    /// A folder that the process may write in.
    pub folder: String,
    pub limits: Limits,
    pub permissions: Permissions,
}

/// From the process, on its control connection.
#[derive(Debug, Serialize, Deserialize)]
pub enum Told {
    /// Comes first, before any code of the plugin runs.
    Hello { version: String, sandbox: Sandbox },
    /// The library is loaded: a [`Description`](super::Description) as JSON, since postcard cannot read literals back.
    Ready(String),
    /// The library is no plugin that can be used, and why.
    Unfit(String),
    /// An object of the host that nobody holds there any more.
    Released(u64),
}

/// To the process, on a channel.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToPlugin {
    /// Calls a node; a slot for each input follows. Or an object of the plugin.
    Run(Run),
    /// The answer to a question; some are followed by values.
    Answer(Answer),
    /// What the call gave was taken.
    Taken,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Run {
    /// The number of the call; later calls have greater ones.
    pub call: u64,
    /// It is cancelled already: what is told on the control connection may come later than the end of the call.
    pub is_cancelled: bool,
    /// What is called.
    pub what: Callee,
    /// The id in the graph of the node that runs; none outside of any.
    pub node_id: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Callee {
    /// A node, which the process keeps by its number; its type is given by the place in the order of the plugin.
    Node { node_type: u64, node: u64 },
    /// A function of an object that the process has.
    Object { number: u64, call: Call },
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Answer {
    Text(String),
    Pairs(Vec<(String, String)>),
    /// Values follow.
    Object(Reply),
    Failed(Failed),
}

/// From the process, on a channel.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToHost {
    Log(Loudness, String),
    Progress(u64, u64, String),
    /// A picture follows.
    Preview,
    /// The questions: each waits for an [`Answer`].
    Path(String),
    Model(String, String),
    Reads(String),
    /// The contents follow, as a blob.
    Save(String, String),
    Metadata,
    /// A function of an object of the host; values follow.
    Object {
        number: u64,
        call: Call,
    },
    Weights(String),
    /// Two tensors follow.
    Linear,
    /// The call is over; values follow, of a node one for each output.
    Done(Reply),
    /// The call is over.
    Failed(Failed),
}

/// [`Level`], which is not read from anywhere else.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Loudness {
    Debug,
    Info,
    Warn,
}

impl From<Level> for Loudness {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => Loudness::Debug,
            Level::Info => Loudness::Info,
            Level::Warn => Loudness::Warn,
        }
    }
}

impl From<Loudness> for Level {
    fn from(loudness: Loudness) -> Self {
        match loudness {
            Loudness::Debug => Level::Debug,
            Loudness::Info => Level::Info,
            Loudness::Warn => Level::Warn,
        }
    }
}

/// An [`Error`] as it is sent.
#[derive(Debug, Serialize, Deserialize)]
pub struct Failed {
    status: i32,
    message: String,
    port: Option<String>,
    hint: Option<String>,
}

impl Failed {
    /// Whether it says that something was cancelled.
    pub fn is_cancelled(&self) -> bool {
        from_status(self.status) == Some(Status::Cancelled)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        let Error { status, message, port, hint } = error;
        Failed { status: to_status(status), message, port, hint }
    }
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        let Failed { status, message, port, hint } = failed;
        Error { status: from_status(status).unwrap_or(Status::Internal), message, port, hint }
    }
}
