//! Running a prepared plan.

mod calls;
mod check;
mod engine;
mod explain;
mod prepare;
mod services;
mod watchdog;

pub use explain::Reason;
pub(crate) use explain::Trace;
pub use prepare::{About, Prepared};

use crate::cache::{FileRead, Reads, Record};
use crate::events::{Event, Failure, Observer, RunResult};
use crate::host::Host;
use crate::key::{Key, KeyBuilder};
use crate::lock;
use crate::metadata;
use crate::output::Output;
use engine::{Called, Engine, Store, Task};
use selfsame_models::{Cancel, Meter};
use selfsame_sdk::{Ctx, Error, Inputs, Literal, Node, Slot, Status, Value, panics};
use services::CallServices;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Scope;
use std::time::Instant;
use watchdog::{Watchdog, Watching};

/// How to run a plan.
#[derive(Clone)]
pub struct RunOptions {
    /// The folder that saved files go to.
    pub output_folder: PathBuf,
    /// Goes on with everything that does not depend on a node that failed.
    pub keep_going: bool,
    /// Finds out why each node runs, for [`NodeReport::why`].
    pub explain: bool,
    /// The most nodes that run at a time.
    pub threads: usize,
    /// Stops the run. A token is for one run: a failing node flips it too, so that the others stop.
    pub cancel: Cancel,
    /// Counts what the networks compute, and times it if it was made for that.
    pub meter: Meter,
}

impl Default for RunOptions {
    /// Saves into `output`; as many threads as there are cores, at least 4 since nodes also wait for files.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        RunOptions {
            output_folder: PathBuf::from("output"),
            keep_going: false,
            explain: false,
            threads: cores.max(4),
            cancel: Cancel::default(),
            meter: Meter::default(),
        }
    }
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub result: RunResult,
    /// The results that were wanted as values, by name; none where a node failed or an argument is not set.
    pub outputs: Vec<(String, Option<Value>)>,
    /// Every node of the plan.
    pub nodes: Vec<NodeReport>,
    /// What went wrong.
    pub failures: Vec<Failure>,
    /// The files that were saved, in order.
    pub saved: Vec<PathBuf>,
    /// How long it took.
    pub seconds: f64,
}

impl Outcome {
    /// The value of an output; none if there is none.
    pub fn output(&self, name: &str) -> Option<&Value> {
        self.outputs.iter().find(|(output, _)| output == name)?.1.as_ref()
    }

    /// How many nodes ended like this.
    pub fn count(&self, state: NodeState) -> usize {
        self.nodes.iter().filter(|node| node.state == state).count()
    }
}

/// How it went with a node.
#[derive(Clone, Debug)]
pub struct NodeReport {
    /// Its id.
    pub node: Arc<str>,
    /// The name of its type.
    pub type_name: Arc<str>,
    /// How it ended.
    pub state: NodeState,
    /// Why it ran; empty if it did not, or nobody asked.
    pub why: Vec<Reason>,
    /// Seconds of computing.
    pub seconds: f64,
    /// Bytes of its outputs.
    pub bytes: u64,
}

/// How it ended with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeState {
    /// It ran.
    Ran,
    /// Its result was known.
    Reused,
    /// Nothing asked for it.
    NotNeeded,
    /// It failed.
    Failed,
    /// A node that it needs failed.
    Blocked,
    /// The run ended before it was its turn.
    Stopped,
}

/// One run.
pub(crate) struct Run<'r> {
    host: &'r Host,
    prepared: &'r Prepared,
    options: &'r RunOptions,
    observer: &'r dyn Observer,
    /// Events come one at a time.
    observing: Mutex<()>,
    cancel: Cancel,
    output: Output,
    saved: Mutex<Vec<PathBuf>>,
    /// Nodes that are not in use, by index.
    instances: Mutex<HashMap<usize, Vec<Box<dyn Node>>>>,
    /// What nodes gave that may give something else another time, as far as it can be written down.
    given: Mutex<HashMap<(usize, usize), Literal>>,
    /// The graph as text, and how much was in `given` when it was made.
    graph_text: Mutex<Option<(usize, String)>>,
    /// The files that calls without a record have read.
    files: Mutex<BTreeMap<usize, Vec<FileRead>>>,
    traces: Mutex<HashMap<String, Trace>>,
    traces_before: HashMap<String, Trace>,
    unique: Key,
    counter: AtomicU64,
    watchdog: Watchdog,
}

