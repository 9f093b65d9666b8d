//! Why there is no ONNX Runtime.

use super::{NotFound, VARIABLE};
use crate::models::PullError;
use std::path::PathBuf;

/// Why there is no ONNX Runtime.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is none that can be used.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// Nobody knows where to put one.
    #[error("there is no cache folder to put ONNX Runtime in: set HOME, or name a library in {VARIABLE}")]
    NoFolder,
    /// None is known for this machine.
    #[error(
        "no ONNX Runtime{} is known that runs on {}-{}: install one yourself and name its library in {VARIABLE}",
        if *gpu { " with CUDA" } else { "" }, std::env::consts::OS, std::env::consts::ARCH
    )]
    NoWheel {
        /// Whether one with CUDA was asked for.
        gpu: bool,
    },
    /// Writing or reading failed.
    #[error("{}: {doing}: {source}", path.display())]
    Storage {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// What was fetched is something else. Nothing of it was kept.
    #[error(
        "{from}: expected {file} with SHA-256 {expected}, got {got}: it was changed or damaged, nothing of it was kept"
    )]
    WrongDigest {
        /// Who gave it.
        from: &'static str,
        /// What was asked for.
        file: String,
        /// The digest that it should have.
        expected: String,
        /// The one that it has.
        got: String,
    },
    /// It cannot be fetched.
    #[error("cannot fetch ONNX Runtime: {source}{}", pip.as_ref().map(|reason| format!("; pip: {reason}")).unwrap_or_default())]
    Fetch {
        /// Why `pip` did not, where there is one.
        pip: Option<String>,
        /// Why the download failed.
        source: PullError,
    },
    /// The wheel does not hold what it should.
    #[error("{file}: {reason}; nothing of it was kept")]
    Wheel {
        /// The wheel.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// For `map_err`.
    pub(super) fn storage(path: impl Into<PathBuf>, doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Storage { path, doing, source }
    }
}
