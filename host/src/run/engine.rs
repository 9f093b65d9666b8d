//! Which node has to run next.
//!
//! Work goes from the results that are wanted to what they are made of. Of a node either its outputs' **keys** are wanted,
//! to find the results of later nodes, or their **values**, because a later node has to run. A node whose call has a
//! record gives keys without running. So nothing runs, and no value is read, for a result that is known already, and a
//! node that gives what it gave before stops a change from spreading.
//!
//! All of this is bookkeeping under one lock; what takes time (nodes, files of the cache folder) are [`Task`]s, which
//! run outside of it.

use super::calls::{Calls, SlotRef, resolve};
use super::explain::{Reason, Trace};
use super::prepare::{PreparedNode, Source};
use super::{NodeState, Run};
use crate::cache::{Outcome, Record, Ref};
use crate::events::{Event, Failure};
use crate::key::{Key, KeyBuilder};
use crate::lock;
use selfsame_sdk::{Error, Object, Slot, Status, Value};
use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

/// Something that takes time.
pub(super) enum Task {
    /// A call of a node.
    Call { node: usize, call: usize, slots: Vec<Slot> },
    /// Reading values of a node's outputs from the cache folder.
    Load { node: usize, wanted: Vec<(Key, String)> },
}

/// What a call did.
pub(super) struct Called {
    pub result: Result<Vec<Value>, Error>,
    pub seconds: f64,
    pub files: Vec<(PathBuf, Arc<str>)>,
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

/// Where a node stands.
#[derive(Default)]
struct State {
    keys_wanted: bool,
    values_wanted: bool,
    /// Nodes that wait for this one's keys, and values.
    key_waiters: Vec<usize>,
    value_waiters: Vec<usize>,
    /// How many nodes' keys, and values, this one waits for.
    missing_keys: usize,
    missing_values: usize,
    /// Lazy inputs that were asked for.
    asked: Vec<usize>,
    calls: Option<Calls>,
    /// For each call, its key so far and what it gave.
    progress: Vec<CallState>,
    /// Calls that are queued or running.
    running: usize,
    /// Calls that have to run once the values are there.
    to_run: Vec<usize>,
    outputs: Option<Arc<[Ref]>>,
    /// The keys of the values that are held in `live` for this node's outputs.
    held: Vec<Key>,
    /// All values of the outputs are held.
    ready: bool,
    /// Values were wanted and gone, so that calls run again although their records are known.
    remake: bool,
    /// How many nodes may still take the outputs.
    users: usize,
    settled: bool,
    started: bool,
    reported: bool,
    blocked: bool,
    failed: bool,
    /// It failed after it was told to stop, which nobody is told.
    told_to_stop: bool,
    seconds: f64,
    bytes: u64,
    why: Vec<Reason>,
}

#[derive(Clone, Default)]
struct CallState {
    key: Option<Key>,
    gives: Option<Arc<[Ref]>>,
    failed: bool,
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
                Step::Resolve(node) => self.resolve(node),
                Step::Block(node) => self.block(node),
            }
        }
    }

    /// A task to do, if there is one now.
    pub fn next_task(&mut self) -> Option<Task> {
        while let Some(task) = self.ready.pop() {
            if self.stopping || self.run.cancel.check().is_err() {
                self.outstanding -= 1;
                continue;
            }
            let lane = match &task {
                Task::Call { node, .. } => self.node(*node).lane,
                Task::Load { .. } => None,
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

    fn want_keys(&mut self, node: usize) {
        if std::mem::replace(&mut self.states[node].keys_wanted, true) {
            return;
        }
        self.wait_for_keys(node, self.node(node).sources.iter().copied());
    }

    /// Resolves a node as soon as the keys of others are known.
    fn wait_for_keys(&mut self, node: usize, sources: impl Iterator<Item = usize>) {
        let mut missing = 0;
        for source in sources {
            let state = &mut self.states[source];
            if state.failed || state.blocked {
                return self.steps.push(Step::Block(node));
            }
            if state.outputs.is_none() {
                state.key_waiters.push(node);
                missing += 1;
                self.steps.push(Step::WantKeys(source));
            }
        }
        self.states[node].missing_keys = missing;
        if missing == 0 {
            self.steps.push(Step::Resolve(node));
        }
    }

    fn want_values(&mut self, node: usize) {
        let state = &mut self.states[node];
        if state.failed || state.blocked {
            let waiters = std::mem::take(&mut state.value_waiters);
            self.steps.extend(waiters.into_iter().map(Step::Block));
        } else if state.ready {
            self.values_are_there(node);
        } else if !std::mem::replace(&mut state.values_wanted, true) {
            if state.outputs.is_some() { self.obtain(node) } else { self.steps.push(Step::WantKeys(node)) }
        }
    }

    /// All keys of inputs are known: finds the calls that have records, and sees to it that the others run.
    fn resolve(&mut self, node: usize) {
        let prepared = self.node(node);
        if self.states[node].running > 0 || self.states[node].failed || self.states[node].blocked {
            return;
        }
        let outputs = |node: usize, output: usize| self.states[node].outputs.as_ref()?.get(output).cloned();
        let calls = match Calls::new(prepared, &self.states[node].asked, &outputs) {
            Ok(calls) => calls,
            Err(error) => return self.fail(node, None, error, Vec::new()),
        };
        let state = &mut self.states[node];
        // A list behind a lazy input may turn one call into several.
        if state.progress.len() != calls.calls.len() {
            state.progress = vec![CallState::default(); calls.calls.len()];
        }
        let mut progress = std::mem::take(&mut state.progress);
        let mut asks = Vec::new();
        let mut to_run = Vec::new();
        for (i, (slots, call)) in calls.calls.iter().zip(&mut progress).enumerate() {
            if slots.iter().any(|slot| matches!(slot, SlotRef::Given(value) if value.has_missing())) {
                call.failed = true;
            }
            let known = call.gives.as_deref().is_some_and(|refs| self.has_values(node, refs));
            if call.failed || known {
                continue;
            }
            if !prepared.reusable {
                call.key = Some(self.run.unique_key());
                to_run.push(i);
                continue;
            }
            match self.look_up(node, slots) {
                Known::Gives(_, refs) if self.has_values(node, &refs) => call.gives = Some(refs),
                Known::Gives(key, _) => {
                    call.key = Some(key);
                    to_run.push(i);
                }
                Known::Asks(port) => asks.push(port),
                Known::Nothing(key) => {
                    call.key = Some(key);
                    to_run.push(i);
                }
            }
        }
        let state = &mut self.states[node];
        state.progress = progress;
        state.calls = Some(calls);
        asks.sort_unstable();
        asks.dedup();
        if !asks.is_empty() {
            return self.ask(node, &asks);
        }
        if to_run.is_empty() {
            return self.all_calls_known(node);
        }
        state.to_run = to_run;
        self.explain(node);
        self.wait_for_values(node);
    }

    /// Whether some outputs need not be made again.
    fn has_values(&self, node: usize, refs: &[Ref]) -> bool {
        !self.states[node].remake || !refs.iter().any(|value| self.lacks(value))
    }

    fn lacks(&self, value: &Ref) -> bool {
        match value {
            Ref::Scalar(_) | Ref::Missing => false,
            Ref::List(list) => list.items.iter().any(|item| self.lacks(item)),
            Ref::Object(object) => {
                !self.live.contains_key(&object.key) && lock(self.run.host.memory()).value(&object.key).is_none()
            }
        }
    }

    /// Goes through the records of a call: what it asked for with these inputs, what then, and what it gave.
    fn look_up(&self, node: usize, slots: &[SlotRef]) -> Known {
        let prepared = self.node(node);
        let ports = &prepared.node_type.descriptor().inputs;
        let mut builder = prepared.base_key.clone();
        let add = |builder: &mut KeyBuilder, port: usize| {
            if let Some(SlotRef::Given(value)) = slots.get(port) {
                value.add_to(builder.number(port as u64));
            }
        };
        for port in 0..ports.len() {
            if !ports[port].lazy && !matches!(prepared.inputs[port], None | Some(Source::Literal(_))) {
                add(&mut builder, port);
            }
        }
        let mut key = builder.finish();
        for _ in 0..=ports.len() {
            match self.run.record(&key) {
                None => return Known::Nothing(key),
                Some(Record { outcome: Outcome::Gives(refs), files, .. }) => {
                    self.run.note_files(node, &files);
                    return Known::Gives(key, refs);
                }
                Some(Record { outcome: Outcome::Asks(port), .. }) => match slots.get(port) {
                    Some(SlotRef::Given(_)) => {
                        add(&mut builder, port);
                        key = builder.finish();
                    }
                    Some(SlotRef::Pending) => return Known::Asks(port),
                    _ => return Known::Nothing(key),
                },
            }
        }
        Known::Nothing(key)
    }

    /// Lazy inputs are wanted.
    fn ask(&mut self, node: usize, ports: &[usize]) {
        let new: Vec<usize> = ports.iter().copied().filter(|port| !self.states[node].asked.contains(port)).collect();
        if new.is_empty() {
            let error = Error::new("the node asks again for a lazy input that it was given");
            return self.fail(node, None, error, Vec::new());
        }
        self.states[node].asked.extend(&new);
        let sources = self.node(node).lazy_sources.iter().filter(|(port, _)| new.contains(port));
        self.wait_for_keys(node, sources.map(|(_, source)| *source).collect::<Vec<_>>().into_iter());
    }

    /// The nodes whose outputs a node takes, as far as that is known.
    fn sources(&self, node: usize) -> Vec<usize> {
        let asked = &self.states[node].asked;
        let lazy = self.node(node).lazy_sources.iter().filter(|(port, _)| asked.contains(port));
        let mut sources: Vec<usize> = self.node(node).sources.iter().copied().chain(lazy.map(|l| l.1)).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// Runs the calls of a node as soon as the values of its inputs are there.
    fn wait_for_values(&mut self, node: usize) {
        self.unsettle(node);
        let mut missing = 0;
        for source in self.sources(node) {
            if !self.states[source].ready {
                self.states[source].value_waiters.push(node);
                missing += 1;
                self.steps.push(Step::WantValues(source));
            }
        }
        self.states[node].missing_values = missing;
        if missing == 0 {
            self.start(node);
        }
    }

    fn start(&mut self, node: usize) {
        let to_run = std::mem::take(&mut self.states[node].to_run);
        let prepared = self.node(node);
        let Some(calls) = &self.states[node].calls else { return };
        let mut tasks = Vec::with_capacity(to_run.len());
        for call in to_run {
            let slots = calls.calls.get(call).map(|slots| slots.iter().map(|slot| self.slot(slot)).collect());
            match slots.unwrap_or(None) {
                Some(slots) => tasks.push(Task::Call { node, call, slots }),
                None => {
                    let error = Error::new("a value was given up while it was needed");
                    return self.fail(node, None, error, Vec::new());
                }
            }
        }
        let count = calls.calls.len();
        let state = &mut self.states[node];
        state.running = tasks.len();
        self.outstanding += tasks.len();
        // The last one is taken first.
        self.ready.extend(tasks.into_iter().rev());
        if !std::mem::replace(&mut state.started, true) {
            self.run.emit(&Event::NodeStarted { node: &prepared.id, type_name: &prepared.type_name, calls: count });
        }
    }

    fn slot(&self, slot: &SlotRef) -> Option<Slot> {
        Some(match slot {
            SlotRef::Unset => Slot::Unset,
            SlotRef::Pending => Slot::Pending,
            SlotRef::Given(value) => Slot::Value(self.value(value)?),
        })
    }

    fn value(&self, value: &Ref) -> Option<Value> {
        match value {
            Ref::Scalar(scalar) => Some(scalar.clone()),
            Ref::List(list) => {
                list.items.iter().map(|item| self.value(item)).collect::<Option<Vec<_>>>().map(Value::list)
            }
            Ref::Object(object) => self.live.get(&object.key).map(|(object, _)| Value::Object(object.clone())),
            Ref::Missing => None,
        }
    }

    /// A task is done.
    pub fn loaded(&mut self, node: usize, found: Vec<(Key, Arc<dyn Object>)>) {
        self.outstanding -= 1;
        for (key, object) in found {
            // Held by nobody yet, until `obtain` finds it.
            self.live.entry(key).or_insert((object, 0));
        }
        self.obtain_or_make(node);
        self.live.retain(|_, (_, users)| *users > 0);
        self.advance();
    }

    /// A call is done.
    pub fn called(&mut self, node: usize, call: usize, slots: Vec<Slot>, called: Called) {
        self.outstanding -= 1;
        self.free_lane(node);
        self.states[node].running -= 1;
        self.states[node].seconds += called.seconds;
        let Called { result, seconds, files } = called;
        match result {
            Ok(values) => self.gives(node, call, &slots, values, seconds, files),
            Err(error) if error.status == Status::NeedsInput => self.needs(node, call, error, seconds, files),
            Err(error) => self.call_failed(node, call, error, &slots),
        }
        drop(slots);
        let state = &self.states[node];
        if state.running == 0 && !state.failed && !state.blocked {
            let is_done = |call: &CallState| call.gives.is_some() || call.failed;
            if state.progress.iter().all(is_done) {
                self.all_calls_known(node);
            } else {
                self.wait_for_keys(node, self.sources(node).into_iter());
            }
        }
        self.advance();
    }

    fn gives(
        &mut self,
        node: usize,
        call: usize,
        slots: &[Slot],
        values: Vec<Value>,
        seconds: f64,
        files: Vec<(PathBuf, Arc<str>)>,
    ) {
        let prepared = self.node(node);
        if let Err(error) = super::check::outputs(prepared.node_type.descriptor(), &values) {
            return self.call_failed(node, call, error, slots);
        }
        let Some(key) = self.states[node].progress.get(call).and_then(|call| call.key) else { return };
        // What is passed through keeps its key, so that it is kept once and what depends on it is found.
        let passed = |value: &Value| match (value, self.states[node].calls.as_ref()?.calls.get(call)?) {
            (Value::Object(object), inputs) => inputs.iter().zip(slots).find_map(|(slot, value)| match (slot, value) {
                (SlotRef::Given(known), Slot::Value(Value::Object(given))) if Arc::ptr_eq(object, given) => {
                    Some(known.clone())
                }
                _ => None,
            }),
            _ => None,
        };
        let refs: Arc<[Ref]> = values
            .iter()
            .enumerate()
            .map(|(i, value)| passed(value).unwrap_or_else(|| Ref::of(value, &super::output_key(&key, &files, i))))
            .collect();
        for (value, reference) in values.iter().zip(refs.iter()) {
            self.states[node].bytes += value.bytes();
            self.keep(node, value, reference, seconds);
        }
        if prepared.reusable {
            self.run.note_files(node, &files);
            self.add_record(key, Record { outcome: Outcome::Gives(refs.clone()), seconds, files });
        } else {
            self.run.note_files(node, &files);
        }
        if let Some(call) = self.states[node].progress.get_mut(call) {
            call.gives = Some(refs);
        }
    }

    /// Holds a new value for those who need it, and in the memory of results.
    fn keep(&mut self, node: usize, value: &Value, reference: &Ref, seconds: f64) {
        match (value, reference) {
            (Value::List(items), Ref::List(list)) => {
                let share = seconds / items.len().max(1) as f64;
                items.iter().zip(&list.items).for_each(|(item, reference)| self.keep(node, item, reference, share));
            }
            (Value::Object(object), Ref::Object(at)) => {
                self.states[node].held.push(at.key);
                self.live.entry(at.key).or_insert_with(|| (object.clone(), 0)).1 += 1;
                if self.node(node).reusable {
                    lock(self.run.host.memory()).add_value(at.key, object.clone(), seconds);
                    if self.run.host.has_disk() {
                        self.to_store.push(Store::Value { key: at.key, object: object.clone(), seconds });
                    }
                }
            }
            _ => {}
        }
    }

    fn needs(&mut self, node: usize, call: usize, error: Error, seconds: f64, files: Vec<(PathBuf, Arc<str>)>) {
        let prepared = self.node(node);
        let ports = &prepared.node_type.descriptor().inputs;
        let port = ports.iter().position(|port| port.lazy && Some(&port.name) == error.port.as_ref());
        let Some(port) = port else {
            let error = Error::new("the node asks for an input that is not lazy");
            return self.call_failed(node, call, error, &[]);
        };
        if prepared.reusable {
            if let Some(key) = self.states[node].progress.get(call).and_then(|call| call.key) {
                self.add_record(key, Record { outcome: Outcome::Asks(port), seconds, files });
            }
        } else if self.states[node].asked.contains(&port) {
            let error = Error::new("the node asks again for a lazy input that it was given");
            self.call_failed(node, call, error, &[]);
        } else {
            self.states[node].asked.push(port);
        }
    }

    fn add_record(&mut self, key: Key, record: Record) {
        if self.run.host.has_disk() {
            self.to_store.push(Store::Record(key, record.clone()));
        }
        lock(self.run.host.memory()).add_record(key, record);
    }

    fn all_calls_known(&mut self, node: usize) {
        let prepared = self.node(node);
        let state = &self.states[node];
        let Some(calls) = &state.calls else { return };
        let of_call = |call: usize| state.progress.get(call).and_then(|call| call.gives.clone());
        let outputs = prepared.node_type.descriptor().outputs.len();
        let outputs: Arc<[Ref]> = calls.assemble(outputs, &of_call).into();
        if !prepared.reusable {
            let literals = outputs.iter().enumerate().filter_map(|(i, value)| Some(((node, i), value.literal()?)));
            lock(&self.run.given).extend(literals);
        }
        if self.run.options.keep_traces() {
            self.run.add_trace(node, self.trace(node));
        }
        let state = &mut self.states[node];
        let is_first = state.outputs.is_none();
        state.outputs = Some(outputs);
        state.remake = false;
        if state.started && !std::mem::replace(&mut state.reported, true) {
            let (seconds, bytes) = (state.seconds, state.bytes);
            self.run.emit(&Event::NodeFinished { node: &prepared.id, type_name: &prepared.type_name, seconds, bytes });
        } else if is_first {
            self.run.emit(&Event::NodeCached { node: &prepared.id, type_name: &prepared.type_name });
        }
        let state = &mut self.states[node];
        for waiter in std::mem::take(&mut state.key_waiters) {
            let waiting = &mut self.states[waiter].missing_keys;
            *waiting = waiting.saturating_sub(1);
            if *waiting == 0 {
                self.steps.push(Step::Resolve(waiter));
            }
        }
        if self.states[node].values_wanted {
            self.obtain(node);
        } else {
            self.settle(node);
        }
    }

    /// The keys are known and the values are wanted.
    fn obtain(&mut self, node: usize) {
        let mut missing = Vec::new();
        for value in self.states[node].outputs.clone().iter().flat_map(|outputs| outputs.iter()) {
            self.missing(value, &mut missing);
        }
        if missing.is_empty() || !self.run.host.has_disk() || !self.node(node).reusable {
            return self.obtain_or_make(node);
        }
        self.outstanding += 1;
        self.ready.push(Task::Load { node, wanted: missing });
    }

    fn missing(&self, value: &Ref, found: &mut Vec<(Key, String)>) {
        match value {
            Ref::Scalar(_) | Ref::Missing => {}
            Ref::List(list) => list.items.iter().for_each(|item| self.missing(item, found)),
            Ref::Object(object) if self.lacks(value) => found.push((object.key, object.type_name.clone())),
            Ref::Object(_) => {}
        }
    }

    /// Holds the values of a node, or makes those again that are gone.
    fn obtain_or_make(&mut self, node: usize) {
        let Some(outputs) = self.states[node].outputs.clone() else { return };
        let mut objects = Vec::new();
        if outputs.iter().all(|value| self.collect(value, &mut objects)) {
            for (key, object) in &objects {
                self.live.entry(*key).or_insert_with(|| (object.clone(), 0)).1 += 1;
            }
            let held = objects.into_iter().map(|(key, _)| key).collect();
            let before = std::mem::replace(&mut self.states[node].held, held);
            before.into_iter().for_each(|key| self.drop_live(&key));
            self.states[node].ready = true;
            self.settle(node);
            return self.values_are_there(node);
        }
        let state = &mut self.states[node];
        state.progress.clear();
        state.remake = true;
        state.why.push(Reason::GivenUp);
        self.steps.push(Step::Resolve(node));
    }

    fn collect(&self, value: &Ref, found: &mut Vec<(Key, Arc<dyn Object>)>) -> bool {
        match value {
            Ref::Scalar(_) | Ref::Missing => true,
            Ref::List(list) => list.items.iter().all(|item| self.collect(item, found)),
            Ref::Object(object) => {
                let live = self.live.get(&object.key).map(|(object, _)| object.clone());
                let object_value = live.or_else(|| lock(self.run.host.memory()).value(&object.key));
                let is_there = object_value.is_some();
                found.extend(object_value.map(|value| (object.key, value)));
                is_there
            }
        }
    }

    fn values_are_there(&mut self, node: usize) {
        for waiter in std::mem::take(&mut self.states[node].value_waiters) {
            let waiting = &mut self.states[waiter].missing_values;
            *waiting = waiting.saturating_sub(1);
            if *waiting == 0 && !self.states[waiter].blocked && !self.states[waiter].failed {
                self.start(waiter);
            }
        }
    }

    /// This node takes no more values for now.
    fn settle(&mut self, node: usize) {
        if std::mem::replace(&mut self.states[node].settled, true) {
            return;
        }
        for source in self.all_sources(node) {
            self.states[source].users = self.states[source].users.saturating_sub(1);
            if self.states[source].users == 0 {
                self.release(source);
            }
        }
        if self.states[node].users == 0 {
            self.release(node);
        }
    }

    /// This node takes values after all, since what it gave is gone.
    fn unsettle(&mut self, node: usize) {
        if std::mem::replace(&mut self.states[node].settled, false) {
            for source in self.all_sources(node) {
                self.states[source].users += 1;
            }
        }
    }

    fn all_sources(&self, node: usize) -> Vec<usize> {
        let prepared = self.node(node);
        let lazy = prepared.lazy_sources.iter().map(|(_, source)| *source);
        let mut sources: Vec<usize> = prepared.sources.iter().copied().chain(lazy).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// Nobody needs the values of a node any more.
    fn release(&mut self, node: usize) {
        let state = &mut self.states[node];
        state.values_wanted = false;
        state.ready = false;
        for key in std::mem::take(&mut state.held) {
            self.drop_live(&key);
        }
    }

    fn drop_live(&mut self, key: &Key) {
        if let Some((_, users)) = self.live.get_mut(key) {
            *users = users.saturating_sub(1);
            if *users == 0 {
                self.live.remove(key);
            }
        }
    }

    fn call_failed(&mut self, node: usize, call: usize, error: Error, slots: &[Slot]) {
        let mapped = self.states[node].calls.as_ref().is_some_and(Calls::is_mapped);
        if mapped && self.run.options.keep_going && error.status != Status::Cancelled {
            // One element is missing; the others go on.
            if let Some(call) = self.states[node].progress.get_mut(call) {
                call.failed = true;
            }
            return self.report(node, Some(call), error, slots);
        }
        self.fail(node, mapped.then_some(call), error, slots.to_vec());
    }

    fn fail(&mut self, node: usize, element: Option<usize>, error: Error, slots: Vec<Slot>) {
        // Whatever a node says after it was told to stop, it is no failure of its own.
        let told_to_stop = self.run.cancel.check().is_err();
        if std::mem::replace(&mut self.states[node].failed, true) {
            return;
        }
        if told_to_stop {
            self.states[node].told_to_stop = true;
        } else {
            self.report(node, element, error, &slots);
            if !self.run.options.keep_going {
                self.stopping = true;
                self.run.cancel.cancel();
            }
        }
        self.give_up(node);
    }

    fn report(&mut self, node: usize, element: Option<usize>, error: Error, slots: &[Slot]) {
        let prepared = self.node(node);
        let ports = &prepared.node_type.descriptor().inputs;
        let inputs = ports.iter().zip(slots).filter_map(|(port, slot)| match slot {
            Slot::Value(value) => Some((port.name.clone(), value.to_string())),
            _ => None,
        });
        let failure = Failure {
            node: prepared.id.as_ref().to_owned(),
            type_name: prepared.type_name.as_ref().to_owned(),
            at: self.run.prepared.at(node),
            status: error.status,
            message: error.message,
            port: error.port,
            hint: error.hint,
            element,
            inputs: inputs.collect(),
        };
        self.run.emit(&Event::NodeFailed(&failure));
        self.failures.push(failure);
    }

    /// Something that this node needs has failed.
    fn block(&mut self, node: usize) {
        if !self.states[node].failed && !std::mem::replace(&mut self.states[node].blocked, true) {
            self.give_up(node);
        }
    }

    fn give_up(&mut self, node: usize) {
        let state = &mut self.states[node];
        let waiters =
            std::mem::take(&mut state.key_waiters).into_iter().chain(std::mem::take(&mut state.value_waiters));
        self.steps.extend(waiters.map(Step::Block));
        self.settle(node);
    }

    /// Notes why a node has to run.
    fn explain(&mut self, node: usize) {
        if self.run.options.explain && !self.states[node].started {
            let reason = self.run.reason(node, self.trace(node));
            self.states[node].why.push(reason);
        }
    }

    fn trace(&self, node: usize) -> Trace {
        let outputs = |node: usize, output: usize| self.states[node].outputs.as_ref()?.get(output).cloned();
        let prepared = self.node(node);
        let descriptor = prepared.node_type.descriptor();
        let inputs = descriptor
            .inputs
            .iter()
            .zip(&prepared.inputs)
            .filter_map(|(port, source)| Some((port.name.clone(), resolve(source.as_ref()?, &outputs)?)));
        Trace { version: descriptor.version, inputs: inputs.collect() }
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
                State { told_to_stop: true, .. } => NodeState::Stopped,
                State { failed: true, .. } => NodeState::Failed,
                State { blocked: true, .. } if nothing_failed => NodeState::Stopped,
                State { blocked: true, .. } => NodeState::Blocked,
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

/// What is known of a call.
enum Known {
    Gives(Key, Arc<[Ref]>),
    Asks(usize),
    /// It has to run; its record will have this key.
    Nothing(Key),
}
