//! What a run tells whoever watches.

use selfsame_sdk::{Level, Status};
use serde::Serialize;
use std::path::Path;

/// Watches a run. Called from many threads, one event at a time.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event);
}

/// Watches nothing.
impl Observer for () {
    fn event(&self, _: &Event) {}
}

/// Something that happened in a run. As JSON it is an object with the field `event`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event<'a> {
    /// The run begins.
    RunStarted {
        /// How many nodes the plan has; perhaps not all of them have to run.
        nodes: usize,
    },
    /// A node begins to run.
    NodeStarted {
        /// Its id.
        node: &'a str,
        /// The name of its type.
        #[serde(rename = "type")]
        type_name: &'a str,
        /// How often it runs: once for each element of a list.
        calls: usize,
    },
    /// How far a node is. At most about twenty a second for each node, but always the last.
    NodeProgress {
        /// Its id.
        node: &'a str,
        /// Units done.
        done: u64,
        /// Units in all.
        total: u64,
        /// What is being done.
        label: &'a str,
    },
    /// A node need not run: its result is known.
    NodeCached {
        /// Its id.
        node: &'a str,
        /// The name of its type.
        #[serde(rename = "type")]
        type_name: &'a str,
    },
    /// A node has run.
    NodeFinished {
        /// Its id.
        node: &'a str,
        /// The name of its type.
        #[serde(rename = "type")]
        type_name: &'a str,
        /// Seconds of computing, over all calls.
        seconds: f64,
        /// Bytes of its outputs.
        bytes: u64,
    },
    /// A node has failed.
    NodeFailed(&'a Failure),
    /// A node says something.
    Log {
        /// Its id.
        node: &'a str,
        /// How important it is.
        level: Level,
        /// What it says.
        message: &'a str,
    },
    /// A file was saved.
    Saved {
        /// The id of the node.
        node: &'a str,
        /// The file.
        path: &'a Path,
        /// Its size.
        bytes: u64,
    },
    /// A picture to look at was written, over the one before.
    Preview {
        /// The id of the node.
        node: &'a str,
        /// The file.
        path: &'a Path,
    },
    /// The run is over.
    RunFinished {
        /// How.
        result: RunResult,
        /// Seconds since it began.
        seconds: f64,
        /// How many nodes ran.
        ran: usize,
        /// How many did not have to.
        cached: usize,
        /// How many failed.
        failed: usize,
    },
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunResult {
    /// Everything that was wanted is there.
    Ok,
    /// A node failed.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// Why a node failed, with all that a person needs to know.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// The id of the node.
    pub node: String,
    /// The name of its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Where it stands in the graph file: `portrait.ron:12:9`.
    pub at: String,
    /// What kind of failure it is.
    pub status: Status,
    /// What went wrong.
    pub message: String,
    /// The input that is to blame.
    pub port: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// For a node that runs once for each element of a list: which one.
    pub element: Option<usize>,
    /// What its inputs were, by name: types and shapes.
    pub inputs: Vec<(String, String)>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "node `{}` ({})", self.node, self.type_name)?;
        if let Some(element) = self.element {
            write!(f, ", element {element}")?;
        }
        if let Some(port) = &self.port {
            write!(f, ", input `{port}`")?;
        }
        write!(f, ": {}", self.message)?;
        write!(f, "\n --> {}", self.at)?;
        if !self.inputs.is_empty() {
            let inputs: Vec<String> = self.inputs.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            write!(f, "\n  = inputs: {}", inputs.join(", "))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  = hint: {hint}")?;
        }
        Ok(())
    }
}
