//! Named tensors: where networks get their weights from.
//!
//! A [`TensorSource`] is anything that holds tensors by name: a safetensors file, a torch pickle, several shards, a renaming
//! view of another source. [`Weights`] is a cursor over a source: it walks down the dotted names (`weights.pp("down_blocks")`),
//! hands out tensors in the wanted dtype on the wanted device, shares what it has loaded, lays [`Delta`]s (LoRA) over
//! them without touching the shared tensors, and remembers every problem, so that [`Weights::finish`] reports them all at once.
//!
//! Names are those of diffusers and transformers everywhere in this crate; a source in another naming is wrapped.
//!
//! From a path to a network: [`open`] finds out what a file really is and reads its names and shapes, [`recognise`] and [`expect`]
//! tell what network that is, [`names`] shows it in diffusers names, [`infer`] reads its configuration off the shapes.
//! [`Checkpoint`] does all of it for a whole model.

mod checkpoint;
mod delta;
mod detect;
mod file;
pub mod infer;
pub mod names;
mod open;
mod pickle;
mod pickle_guard;
mod problem;
mod random;
mod rename;
mod safetensors;

pub use checkpoint::{Checkpoint, Part};
pub use delta::{Change, Delta, Deltas};
pub use detect::{Architecture, Family, Kind, expect, recognise};
pub use file::{check_onnx, check_onnx_bytes};
pub use open::{config_of, open};
pub use problem::{FileProblem, WeightProblem, WeightsReport};
pub use random::{Shapes, random, shapes, write_random};

use crate::{Error, Result};
use candle_core::{DType, Device, Shape, Tensor};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

/// What is known of a stored tensor without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// How it is stored.
    pub dtype: DType,
}

/// Something that holds tensors by name.
pub trait TensorSource: Send + Sync {
    /// Every tensor, by name.
    fn tensors(&self) -> &BTreeMap<String, TensorInfo>;

    /// Reads one tensor of [`Self::tensors`], converted to `dtype` (integers stay as they are), onto `device`.
    ///
    /// # Errors
    /// When the file cannot be read.
    fn load(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor>;

    /// What to call this source in messages: a path.
    fn describe(&self) -> String;

    /// Free-form texts that the file carries beside its tensors; none for most sources.
    fn metadata(&self) -> &BTreeMap<String, String> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        &NONE
    }
}

/// Tensors in memory, e.g. made by a test or a trainer.
#[derive(Debug, Default)]
pub struct InMemory {
    tensors: HashMap<String, Tensor>,
    infos: BTreeMap<String, TensorInfo>,
}

impl InMemory {
    /// Takes the tensors over.
    pub fn new(tensors: HashMap<String, Tensor>) -> Self {
        let info = |t: &Tensor| TensorInfo { shape: t.dims().to_vec(), dtype: t.dtype() };
        let infos = tensors.iter().map(|(name, t)| (name.clone(), info(t))).collect();
        Self { tensors, infos }
    }
}

impl TensorSource for InMemory {
    fn tensors(&self) -> &BTreeMap<String, TensorInfo> {
        &self.infos
    }

    fn load(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor> {
        let tensor = self.tensors.get(name).ok_or_else(|| Error::input("tensor name", "one that is held", name))?;
        let dtype = if tensor.dtype().is_float() { dtype } else { tensor.dtype() };
        Ok(tensor.to_device(device)?.to_dtype(dtype)?)
    }

    fn describe(&self) -> String {
        "tensors in memory".into()
    }
}

/// A cursor over a [`TensorSource`]; clones are cheap and share loaded tensors.
#[derive(Clone)]
pub struct Weights {
    base: Arc<Base>,
    audit: Arc<Mutex<Audit>>,
    deltas: Arc<Deltas>,
    prefix: String,
}

/// What all cursors over one source share.
struct Base {
    source: Arc<dyn TensorSource>,
    dtype: DType,
    device: Device,
    loaded: Mutex<HashMap<String, Tensor>>,
}

/// What one construction of a network asked for.
#[derive(Default)]
struct Audit {
    asked: BTreeSet<String>,
    problems: Vec<WeightProblem>,
}

impl Weights {
    /// A cursor at the root of `source`; tensors come as `dtype` on `device`.
    pub fn new(source: Arc<dyn TensorSource>, dtype: DType, device: &Device) -> Self {
        let base = Base { source, dtype, device: device.clone(), loaded: Mutex::default() };
        Self { base: Arc::new(base), audit: Arc::default(), deltas: Arc::default(), prefix: String::new() }
    }

