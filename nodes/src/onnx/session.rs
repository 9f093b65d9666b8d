//! A model that can be run.

use super::archive;
use super::runtime::{is_loaded, loaded, words};
use super::{Port, Runtime, has_cuda};
use crate::Compute;
use candle_core::DeviceLocation;
use ort::logging::LogLevel;
use ort::session::Session as OrtSession;
use ort::session::builder::SessionBuilder;
use selfsame_models::weights::{check_onnx, check_onnx_bytes};
use selfsame_sdk::{Choice, Ctx, Error, ErrorExt, Result, Status, Tensor};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How a model is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What computes.
    pub provider: Provider,
    /// Whether the processor stands in, with a warning, where CUDA is wanted and cannot be used.
    pub may_fall_back: bool,
    /// How many threads compute one operation.
    pub threads: NonZeroUsize,
}

/// What computes: an execution provider of ONNX Runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// The processor.
    Cpu,
    /// The CUDA device of this number.
    Cuda(usize),
}

impl Provider {
    /// The one for a device.
    pub fn of(compute: &Compute) -> Self {
        match compute.device.location() {
            DeviceLocation::Cuda { gpu_id } => Provider::Cuda(gpu_id),
            _ => Provider::Cpu,
        }
    }
}

/// What a node lets its user choose: what computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Device {
    /// CUDA if the run is on it and ONNX Runtime can use it, else the processor.
    Auto,
    /// The processor.
    Cpu,
    /// CUDA, or nothing.
    Cuda,
}

impl Options {
    /// All threads of the processor, and what a user chose.
    pub fn of(device: Device, compute: &Compute) -> Self {
        let provider = match (device, Provider::of(compute)) {
            (Device::Cpu, _) => Provider::Cpu,
            // A run on the processor names no CUDA device: the first one is meant.
            (Device::Cuda, Provider::Cpu) => Provider::Cuda(0),
            (_, provider) => provider,
        };
        Options { provider, may_fall_back: device != Device::Cuda, ..Options::default() }
    }

    /// Whether the loaded library can do that; how well CUDA works, only a model shows.
    ///
    /// # Errors
    /// If CUDA must be used, and the library has none.
    pub fn check(&self) -> Result<()> {
        if self.may_fall_back || self.provider == Provider::Cpu || has_cuda() {
            return Ok(());
        }
        let library = loaded().map_or_else(|| "which is not loaded".to_owned(), ToString::to_string);
        Err(Error::with(Status::Unsupported, format!("CUDA was asked for, but this ONNX Runtime has none: {library}"))
            .hint("run `selfsame setup --gpu`, name another library with ORT_DYLIB_PATH, or use the processor"))
    }
}

impl Default for Options {
    /// All threads of the processor.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Options { provider: Provider::Cpu, may_fall_back: true, threads }
    }
}

/// A model that can be run, from several threads too: they wait for one another, as one run uses all of its threads.
pub struct Session {
    path: PathBuf,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    provider: Provider,
    session: Mutex<OrtSession>,
}

impl Session {
    /// Opens the model file at `path` for a node, once for all nodes that share it.
    ///
    /// # Errors
    /// If ONNX Runtime is not there, the file cannot be read, or it is no ONNX model that ONNX Runtime can run.
    pub fn open(ctx: Ctx, path: &Path, options: Options) -> Result<Arc<Session>> {
        let digest = ctx.reads(path)?;
        ctx.shared(&format!("onnx {digest} {options:?}"), || {
            // Nothing is fetched for a file that cannot be opened anyway.
            check_onnx(path)?;
            ctx.get::<Runtime>()?.start(ctx)?;
            let session = Session::load(path, options)?;
            session.warn_of_fall_back(ctx, options);
            Ok((session, memory(std::fs::metadata(path)?.len())))
        })
    }

    /// As [`open`](Self::open), of the file `entry` in a zip archive. Nothing else in it is unpacked, and nothing is written.
    ///
    /// # Errors
    /// As [`open`](Self::open), and if the archive is damaged or has no such file.
    pub fn open_zipped(ctx: Ctx, archive: &Path, entry: &str, options: Options) -> Result<Arc<Session>> {
        let digest = ctx.reads(archive)?;
        ctx.shared(&format!("onnx {digest} {entry} {options:?}"), || {
            let bytes = archive::read(archive, entry)?;
            ctx.get::<Runtime>()?.start(ctx)?;
            let session = Session::from_bytes(&archive.join(entry), &bytes, options)?;
            session.warn_of_fall_back(ctx, options);
            Ok((session, memory(bytes.len() as u64)))
        })
    }

    /// Opens a model file. [A library](super::load) must be loaded.
    ///
    /// # Errors
    /// As [`open`](Self::open), and if no library is loaded.
    pub fn load(path: &Path, options: Options) -> Result<Session> {
        check_onnx(path)?;
        Session::with(path, &|mut builder| builder.commit_from_file(path), options)
    }