impl Host {
    /// Runs a prepared plan.
    ///
    /// What goes wrong is in the [`Outcome`]: whatever else could be computed is there too.
    pub fn run(&self, prepared: &Prepared, options: &RunOptions, observer: &dyn Observer) -> Outcome {
        let started = Instant::now();
        let run = Run::new(self, prepared, options, observer);
        run.emit(&Event::RunStarted { nodes: prepared.nodes.len() });
        let (outputs, states, failures, stopped) = run.to_the_end();
        panics::discard(std::mem::take(&mut *lock(&run.instances)));
        if run.keep_traces() {
            let mut traces = run.traces_before;
            traces.extend(run.traces.into_inner().unwrap_or_else(PoisonError::into_inner));
            self.keep_traces(&prepared.about.name, traces);
        }
        let nodes: Vec<NodeReport> = (prepared.nodes.iter().zip(states))
            .map(|(node, (state, seconds, bytes, why))| NodeReport {
                node: node.id.clone(),
                type_name: node.type_name.clone(),
                state,
                why,
                seconds,
                bytes,
            })
            .collect();
        let is_complete =
            |node: &NodeReport| matches!(node.state, NodeState::Ran | NodeState::Reused | NodeState::NotNeeded);
        let result = match (failures.is_empty(), stopped && !nodes.iter().all(is_complete)) {
            (false, _) => RunResult::Failed,
            (true, true) => RunResult::Cancelled,
            (true, false) => RunResult::Ok,
        };
        let saved = run.saved.into_inner().unwrap_or_else(PoisonError::into_inner);
        let seconds = started.elapsed().as_secs_f64();
        let outcome = Outcome { result, outputs, nodes, failures, saved, seconds };
        let count = |state| outcome.count(state);
        observer.event(&Event::RunFinished {
            result,
            seconds,
            ran: count(NodeState::Ran),
            cached: count(NodeState::Reused),
            failed: count(NodeState::Failed),
        });
        outcome
    }
}

type Ended = (Vec<(String, Option<Value>)>, Vec<(NodeState, f64, u64, Vec<Reason>)>, Vec<Failure>, bool);

impl<'r> Run<'r> {
    fn new(host: &'r Host, prepared: &'r Prepared, options: &'r RunOptions, observer: &'r dyn Observer) -> Self {
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let mut unique = KeyBuilder::new("run");
        unique.number(u64::from(std::process::id())).number(now.as_nanos() as u64);
        unique.number(RUNS.fetch_add(1, Ordering::Relaxed));
        Run {
            host,
            prepared,
            options,
            observer,
            observing: Mutex::new(()),
            cancel: options.cancel.clone(),
            output: Output::new(options.output_folder.clone()),
            saved: Mutex::default(),
            instances: Mutex::default(),
            given: Mutex::default(),
            graph_text: Mutex::default(),
            files: Mutex::default(),
            traces: Mutex::default(),
            traces_before: match options.explain || host.has_disk() {
                true => host.traces(&prepared.about.name),
                false => HashMap::new(),
            },
            unique: unique.finish(),
            counter: AtomicU64::new(0),
            watchdog: Watchdog::default(),
        }
    }

    fn to_the_end(&self) -> Ended {
        let shared = Shared { engine: Mutex::new(Engine::new(self)), wake: Condvar::new(), workers: Mutex::new(1) };
        std::thread::scope(|scope| {
            let _watching = Watching(&self.watchdog);
            self.work(&shared, scope);
        });
        let mut engine = shared.engine.into_inner().unwrap_or_else(PoisonError::into_inner);
        let stopped = self.cancel.check().is_err();
        let states = engine.states();
        (engine.outputs(), states, std::mem::take(&mut engine.failures), stopped)
    }

    /// Does tasks until none are left. The calling thread is the first worker; others join when there is more to do
    /// than one can.
    fn work<'scope>(&'scope self, shared: &'scope Shared<'r>, scope: &'scope Scope<'scope, '_>) {
        let mut engine = lock(&shared.engine);
        loop {
            let Some(task) = engine.next_task() else {
                if engine.outstanding == 0 {
                    shared.wake.notify_all();
                    return;
                }
                engine = shared.wake.wait(engine).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if engine.waiting_tasks() > 0 {
                shared.wake.notify_one();
                let mut workers = lock(&shared.workers);
                if *workers < self.options.threads {
                    // Without another thread this one does the work.
                    let spawned = std::thread::Builder::new()
                        .name(format!("selfsame-{workers}"))
                        .spawn_scoped(scope, || self.work(shared, scope));
                    *workers += usize::from(spawned.is_ok());
                }
            }
            drop(engine);
            if matches!(&task, Task::Call { node, .. } if self.is_plugin(*node)) && self.watchdog.begins() {
                // Without it nobody is told, and nothing else changes.
                let _ = std::thread::Builder::new().spawn_scoped(scope, || self.watchdog.look(self));
            }
            let done = self.perform(task);
            engine = self.finish(&shared.engine, done);
            if !engine.to_store.is_empty() {
                let stores = std::mem::take(&mut engine.to_store);
                drop(engine);
                self.store(stores);
                engine = lock(&shared.engine);
            }
        }
    }

