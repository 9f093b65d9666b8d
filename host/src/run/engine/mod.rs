//! Which node has to run next.
//!
//! Work goes from the results that are wanted to what they are made of. Of a node either its outputs' **keys** are wanted,
//! to find the results of later nodes, or their **values**, because a later node has to run. A node whose call has a
//! record gives keys without running. So nothing runs, and no value is read, for a result that is known already, and a
//! node that gives what it gave before stops a change from spreading.
//!
//! All of this is bookkeeping under one lock; what takes time (nodes, digests of large files, files of the cache folder) are
//! [`Task`]s, which run outside of it.

mod done;
mod keys;
mod state;
mod values;

use super::calls::resolve;
use super::explain::Reason;
use super::prepare::{PreparedNode, Source};
use super::{Digests, NodeState, Run};
use crate::cache::{Reads, Record};
use crate::events::Failure;
use crate::key::Key;
use selfsame_sdk::{Error, Object, Slot, Value};
use state::State;
use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

/// Something that takes time.
pub(super) enum Task {
    /// A call of a node.
    Call { node: usize, call: usize, slots: Vec<Slot> },
    /// Reading files to see whether they are still those that a node's records speak of.
    Digest { node: usize, files: Vec<PathBuf> },
    /// Reading values of a node's outputs from the cache folder.
    Load { node: usize, wanted: Vec<(Key, String)> },
}

/// What a call did.
pub(super) struct Called {
    pub result: Result<Vec<Value>, Error>,
    pub seconds: f64,
    pub reads: Reads,
}

pub(super) struct Engine<'r> {
    run: &'r Run<'r>,
    states: Vec<State>,
    /// Values that somebody needs, by their keys, with how many nodes hold them for others.
    live: HashMap<Key, (Arc<dyn Object>, usize)>,
    steps: Vec<Step>,
    ready: Vec<Task>,
    lanes: Vec<Lane>,
    /// Tasks that are queued or running.
    pub outstanding: usize,
    pub failures: Vec<Failure>,
    /// A node has failed and the run does not go on after that.
    pub stopping: bool,
    /// What has to be written into the cache folder.
    pub to_store: Vec<Store>,
}

/// Something for the cache folder.
pub(super) enum Store {
    Record(Key, Record),
    Value { key: Key, object: Arc<dyn Object>, seconds: f64 },
}

#[derive(Default)]
struct Lane {
    busy: bool,
    waiting: VecDeque<Task>,
}

enum Step {
    WantKeys(usize),
    WantValues(usize),
    Resolve(usize),
    Block(usize),
}

impl<'r> Engine<'r> {
    pub fn new(run: &'r Run<'r>) -> Self {
        // What would be another value when made again is held until the end.
        let users = |node: &PreparedNode| node.users + usize::from(!node.reusable);
        let states = run.prepared.nodes.iter().map(|node| State { users: users(node), ..State::default() });
        let mut engine = Engine {
            run,
            states: states.collect(),
            live: HashMap::new(),
            steps: Vec::new(),
            ready: Vec::new(),
            lanes: (0..run.prepared.lanes).map(|_| Lane::default()).collect(),
            outstanding: 0,
            failures: Vec::new(),
            stopping: false,
            to_store: Vec::new(),
        };
        for (_, source) in &run.prepared.outputs {
            let mut nodes = Vec::new();
            source.iter().for_each(|source| source.nodes(&mut nodes));
            for node in nodes {
                // The one who asked for the result holds it until the end.
                engine.states[node].users += 1;
                engine.steps.push(Step::WantValues(node));
            }
        }
        engine.steps.extend(run.prepared.targets.iter().rev().map(|node| Step::WantKeys(*node)));
        engine.advance();
        engine
    }

    fn node(&self, node: usize) -> &'r PreparedNode {
        &self.run.prepared.nodes[node]
    }

    /// Does all bookkeeping that can be done now.
    fn advance(&mut self) {
        while let Some(step) = self.steps.pop() {
            match step {
                Step::WantKeys(node) => self.want_keys(node),
                Step::WantValues(node) => self.want_values(node),
                Step::Resolve(node) => self.resolve(node, &Digests::new()),
                Step::Block(node) => self.block(node),
            }
        }
    }

    /// A task to do, if there is one now.
    pub fn next_task(&mut self) -> Option<Task> {
        if self.stopping || self.run.cancel.check().is_err() {
            let in_lanes = self.lanes.iter_mut().map(|lane| std::mem::take(&mut lane.waiting).len()).sum::<usize>();
            self.outstanding -= std::mem::take(&mut self.ready).len() + in_lanes;
            return None;
        }
        while let Some(task) = self.ready.pop() {
            let lane = match &task {
                Task::Call { node, .. } => self.node(*node).lane,
                Task::Digest { .. } | Task::Load { .. } => None,
            };
            match lane.and_then(|lane| self.lanes.get_mut(lane)) {
                Some(lane) if lane.busy => lane.waiting.push_back(task),
                Some(lane) => {
                    lane.busy = true;
                    return Some(task);
                }
                None => return Some(task),
            }
        }
        None
    }

    /// How many more tasks could be started.
    pub fn waiting_tasks(&self) -> usize {
        self.ready.len()
    }

    fn free_lane(&mut self, node: usize) {
        if let Some(lane) = self.node(node).lane.and_then(|lane| self.lanes.get_mut(lane)) {
            lane.busy = false;
            self.ready.extend(lane.waiting.pop_front());
        }
    }

    /// The values of the outputs that were wanted.
    pub fn outputs(&self) -> Vec<(String, Option<Value>)> {
        let refs = |node: usize, output: usize| self.states[node].outputs.as_ref()?.get(output).cloned();
        let value = |source: &Source| self.value(&resolve(source, &refs)?);
        let outputs = &self.run.prepared.outputs;
        outputs.iter().map(|(name, source)| (name.clone(), source.as_ref().and_then(value))).collect()
    }

    /// How each node ended.
    pub fn states(&mut self) -> Vec<(NodeState, f64, u64, Vec<Reason>)> {
        let stopped = self.run.cancel.check().is_err();
        let nothing_failed = self.failures.is_empty();
        let of = |state: &mut State| {
            let ended = match state {
                State { stopped: true, .. } => NodeState::Stopped,
                State { failed: true, .. } | State { lacks_elements: true, .. } => NodeState::Failed,
                State { blocked: true, .. } if nothing_failed => NodeState::Stopped,
                State { blocked: true, .. } => NodeState::Blocked,
                _ if state.lacks_all() => NodeState::Blocked,
                State { outputs: Some(_), started: true, .. } => NodeState::Ran,
                State { outputs: Some(_), .. } => NodeState::Reused,
                State { keys_wanted: true, .. } if stopped => NodeState::Stopped,
                _ => NodeState::NotNeeded,
            };
            (ended, state.seconds, state.bytes, std::mem::take(&mut state.why))
        };
        self.states.iter_mut().map(of).collect()
    }
}