    /// Opens a model that is in memory, `name` in messages. [A library](super::load) must be loaded.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_bytes(name: &Path, bytes: &[u8], options: Options) -> Result<Session> {
        check_onnx_bytes(name, bytes)?;
        Session::with(name, &|mut builder| builder.commit_from_memory(bytes), options)
    }

    fn with(path: &Path, commit: &Commit, options: Options) -> Result<Session> {
        if !is_loaded() {
            // Left alone, `ort` would load whatever the system finds, and panic if it finds nothing.
            return Err(Error::with(Status::Unsupported, "ONNX Runtime is not loaded"));
        }
        let file = || path.display().to_string();
        // `ort` panics on inputs of rare types, such as sequences of sequences.
        let opened = catch_unwind(AssertUnwindSafe(|| with_provider(commit, options)));
        let opened = opened.unwrap_or_else(|_| Err(Error::with(Status::Unsupported, "it has inputs of unknown types")));
        let (session, provider) = opened.context(file)?;
        Ok(Session {
            path: path.to_owned(),
            inputs: session.inputs().iter().map(Port::of).collect(),
            outputs: session.outputs().iter().map(Port::of).collect(),
            provider,
            session: Mutex::new(session),
        })
    }

    fn warn_of_fall_back(&self, ctx: Ctx, options: Options) {
        if self.provider != options.provider {
            let file = self.path.display();
            ctx.warn(format!("{file} runs on the processor: this ONNX Runtime cannot use CUDA here"));
        }
    }

    /// The model file; of one in an archive, its path if the archive were a folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What must be given, in this order.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// What comes out, in this order.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// What computes.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// Runs the model. Values are f32 on this side, whatever type the model has.
    ///
    /// # Errors
    /// If the inputs are not as many as [`inputs`](Self::inputs) and of their shapes, or the model fails.
    pub fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        self.run_all(inputs).context(|| self.path.display().to_string())
    }

    fn run_all(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        if inputs.len() != self.inputs.len() {
            return Err(Error::new(format!("expected {} inputs, got {}", self.inputs.len(), inputs.len())));
        }
        let inputs: Result<Vec<_>> = self.inputs.iter().zip(inputs).map(|(port, tensor)| port.input(tensor)).collect();
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = session.run(&*inputs?).map_err(|error| Error::new(format!("it failed: {}", words(&error))))?;
        self.outputs.iter().zip(outputs.values()).map(|(port, value)| port.output(&value)).collect()
    }
}

/// The weights, and those that are kept once more in the order that the processor likes.
fn memory(file: u64) -> u64 {
    2 * file
}

/// What makes a session of a builder: from a file, or from memory.
type Commit<'c> = dyn Fn(SessionBuilder) -> ort::Result<OrtSession> + 'c;

/// Opens with CUDA if that is wanted and works; else without, if that will do.
fn with_provider(commit: &Commit, options: Options) -> Result<(OrtSession, Provider)> {
    options.check()?;
    if let Provider::Cuda(device) = options.provider
        && let (true, Ok(device_id)) = (has_cuda(), i32::try_from(device))
    {
        let cuda = ort::ep::CUDA::default().with_device_id(device_id).build().error_on_failure();
        let with_cuda = builder(options).and_then(|builder| Ok(builder.with_execution_providers([cuda])?));
        match with_cuda.and_then(|builder| open(builder, commit)) {
            Ok(session) => return Ok((session, options.provider)),
            // Its libraries may be missing, or made for another driver; the processor gives the same results.
            Err(_) if options.may_fall_back => {}
            Err(error) => return Err(error).context(|| format!("CUDA device {device}")),
        }
    }
    Ok((open(builder(options)?, commit)?, Provider::Cpu))
}

fn builder(options: Options) -> Result<SessionBuilder> {
    Ok(SessionBuilder::new()?
        // What goes wrong comes back as an error; models are full of things worth a warning to their makers.
        .with_log_level(LogLevel::Fatal)?
        // Threads that wait busily would take the processor from the other nodes.
        .with_intra_op_spinning(false)?
        .with_intra_threads(options.threads.get())?)
}

fn open(builder: SessionBuilder, commit: &Commit) -> Result<OrtSession> {
    commit(builder).map_err(|error| {
        let (status, what) = match error.code() {
            ort::ErrorCode::InvalidProtobuf => (Status::InvalidArgument, "it is damaged, cut off, or no ONNX model"),
            _ => (Status::Unsupported, "ONNX Runtime cannot run it"),
        };
        Error::with(status, format!("{what}: {}", words(&error))).hint("fetch the file again, or use another model")
    })
}
