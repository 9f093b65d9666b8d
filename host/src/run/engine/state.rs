//! Where each node stands.

use super::super::calls::Calls;
use super::super::explain::Reason;
use crate::cache::Ref;
use crate::key::Key;
use std::sync::Arc;

/// Where a node stands.
#[derive(Default)]
pub(super) struct State {
    pub keys_wanted: bool,
    pub values_wanted: bool,
    /// Nodes that wait for this one's keys, and values.
    pub key_waiters: Vec<usize>,
    pub value_waiters: Vec<usize>,
    /// How many nodes' keys, and values, this one waits for.
    pub missing_keys: usize,
    pub missing_values: usize,
    /// Lazy inputs that were asked for.
    pub asked: Vec<usize>,
    pub calls: Option<Calls>,
    /// For each call, its key so far and what it gave.
    pub progress: Vec<CallState>,
    /// Calls that are queued or running.
    pub running: usize,
    /// Large files of its records are being read.
    pub digesting: bool,
    /// Calls that have to run once the values are there.
    pub to_run: Vec<usize>,
    pub outputs: Option<Arc<[Ref]>>,
    /// The keys of the values that are held in `live` for this node's outputs.
    pub held: Vec<Key>,
    /// All values of the outputs are held.
    pub ready: bool,
    /// Values were wanted and gone, so that calls run again although their records are known.
    pub remake: bool,
    /// How many nodes may still take the outputs.
    pub users: usize,
    pub settled: bool,
    /// Its keys are known and its values were not asked for, but may still be.
    pub idle: bool,
    pub started: bool,
    pub reported: bool,
    pub blocked: bool,
    pub failed: bool,
    /// It gave up since it was told to stop.
    pub stopped: bool,
    /// Some elements of a list have failed, in a run that goes on after failures.
    pub lacks_elements: bool,
    pub seconds: f64,
    pub bytes: u64,
    pub why: Vec<Reason>,
}

impl State {
    /// The outputs hold more than numbers and texts.
    pub fn has_objects(&self) -> bool {
        self.outputs.iter().flat_map(|outputs| outputs.iter()).any(Ref::has_objects)
    }

    /// Every call lacks something that could not be computed.
    pub fn lacks_all(&self) -> bool {
        !self.progress.is_empty() && self.progress.iter().all(|call| call.failed)
    }
}

#[derive(Clone, Default)]
pub(super) struct CallState {
    pub key: Option<Key>,
    /// The lazy inputs that are in the key. Others stay pending, even where another element has asked for them.
    pub asked: Vec<usize>,
    pub gives: Option<Arc<[Ref]>>,
    pub failed: bool,
}
