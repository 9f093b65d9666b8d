//! Tells of plugins that do not react to cancelling. Nobody can stop them, but whoever waits should know for whom.

use super::Run;
use crate::events::Event;
use crate::lock;
use selfsame_sdk::Level;
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a node may take to end after its run was cancelled before that is told.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often it looks whether the run was cancelled.
const EVERY: Duration = Duration::from_millis(100);

/// Knows which nodes of plugins are being called.
#[derive(Default)]
pub(super) struct Watchdog {
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Default)]
struct State {
    /// The nodes of calls that last, by the number of the call.
    calls: HashMap<u64, usize>,
    next_call: u64,
    has_begun: bool,
    is_over: bool,
}

/// A call that lasts until this is dropped.
pub(super) struct Watched<'a> {
    watchdog: &'a Watchdog,
    call: u64,
}

/// A run that lasts until this is dropped.
pub(super) struct Watching<'a>(pub &'a Watchdog);

impl Watchdog {
    /// Whether it is time for somebody to [`look`](Self::look): nodes of plugins are going to be called, and nobody does yet.
    pub fn begins(&self) -> bool {
        !std::mem::replace(&mut lock(&self.state).has_begun, true)
    }

    /// A call of a node of a plugin begins.
    pub fn watch(&self, node: usize) -> Watched<'_> {
        let mut state = lock(&self.state);
        state.next_call += 1;
        let call = state.next_call;
        state.calls.insert(call, node);
        Watched { watchdog: self, call }
    }

    /// Watches until the run is over.
    pub fn look(&self, run: &Run) {
        let mut cancelled: Option<Instant> = None;
        let mut told = Vec::new();
        let mut state = lock(&self.state);
        while !state.is_over {
            state = self.over.wait_timeout(state, EVERY).unwrap_or_else(PoisonError::into_inner).0;
            if run.cancel.check().is_ok() || cancelled.get_or_insert_with(Instant::now).elapsed() < PATIENCE {
                continue;
            }
            let late: Vec<(u64, usize)> = state.calls.iter().map(|(call, node)| (*call, *node)).collect();
            drop(state);
            for (call, node) in late {
                if !told.contains(&call) {
                    told.push(call);
                    tell(run, node);
                }
            }
            state = lock(&self.state);
        }
    }
}

fn tell(run: &Run, node: usize) {
    let node = &run.prepared.nodes[node];
    let message = format!(
        "plugin {} has not reacted to cancelling for {} seconds; the run ends when it does",
        node.node_type.plugin(),
        PATIENCE.as_secs()
    );
    run.emit(&Event::Log { node: &node.id, level: Level::Warn, message: &message });
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        lock(&self.watchdog.state).calls.remove(&self.call);
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).is_over = true;
        self.0.over.notify_all();
    }
}