    fn is_plugin(&self, node: usize) -> bool {
        !self.prepared.nodes[node].node_type.plugin().is_empty()
    }

    fn perform(&self, task: Task) -> Done {
        match task {
            Task::Digest { node, files } => {
                let digest = |path: PathBuf| {
                    let digest = self.host.files().digest(&path, &self.cancel).ok();
                    (path, digest)
                };
                Done::Digested(node, files.into_iter().map(digest).collect())
            }
            Task::Load { node, wanted } => {
                let found = wanted.into_iter().filter_map(|(key, ty)| Some((key, self.host.load_value(&key, &ty)?)));
                Done::Loaded(node, found.collect())
            }
            Task::Call { node, call, slots } => {
                let mut called = self.call(node, &slots);
                if matches!(&called.result, Err(error) if error.status == Status::OutOfMemory) {
                    lock(self.host.memory()).clear();
                    called = self.call(node, &slots);
                }
                Done::Called(node, call, slots, called)
            }
        }
    }

    fn finish<'e>(&self, engine: &'e Mutex<Engine<'r>>, done: Done) -> MutexGuard<'e, Engine<'r>> {
        let mut engine = lock(engine);
        match done {
            Done::Digested(node, digests) => engine.digested(node, digests),
            Done::Loaded(node, found) => engine.loaded(node, found),
            Done::Called(node, call, slots, called) => engine.called(node, call, slots, called),
        }
        engine
    }

    fn call(&self, node: usize, slots: &[Slot]) -> Called {
        let prepared = &self.prepared.nodes[node];
        let services = CallServices::new(self, node);
        let mut instance = lock(&self.instances).get_mut(&node).and_then(Vec::pop);
        let alone = prepared.alone.as_deref().map(lock);
        let watched = self.is_plugin(node).then(|| self.watchdog.watch(node));
        let started = Instant::now();
        let result = panics::catch(|| {
            let instance = instance.get_or_insert_with(|| prepared.node_type.create());
            let inputs = Inputs::new(&prepared.node_type.descriptor().inputs, slots)?;
            instance.run(Ctx::new(&services), &inputs)
        });
        let seconds = started.elapsed().as_secs_f64();
        drop(watched);
        drop(alone);
        match result {
            Err(Error { status: Status::Panic, .. }) => panics::discard(instance),
            _ => lock(&self.instances).entry(node).or_default().extend(instance),
        }
        let files = services.files.into_inner().unwrap_or_else(PoisonError::into_inner);
        let folder = services.uses_folder.into_inner().then(|| self.folder());
        Called { result, seconds, reads: Reads { files, folder } }
    }

    /// The folder of the graph file, however the program was started.
    fn folder(&self) -> PathBuf {
        let folder = &self.prepared.about.folder;
        std::path::absolute(folder).or_else(|_| std::env::current_dir()).unwrap_or_else(|_| folder.clone())
    }

    fn store(&self, stores: Vec<Store>) {
        for store in stores {
            let stored = match store {
                Store::Record(key, record) => self.host.store_record(&key, &record),
                Store::Value { key, object, seconds } => self.host.store_value(&key, &*object, seconds),
            };
            if stored.is_err() {
                self.host.disk_failed();
            }
        }
    }

    fn emit(&self, event: &Event) {
        let _one_at_a_time = lock(&self.observing);
        // An observer that panics misses an event; the run goes on.
        let _ = panics::catch(|| {
            self.observer.event(event);
            Ok(())
        });
    }

    /// Whether what nodes are given is noted, to explain this run or the next.
    fn keep_traces(&self) -> bool {
        self.options.explain || self.host.has_disk()
    }

    /// What is known of a call, if the paths that it took mean the same files and these are still the same. `digests` are those
    /// that were just made; no other file is read that takes long.
    fn record(&self, key: &Key, digests: &Digests) -> Found {
        let Some(record) = self.host.record(key) else { return Found::Nothing };
        if record.reads.folder.as_ref().is_some_and(|folder| *folder != self.folder()) {
            return Found::Nothing;
        }
        let mut unread = Vec::new();
        for (path, digest) in &record.reads.files {
            let now = match digests.get(path) {
                Some(made) => Ok(made.clone()),
                None => self.host.files().digest_at_once(path),
            };
            match now {
                Ok(Some(now)) if now == *digest => {}
                Ok(None) if !digests.contains_key(path) => unread.push(path.clone()),
                _ => return Found::Nothing,
            }
        }
        if unread.is_empty() { Found::Record(record) } else { Found::Unread(unread) }
    }

    /// A key that no other call has.
    fn unique_key(&self) -> Key {
        KeyBuilder::new("unique").key(&self.unique).number(self.counter.fetch_add(1, Ordering::Relaxed)).finish()
    }

    fn note_files(&self, node: usize, files: &[FileRead]) {
        if !files.is_empty() {
            lock(&self.files).entry(node).or_default().extend(files.iter().cloned());
        }
    }

    /// What a file that a node saves should carry: the graph, the arguments, versions, and the files that went into it.
    fn metadata(&self, node: usize) -> Vec<(String, String)> {
        let mut files = BTreeMap::new();
        let known = lock(&self.files);
        let mut seen = vec![false; self.prepared.nodes.len()];
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            if std::mem::replace(&mut seen[node], true) {
                continue;
            }
            let read = known.get(&node).into_iter().flatten();
            files.extend(read.map(|(path, digest)| (path.display().to_string(), digest.clone())));
            let prepared = &self.prepared.nodes[node];
            open.extend(
                prepared.sources.iter().copied().chain(prepared.lazy_sources.iter().map(|(_, source)| *source)),
            );
        }
        let arguments: BTreeMap<&str, &Literal> =
            self.prepared.about.arguments.iter().map(|(name, value)| (&**name, value)).collect();
        let node_types = seen.iter().zip(&self.prepared.nodes).filter(|(seen, _)| **seen);
        let plugins = node_types.filter_map(|(_, node)| self.host.nodes().plugin_of(&node.node_type.descriptor().id));
        let versions = metadata::versions(self.host.device_name(), plugins);
        let json = |value: serde_json::Result<String>| value.unwrap_or_default();
        vec![
            (metadata::GRAPH.to_owned(), self.graph_text()),
            (metadata::ARGUMENTS.to_owned(), json(serde_json::to_string(&arguments))),
            (metadata::VERSIONS.to_owned(), json(serde_json::to_string(&versions))),
            (metadata::FILES.to_owned(), json(serde_json::to_string(&files))),
        ]
    }

    /// The graph as text; made anew only when more is known of what unpredictable nodes gave.
    fn graph_text(&self) -> String {
        let given = lock(&self.given);
        let mut text = lock(&self.graph_text);
        match &*text {
            Some((known, text)) if *known == given.len() => text.clone(),
            _ => {
                let made = self.prepared.graph_text(&given);
                *text = Some((given.len(), made.clone()));
                made
            }
        }
    }

    fn add_trace(&self, node: usize, trace: Trace) {
        lock(&self.traces).insert(self.prepared.nodes[node].id.as_ref().to_owned(), trace);
    }

    fn reason(&self, node: usize, trace: Trace) -> Reason {
        let prepared = &self.prepared.nodes[node];
        let descriptor = prepared.node_type.descriptor();
        if descriptor.output_node {
            Reason::HasEffect
        } else if !descriptor.deterministic {
            Reason::NotDeterministic
        } else {
            // A lazy input that is not known yet was not asked for; that is no change.
            let pending = |name: &str| {
                let mut lazy = prepared.lazy_sources.iter().filter_map(|(port, _)| descriptor.inputs.get(*port));
                lazy.any(|port| port.name == name) && !trace.inputs.iter().any(|(known, _)| known == name)
            };
            let mut before = self.traces_before.get(&*prepared.id).cloned();
            before.iter_mut().for_each(|before| before.inputs.retain(|(name, _)| !pending(name)));
            trace.reasons(before.as_ref())
        }
    }
}

struct Shared<'r> {
    engine: Mutex<Engine<'r>>,
    wake: Condvar,
    workers: Mutex<usize>,
}

/// Digests of files; none of one that cannot be read.
type Digests = HashMap<PathBuf, Option<Arc<str>>>;

/// What is known of a call.
enum Found {
    Record(Record),
    /// These files have to be read first.
    Unread(Vec<PathBuf>),
    Nothing,
}

enum Done {
    Digested(usize, Digests),
    Loaded(usize, Vec<(Key, Arc<dyn selfsame_sdk::Object>)>),
    Called(usize, usize, Vec<Slot>, Called),
}

/// The key of an output of a call: with the files that it read, since their contents are not in its own key.
fn output_key(call: &Key, files: &[FileRead], output: usize) -> Key {
    let mut key = KeyBuilder::new("output");
    key.key(call).number(output as u64);
    files.iter().for_each(|(_, digest)| {
        key.text(digest);
    });
    key.finish()
}
