//! What outlives a run: node types, results, shared resources, the device.

use crate::cache::{Disk, Memory, MemoryUse, Record};
use crate::files::Files;
use crate::key::{Key, KeyBuilder};
use crate::models::{Catalogue, Folders, Missing};
use crate::registry::Nodes;
use crate::run::Trace;
use crate::{Error, device, lock, onnx};
use candle_core::DType;
use selfsame_nodes::Compute;
use selfsame_nodes::onnx::Runtime;
use selfsame_sdk::{MakeShared, Object};
use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// The engine: it runs plans, and keeps what may be used again. One is enough for a program; it may run several plans
/// at a time.
pub struct Host {
    nodes: Nodes,
    memory: Mutex<Memory>,
    disk: Option<Disk>,
    disk_failed: AtomicBool,
    files: Files,
    compute: Compute,
    device_name: String,
    models: Folders,
    catalogue: Catalogue,
    /// Locks for what only one node at a time may use: a device, a node type.
    alone: Mutex<HashMap<String, Arc<Mutex<()>>>>,
    onnx_runtime: Runtime,
    /// Locks for resources that are being made, so that two nodes do not make one twice.
    making: Mutex<HashMap<String, Arc<Mutex<()>>>>,
    /// What the nodes of each graph were given last time.
    traces: Mutex<HashMap<String, HashMap<String, Trace>>>,
}

/// What a [`Host`] is made of.
pub struct HostSettings {
    /// The node types.
    pub nodes: Nodes,
    /// `auto`, `cpu`, `cuda` or `cuda:1`.
    pub device: String,
    /// The type that weights have there instead of the usual one: f16 on CUDA, f32 on the CPU.
    pub dtype: Option<DType>,
    /// How many bytes of results and weights are kept in memory.
    pub memory_bytes: u64,
    /// A folder where results are kept between runs of the program; several programs may share it.
    pub cache_folder: Option<PathBuf>,
    /// How many bytes of results are kept there.
    pub cache_bytes: u64,
    /// Where the digests of files are remembered, so that large model files are not read again for them.
    pub digests: Option<PathBuf>,
    /// Where model files are looked for.
    pub models: Folders,
    /// The models that can be fetched, for hints.
    pub catalogue: Catalogue,
    /// Where nodes with ONNX models get ONNX Runtime from.
    pub onnx_runtime: Runtime,
}

impl Default for HostSettings {
    /// The built-in nodes on the best device, half of the machine's memory, the usual model folders, no cache folder.
    fn default() -> Self {
        HostSettings {
            nodes: Nodes::built_in(),
            device: "auto".to_owned(),
            dtype: None,
            memory_bytes: device::memory_bytes() / 2,
            cache_folder: None,
            cache_bytes: 20 << 30,
            digests: None,
            models: Folders::new([], [], []),
            catalogue: Catalogue::builtin(),
            onnx_runtime: onnx::runtime(),
        }
    }
}

impl Host {
    /// A host.
    ///
    /// # Errors
    /// If there is no such device, or the cache folder cannot be used.
    pub fn new(settings: HostSettings) -> Result<Self, Error> {
        let (mut compute, device_name) = device::open(&settings.device)?;
        compute.dtype = settings.dtype.unwrap_or(compute.dtype);
        let open = |path: &PathBuf| {
            Disk::open(path, settings.cache_bytes).map_err(|source| Error::CacheFolder { path: path.clone(), source })
        };
        Ok(Host {
            disk: settings.cache_folder.as_ref().map(open).transpose()?,
            nodes: settings.nodes,
            memory: Mutex::new(Memory::new(settings.memory_bytes)),
            disk_failed: AtomicBool::new(false),
            files: Files::new(settings.digests),
            compute,
            device_name,
            models: settings.models,
            catalogue: settings.catalogue,
            alone: Mutex::default(),
            onnx_runtime: settings.onnx_runtime,
            making: Mutex::default(),
            traces: Mutex::default(),
        })
    }

    /// The node types.
    pub fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// The device that device work runs on: `cpu`, `cuda:0`.
    pub fn device_name(&self) -> &str {
        &self.device_name
    }

    /// How much memory is taken by what is kept.
    pub fn memory_use(&self) -> MemoryUse {
        lock(&self.memory).in_use()
    }

    /// Gives up everything that is kept in memory and that nobody holds.
    pub fn free_memory(&self) {
        lock(&self.memory).clear();
    }

    /// Forgets what nodes gave, so that they run again; loaded weights stay. What is in a cache folder is not forgotten.
    pub fn forget_results(&self) {
        lock(&self.memory).forget_results();
    }

    /// The type that weights have on the device.
    pub fn dtype(&self) -> DType {
        self.compute.dtype
    }

    /// Why the cache folder could not be written since the host was made, if so: results are then computed again
    /// another time.
    pub fn is_disk_failing(&self) -> bool {
        self.disk_failed.load(Ordering::Relaxed)
    }

    pub(crate) fn memory(&self) -> &Mutex<Memory> {
        &self.memory
    }

    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    pub(crate) fn has_disk(&self) -> bool {
        self.disk.is_some()
    }

    pub(crate) fn find_model(&self, kind: &str, name: &str) -> Result<PathBuf, Box<Missing>> {
        self.models.find(kind, name, &self.catalogue)
    }