    /// A cursor over tensors in memory.
    pub fn from_tensors(tensors: HashMap<String, Tensor>, dtype: DType, device: &Device) -> Self {
        Self::new(Arc::new(InMemory::new(tensors)), dtype, device)
    }

    /// A fresh cursor at the root that sees `deltas` laid over the source.
    ///
    /// Tensors without a delta are shared with this cursor; a tensor with one becomes a new tensor. Deltas that were
    /// there before are replaced: an empty set removes them.
    pub fn with_deltas(&self, deltas: Arc<Deltas>) -> Self {
        Self { base: self.base.clone(), audit: Arc::default(), deltas, prefix: String::new() }
    }

    /// One step down the dotted name.
    pub fn pp(&self, segment: impl Display) -> Self {
        Self { prefix: self.name(&segment.to_string()), ..self.clone() }
    }

    /// The dtype that tensors come in.
    pub fn dtype(&self) -> DType {
        self.base.dtype
    }

    /// The device that tensors come on.
    pub fn device(&self) -> &Device {
        &self.base.device
    }

    /// The source under the cursor.
    pub fn source(&self) -> &Arc<dyn TensorSource> {
        &self.base.source
    }

    /// The full name of `name` seen from here.
    pub fn name(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_string() } else { format!("{}.{name}", self.prefix) }
    }

    /// Where the cursor is: the dotted name so far, empty at the root.
    pub fn path(&self) -> &str {
        &self.prefix
    }

    /// Whether the source holds `name` under the cursor.
    pub fn contains(&self, name: &str) -> bool {
        self.base.source.tensors().contains_key(&self.name(name))
    }

    /// The stored shape of `name` under the cursor, if it is there.
    pub fn shape_of(&self, name: &str) -> Option<&[usize]> {
        self.base.source.tensors().get(&self.name(name)).map(|info| info.shape.as_slice())
    }

    /// The tensor `name` under the cursor.
    ///
    /// A tensor that is missing, has another shape or holds integers is noted for [`Self::finish`], and a placeholder without elements takes
    /// its place: construct the whole network, then call `finish` before using it.
    ///
    /// # Errors
    /// Only when reading the file fails.
    pub fn get(&self, name: &str, shape: impl Into<Shape>) -> Result<Tensor> {
        let name = self.name(name);
        let expected = shape.into().into_dims();
        self.lock_audit().asked.insert(name.clone());
        let problem = match self.base.source.tensors().get(&name) {
            None => WeightProblem::Missing { name, expected },
            Some(info) if info.shape != expected => WeightProblem::Shape { name, expected, found: info.shape.clone() },
            Some(info) if !info.dtype.is_float() => WeightProblem::DType { name, found: info.dtype.as_str() },
            Some(_) => return self.load(&name),
        };
        self.lock_audit().problems.push(problem);
        Ok(Tensor::zeros(0, self.base.dtype, &self.base.device)?)
    }

    fn load(&self, name: &str) -> Result<Tensor> {
        let cached = self.lock_loaded().get(name).cloned();
        let tensor = match cached {
            Some(tensor) => tensor,
            None => {
                let tensor = self.base.source.load(name, self.base.dtype, &self.base.device)?;
                self.lock_loaded().insert(name.to_string(), tensor.clone());
                tensor
            }
        };
        self.deltas.apply(name, &tensor)
    }

    /// Notes a problem that a network found beyond names and shapes.
    pub fn note(&self, problem: WeightProblem) {
        self.lock_audit().problems.push(problem);
    }

    /// Ends a construction: names every problem at once, or says what the source holds beyond what was asked for.
    ///
    /// # Errors
    /// [`Error::Weights`] when a tensor is missing, has the wrong shape, or was noted as a problem.
    pub fn finish(&self, network: &str) -> Result<WeightsReport> {
        let audit = self.lock_audit();
        let is_unexpected = |name: &&String| !audit.asked.contains(*name) && !names::is_tolerated(name);
        let unexpected = self.base.source.tensors().keys().filter(is_unexpected).cloned().collect();
        let problems = audit.problems.clone();
        let found = recognise(&self.base.source);
        let hint = (!problems.is_empty() && found.kind != Kind::Unknown).then(|| format!("it looks like {found}"));
        let (source, network) = (self.base.source.describe(), network.to_string());
        let report = WeightsReport { source, network, problems, unexpected, hint };
        if report.problems.is_empty() { Ok(report) } else { Err(Error::Weights(Box::new(report))) }
    }

    // A panic elsewhere while the lock was held leaves a map that is still whole.
    fn lock_audit(&self) -> std::sync::MutexGuard<'_, Audit> {
        self.audit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_loaded(&self) -> std::sync::MutexGuard<'_, HashMap<String, Tensor>> {
        self.base.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
