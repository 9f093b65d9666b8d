//! The values behind the keys: who needs them, where they are, and when they may go.

use super::super::calls::SlotRef;
use super::super::explain::Reason;
use super::{Engine, Step, Task};
use crate::cache::Ref;
use crate::events::Event;
use crate::key::Key;
use crate::lock;
use selfsame_sdk::{Error, Object, Slot, Value};
use std::collections::HashMap;
use std::sync::Arc;

impl<'r> Engine<'r> {
    pub(super) fn want_values(&mut self, node: usize) {
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

    /// Runs the calls of a node as soon as the values of its inputs are there.
    pub(super) fn wait_for_values(&mut self, node: usize) {
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
        // Calls that take the same list share it.
        let mut lists = HashMap::new();
        for call in to_run {
            let asked = self.states[node].progress.get(call).map_or(&[][..], |call| &call.asked);
            let is_pending = |port: usize| {
                let lazy = prepared.reusable && prepared.lazy_sources.iter().any(|(lazy, _)| *lazy == port);
                lazy && !asked.contains(&port)
            };
            let slot = |(port, slot)| match is_pending(port) {
                true => Some(Slot::Pending),
                false => self.slot(slot, &mut lists),
            };
            let slots = calls.calls.get(call).map(|slots| slots.iter().enumerate().map(slot).collect());
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

    fn slot(&self, slot: &SlotRef, lists: &mut HashMap<Key, Value>) -> Option<Slot> {
        Some(match slot {
            SlotRef::Unset => Slot::Unset,
            SlotRef::Pending => Slot::Pending,
            SlotRef::Given(Ref::List(list)) => Slot::Value(match lists.get(&list.key) {
                Some(known) => known.clone(),
                None => {
                    let value = self.value(&Ref::List(list.clone()))?;
                    lists.insert(list.key, value.clone());
                    value
                }
            }),
            SlotRef::Given(value) => Slot::Value(self.value(value)?),
        })
    }

    pub(super) fn value(&self, value: &Ref) -> Option<Value> {
        match value {
            Ref::Scalar(scalar) => Some(scalar.clone()),
            Ref::List(list) => {
                list.items.iter().map(|item| self.value(item)).collect::<Option<Vec<_>>>().map(Value::list)
            }
            Ref::Object(object) => self.live.get(&object.key).map(|(object, _)| Value::Object(object.clone())),
            Ref::Missing => None,
        }
    }

    pub(super) fn lacks(&self, value: &Ref) -> bool {
        match value {
            Ref::Scalar(_) | Ref::Missing => false,
            Ref::List(list) => list.items.iter().any(|item| self.lacks(item)),
            Ref::Object(object) => {
                !self.live.contains_key(&object.key) && lock(self.run.host.memory()).value(&object.key).is_none()
            }
        }
    }

    /// The keys are known and the values are wanted.
    pub(super) fn obtain(&mut self, node: usize) {
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
    pub(super) fn obtain_or_make(&mut self, node: usize) {
        if self.hold(node) {
            self.settle(node);
            return self.values_are_there(node);
        }
        let state = &mut self.states[node];
        state.progress.clear();
        state.remake = true;
        if self.run.options.explain && state.why.is_empty() {
            state.why.push(Reason::GivenUp);
        }
        self.steps.push(Step::Resolve(node));
    }

    /// Holds the values of a node, if all of them are there.
    pub(super) fn hold(&mut self, node: usize) -> bool {
        let Some(outputs) = self.states[node].outputs.clone() else { return false };
        let mut objects = Vec::new();
        if !outputs.iter().all(|value| self.collect(value, &mut objects)) {
            return false;
        }
        for (key, object) in &objects {
            self.live.entry(*key).or_insert_with(|| (object.clone(), 0)).1 += 1;
        }
        let held = objects.into_iter().map(|(key, _)| key).collect();
        let before = std::mem::replace(&mut self.states[node].held, held);
        before.into_iter().for_each(|key| self.drop_live(&key));
        self.states[node].ready = true;
        true
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
    pub(super) fn settle(&mut self, node: usize) {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            if std::mem::replace(&mut self.states[node].settled, true) {
                continue;
            }
            for source in self.all_sources(node) {
                let state = &mut self.states[source];
                state.users = state.users.saturating_sub(1);
                if state.users == 0 {
                    if std::mem::take(&mut state.idle) {
                        open.push(source);
                    }
                    self.release(source);
                }
            }
            if self.states[node].users == 0 {
                self.release(node);
            }
        }
    }

    /// This node takes values after all, since what it gave is gone.
    fn unsettle(&mut self, node: usize) {
        self.states[node].idle = false;
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
}