    /// What a call did, from memory or else from the cache folder.
    pub(crate) fn record(&self, key: &Key) -> Option<Record> {
        let known = lock(&self.memory).record(key).cloned();
        known.or_else(|| {
            let record = self.disk.as_ref()?.record(key)?;
            lock(&self.memory).add_record(*key, record.clone());
            Some(record)
        })
    }

    pub(crate) fn store_record(&self, key: &Key, record: &Record) -> std::io::Result<()> {
        self.disk.as_ref().map_or(Ok(()), |disk| disk.add_record(key, record))
    }

    pub(crate) fn store_value(&self, key: &Key, object: &dyn Object, seconds: f64) -> std::io::Result<()> {
        self.disk.as_ref().map_or(Ok(()), |disk| disk.add_value(key, object, seconds, &self.nodes))
    }

    /// Reads a value from the cache folder.
    pub(crate) fn load_value(&self, key: &Key, type_name: &str) -> Option<Arc<dyn Object>> {
        let started = Instant::now();
        let object = self.disk.as_ref()?.value(key, type_name, &self.nodes)?;
        lock(&self.memory).add_value(*key, object.clone(), started.elapsed().as_secs_f64());
        Some(object)
    }

    pub(crate) fn disk_failed(&self) {
        self.disk_failed.store(true, Ordering::Relaxed);
    }

    /// See [`selfsame_sdk::Ctx::shared`].
    pub(crate) fn shared(&self, key: &str, make: MakeShared) -> selfsame_sdk::Result<Arc<dyn Any + Send + Sync>> {
        let _within = Within::enter(self, key)?;
        let making = lock(&self.making).entry(key.to_owned()).or_default().clone();
        let guard = lock(&making);
        let known = lock(&self.memory).shared(key);
        let result = match known {
            Some(known) => Ok(known),
            None => {
                let started = Instant::now();
                make().map(|(made, bytes)| {
                    lock(&self.memory).add_shared(key, made.clone(), bytes, started.elapsed().as_secs_f64());
                    made
                })
            }
        };
        drop(guard);
        drop(making);
        lock(&self.making).retain(|_, making| Arc::strong_count(making) > 1);
        result
    }

    /// What a node of a lane holds while it runs.
    pub(crate) fn alone(&self, lane: &str) -> Arc<Mutex<()>> {
        lock(&self.alone).entry(lane.to_owned()).or_default().clone()
    }

    /// Where nodes compute.
    pub(crate) fn compute(&self) -> &Compute {
        &self.compute
    }

    /// What nodes get from [`selfsame_sdk::Ctx::get`].
    pub(crate) fn offer(&self, id: TypeId) -> Option<&(dyn Any + Send + Sync)> {
        let offers: [&(dyn Any + Send + Sync); 2] = [&self.compute, &self.onnx_runtime];
        offers.into_iter().find(|offer| (**offer).type_id() == id)
    }

    pub(crate) fn traces(&self, graph: &str) -> HashMap<String, Trace> {
        if let Some(traces) = lock(&self.traces).get(graph) {
            return traces.clone();
        }
        let from_disk = self.disk.as_ref().and_then(|disk| disk.json("traces", &trace_key(graph)));
        from_disk.unwrap_or_default()
    }

    /// Keeps what the nodes of a graph were given, and whatever else is kept between runs.
    pub(crate) fn keep_traces(&self, graph: &str, traces: HashMap<String, Trace>) {
        if let Some(disk) = &self.disk
            && disk.add_json("traces", &trace_key(graph), &traces).is_err()
        {
            self.disk_failed();
        }
        lock(&self.traces).insert(graph.to_owned(), traces);
    }

    /// Writes down what another program may use: digests of files; and makes room in the cache folder.
    pub(crate) fn tidy(&self) {
        let pruned = self.disk.as_ref().is_none_or(|disk| disk.prune().is_ok());
        if !pruned {
            self.disk_failed();
        }
        // Without them the next program only has to read the files again.
        let _ = self.files.save();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.tidy();
    }
}

thread_local! {
    /// The shared resources that this thread is making, one for the other, each with the address of its host.
    static MAKING: RefCell<Vec<(usize, String)>> = const { RefCell::new(Vec::new()) };
}

/// A thread makes a shared resource, or waits for it, until this is dropped.
struct Within;

impl Within {
    /// # Errors
    /// If the resource is being made by this thread, which would wait for itself.
    fn enter(host: &Host, key: &str) -> selfsame_sdk::Result<Within> {
        let entry = (std::ptr::from_ref(host).addr(), key.to_owned());
        MAKING.with_borrow_mut(|making| {
            if making.contains(&entry) {
                return Err(selfsame_sdk::Error::new("a shared resource asks for itself while it is made"));
            }
            making.push(entry);
            Ok(Within)
        })
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        MAKING.with_borrow_mut(Vec::pop);
    }
}

fn trace_key(graph: &str) -> Key {
    // Wherever a program is started, a graph is the same graph.
    let path = Path::new(graph).canonicalize().map_or(graph.to_owned(), |path| path.display().to_string());
    KeyBuilder::new("trace of a graph").text(&path).finish()
}
