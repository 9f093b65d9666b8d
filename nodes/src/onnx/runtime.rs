//! Loading the library, once per process.

use super::{Found, OLDEST};
use selfsame_sdk::{Ctx, Error, Result, Status};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, OnceLock, PoisonError};

/// How nodes get ONNX Runtime: the host offers one, nodes ask for it with `ctx.get::<Runtime>()`.
pub struct Runtime {
    provide: Box<Provide>,
}

type Provide = dyn Fn(Ctx) -> Result<Found> + Send + Sync;

/// A library stays loaded until the process ends.
static LOADED: OnceLock<Found> = OnceLock::new();

impl Runtime {
    /// `provide` finds the library, and may fetch it; it is asked when a node needs the library for the first time.
    pub fn new(provide: impl Fn(Ctx) -> Result<Found> + Send + Sync + 'static) -> Self {
        Runtime { provide: Box::new(provide) }
    }

    /// Loads the library if it is not loaded yet. Two nodes that ask at the same time wait for one another.
    ///
    /// # Errors
    /// If there is none, or it cannot be used.
    pub fn start(&self, ctx: Ctx) -> Result<&'static Found> {
        static STARTING: Mutex<()> = Mutex::new(());
        if let Some(loaded) = LOADED.get() {
            return Ok(loaded);
        }
        let _alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        match LOADED.get() {
            Some(loaded) => Ok(loaded),
            None => load((self.provide)(ctx)?),
        }
    }
}

/// Loads a library, which runs the code in it: take one that [`find`](super::find()) gives. It is loaded for good: the first one that can be used stays until the process ends, and is what later calls give.
///
/// # Errors
/// If the system cannot load it, or it is not ONNX Runtime, or one that is too old.
pub fn load(found: Found) -> Result<&'static Found> {
    if let Some(loaded) = LOADED.get() {
        return Ok(loaded);
    }
    let path = found.path.display().to_string();
    let fail = |message: String| {
        Error::with(Status::Unsupported, format!("{path}: {message}"))
            .hint("run `selfsame setup`, or name another library with ORT_DYLIB_PATH")
    };
    // `ort` panics where a library has the right names in it and nothing behind them.
    let started = catch_unwind(AssertUnwindSafe(|| {
        use ort::LoadDynamicError::{BadVersion, Dlopen, MissingApi};
        let environment = ort::init_from(&found.path).map_err(|error| match error {
            Dlopen { error, .. } => format!("this library cannot be loaded: {}", words(&error)),
            MissingApi { .. } => "this library is not ONNX Runtime".to_owned(),
            BadVersion { version_str, .. } => {
                format!("this is ONNX Runtime {version_str}; expected {OLDEST} or a later one below 2.0")
            }
        })?;
        let _ = ort::api();
        environment.with_name("selfsame").with_telemetry(false).commit();
        ort::environment::Environment::current().map(drop).map_err(|error| words(&error))
    }));
    started.unwrap_or_else(|_| Err("this ONNX Runtime lacks the interface that is needed".to_owned())).map_err(fail)?;
    Ok(LOADED.get_or_init(|| found))
}

/// Whether a library is loaded.
pub(super) fn is_loaded() -> bool {
    LOADED.get().is_some()
}

/// The library that is loaded.
pub(super) fn loaded() -> Option<&'static Found> {
    LOADED.get()
}

/// Whether the library can compute with CUDA; it cannot as long as none is loaded.
pub fn has_cuda() -> bool {
    use ort::ep::ExecutionProvider;
    is_loaded() && ort::ep::CUDA::default().is_available().unwrap_or(false)
}

/// An error with what caused it, on one line.
pub(super) fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
