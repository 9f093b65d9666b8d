//! What a node would give, by keys: finding the records of its calls, or seeing to it that they run.

use super::super::calls::{Calls, SlotRef, resolve};
use super::super::explain::Trace;
use super::super::{Digests, Found};
use super::state::CallState;
use super::{Engine, Step, Store, Task};
use crate::cache::{Outcome, Record, Ref};
use crate::events::Event;
use crate::key::{Key, KeyBuilder};
use crate::lock;
use selfsame_sdk::Error;
use std::path::PathBuf;
use std::sync::Arc;

impl<'r> Engine<'r> {
    pub(super) fn want_keys(&mut self, node: usize) {
        if std::mem::replace(&mut self.states[node].keys_wanted, true) {
            return;
        }
        self.wait_for_keys(node, self.node(node).sources.iter().copied());
    }

    /// Resolves a node as soon as the keys of others are known.
    pub(super) fn wait_for_keys(&mut self, node: usize, sources: impl Iterator<Item = usize>) {
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

    /// All keys of inputs are known: finds the calls that have records, and sees to it that the others run.
    /// `digests` are those of files that were read for this.
    pub(super) fn resolve(&mut self, node: usize, digests: &Digests) {
        let prepared = self.node(node);
        let state = &self.states[node];
        if state.running > 0 || state.digesting || state.failed || state.blocked {
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
        let mut unread: Vec<PathBuf> = Vec::new();
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
            let (key, asked, known) = self.look_up(node, slots, digests);
            match known {
                Known::Gives(refs) if self.has_values(node, &refs) => call.gives = Some(refs),
                Known::Asks(port) => asks.push(port),
                Known::Unread(files) => unread.extend(files),
                Known::Gives(_) | Known::Nothing => {
                    call.key = Some(key);
                    call.asked = asked;
                    to_run.push(i);
                }
            }
        }
        let state = &mut self.states[node];
        state.progress = progress;
        state.calls = Some(calls);
        if !unread.is_empty() {
            unread.sort_unstable();
            unread.dedup();
            state.digesting = true;
            self.outstanding += 1;
            return self.ready.push(Task::Digest { node, files: unread });
        }
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

    /// Goes through the records of a call: what it asked for with these inputs, what then, and what it gave. Gives the
    /// key of its last record, or of the one that is missing, and the lazy inputs that are in this key.
    fn look_up(&self, node: usize, slots: &[SlotRef], digests: &Digests) -> (Key, Vec<usize>, Known) {
        let prepared = self.node(node);
        let ports = prepared.node_type.descriptor().inputs.len();
        let mut asked = Vec::new();
        let mut builder = prepared.base_key.clone();
        let add = |builder: &mut KeyBuilder, port: usize| {
            if let Some(SlotRef::Given(value)) = slots.get(port) {
                value.add_to(builder.number(port as u64));
            }
        };
        prepared.keyed.iter().for_each(|port| add(&mut builder, *port));
        let mut key = builder.finish();
        while asked.len() <= ports {
            match self.run.record(&key, digests) {
                Found::Nothing => break,
                Found::Unread(files) => return (key, asked, Known::Unread(files)),
                Found::Record(Record { outcome: Outcome::Gives(refs), reads, .. }) => {
                    self.run.note_files(node, &reads.files);
                    return (key, asked, Known::Gives(refs));
                }
                Found::Record(Record { outcome: Outcome::Asks(port), .. }) => match slots.get(port) {
                    Some(SlotRef::Given(_)) => {
                        add(&mut builder, port);
                        key = builder.finish();
                        asked.push(port);
                    }
                    Some(SlotRef::Pending) => return (key, asked, Known::Asks(port)),
                    _ => break,
                },
            }
        }
        (key, asked, Known::Nothing)
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
    pub(super) fn sources(&self, node: usize) -> Vec<usize> {
        let asked = &self.states[node].asked;
        let lazy = self.node(node).lazy_sources.iter().filter(|(port, _)| asked.contains(port));
        let mut sources: Vec<usize> = self.node(node).sources.iter().copied().chain(lazy.map(|l| l.1)).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    pub(super) fn all_calls_known(&mut self, node: usize) {
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
        if self.run.keep_traces() {
            self.run.add_trace(node, self.trace(node));
        }
        let state = &mut self.states[node];
        let is_first = state.outputs.is_none();
        state.outputs = Some(outputs);
        state.remake = false;
        if state.lacks_elements || state.lacks_all() {
            // Its failure was told, or that of the node that it needs.
        } else if state.started && !std::mem::replace(&mut state.reported, true) {
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
        let state = &self.states[node];
        if state.values_wanted {
            self.obtain(node);
        } else if state.users == 0 || !state.has_objects() || state.started && self.hold(node) {
            self.settle(node);
        } else {
            // Its values may be wanted and gone, also some of a node that ran for others: what they would be made of is
            // held as long as somebody may ask.
            self.states[node].idle = true;
        }
    }

    pub(super) fn add_record(&mut self, key: Key, record: Record) {
        if self.run.host.has_disk() {
            self.to_store.push(Store::Record(key, record.clone()));
        }
        lock(self.run.host.memory()).add_record(key, record);
    }

    /// Notes why a node has to run.
    fn explain(&mut self, node: usize) {
        if self.run.options.explain && self.states[node].why.is_empty() {
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
}

/// What is known of a call.
enum Known {
    Gives(Arc<[Ref]>),
    Asks(usize),
    /// Nothing yet: these files have to be read first.
    Unread(Vec<PathBuf>),
    Nothing,
}
