//! What a finished task changes.

use super::super::Digests;
use super::super::calls::{Calls, SlotRef};
use super::state::CallState;
use super::{Called, Engine, Step, Store};
use crate::cache::{Outcome, Reads, Record, Ref};
use crate::events::{Event, Failure};
use crate::key::Key;
use crate::lock;
use selfsame_sdk::{Error, Object, Slot, Status, Value};
use std::sync::Arc;

impl<'r> Engine<'r> {
    /// The files are read that a node waits for.
    pub fn digested(&mut self, node: usize, digests: Digests) {
        self.outstanding -= 1;
        self.states[node].digesting = false;
        // What was told to stop begins nothing.
        if self.run.cancel.check().is_ok() {
            self.resolve(node, &digests);
            self.advance();
        }
    }

    /// Values are read.
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
        let Called { result, seconds, reads } = called;
        match result {
            Ok(values) => self.gives(node, call, &slots, values, seconds, reads),
            Err(error) if error.status == Status::NeedsInput => self.needs(node, call, &slots, error, seconds, reads),
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

    fn gives(&mut self, node: usize, call: usize, slots: &[Slot], values: Vec<Value>, seconds: f64, reads: Reads) {
        let prepared = self.node(node);
        if let Err(error) = super::super::check::outputs(prepared.node_type.descriptor(), &values) {
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
            .map(|(i, value)| {
                passed(value).unwrap_or_else(|| Ref::of(value, &super::super::output_key(&key, &reads.files, i)))
            })
            .collect();
        for (value, reference) in values.iter().zip(refs.iter()) {
            self.states[node].bytes += value.bytes();
            self.keep(node, value, reference, seconds);
        }
        self.run.note_files(node, &reads.files);
        if prepared.reusable {
            self.add_record(key, Record { outcome: Outcome::Gives(refs.clone()), seconds, reads });
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
                // What is passed through was kept by the node that made it, and at what that node took.
                let is_new = !self.live.contains_key(&at.key);
                self.states[node].held.push(at.key);
                self.live.entry(at.key).or_insert_with(|| (object.clone(), 0)).1 += 1;
                if is_new && self.node(node).reusable {
                    lock(self.run.host.memory()).add_value(at.key, object.clone(), seconds);
                    if self.run.host.has_disk() {
                        self.to_store.push(Store::Value { key: at.key, object: object.clone(), seconds });
                    }
                }
            }
            _ => {}
        }
    }

    fn needs(&mut self, node: usize, call: usize, slots: &[Slot], error: Error, seconds: f64, reads: Reads) {
        let prepared = self.node(node);
        let ports = &prepared.node_type.descriptor().inputs;
        let port = ports.iter().position(|port| port.lazy && Some(&port.name) == error.port.as_ref());
        let Some(port) = port else {
            let error = Error::new("the node asks for an input that is not lazy");
            return self.call_failed(node, call, error, slots);
        };
        if !matches!(slots.get(port), Some(Slot::Pending)) {
            // Calling it again would give the same answer, on and on.
            let error =
                Error::input(&ports[port].name, "the node asks for a lazy input that it was given or is not set");
            return self.call_failed(node, call, error, slots);
        }
        if prepared.reusable {
            if let Some(key) = self.states[node].progress.get(call).and_then(|call| call.key) {
                self.add_record(key, Record { outcome: Outcome::Asks(port), seconds, reads });
            }
        } else if !self.states[node].asked.contains(&port) {
            self.states[node].asked.push(port);
        }
    }

    fn call_failed(&mut self, node: usize, call: usize, error: Error, slots: &[Slot]) {
        let mapped = self.states[node].calls.as_ref().is_some_and(Calls::is_mapped);
        if mapped && self.run.options.keep_going && error.status != Status::Cancelled {
            // One element is missing; the others go on.
            if let Some(call) = self.states[node].progress.get_mut(call) {
                call.failed = true;
            }
            self.states[node].lacks_elements = true;
            return self.report(node, Some(call), error, slots);
        }
        self.fail(node, mapped.then_some(call), error, slots.to_vec());
    }

    pub(super) fn fail(&mut self, node: usize, element: Option<usize>, error: Error, slots: Vec<Slot>) {
        // Whatever a node says after it was told to stop, it is no failure of its own.
        let told_to_stop = self.run.cancel.check().is_err();
        if std::mem::replace(&mut self.states[node].failed, true) {
            return;
        }
        if told_to_stop {
            self.states[node].stopped = true;
            return self.settle(node);
        }
        self.report(node, element, error, &slots);
        if !self.run.options.keep_going {
            self.stopping = true;
            self.run.cancel.cancel();
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
    pub(super) fn block(&mut self, node: usize) {
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
}
