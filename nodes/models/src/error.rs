//! The one error type of the crate.

use crate::adapter::AdapterProblem;
use crate::lora::LoraProblem;
use crate::weights::{FileProblem, Weights, WeightsReport};
use std::path::PathBuf;

/// What every fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong between a file on disk and a finished latent.
///
/// Messages say what was expected, what was found and what to do; they are lower case and carry no final dot, so that
/// callers can wrap them in their own context.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Arithmetic on tensors failed: shapes, dtypes, or the device.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// A file could not be read as what it should be.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: FileProblem,
    },
    /// A file was read, but what is in it does not fit the network: all findings at once.
    #[error("{0}")]
    Weights(Box<WeightsReport>),
    /// A LoRA file cannot be laid over the model.
    #[error("{file}: {problem}")]
    Lora {
        /// The file, as its source describes it.
        file: String,
        /// What is wrong with it.
        problem: Box<LoraProblem>,
    },
    /// An IP-Adapter file cannot be used, or not with this model.
    #[error("{file}: {problem}")]
    Adapter {
        /// The file, as its source describes it.
        file: String,
        /// What is wrong with it.
        problem: Box<AdapterProblem>,
    },
    /// A configuration (a `config.json`, a scheduler setting) asks for something impossible or not supported.
    #[error("{what}: {message}")]
    Config {
        /// Which configuration, e.g. `unet/config.json`.
        what: String,
        /// What is wrong, what is possible.
        message: String,
    },
    /// A value handed to this crate does not fit.
    #[error("{what}: expected {expected}, got {got}")]
    Input {
        /// The value's name.
        what: String,
        /// What would have been right.
        expected: String,
        /// What it was.
        got: String,
    },
    /// What was hooked in from outside failed ([`crate::sampling::Hooks`]), as did a denoiser from outside.
    #[error("{0}")]
    Hook(Box<dyn std::error::Error + Send + Sync>),
    /// The caller asked to stop (see [`crate::Cancel`]).
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// A [`Error::Config`].
    pub fn config(what: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Config { what: what.into(), message: message.into() }
    }

    /// A [`Error::Input`].
    pub fn input(what: impl Into<String>, expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self::Input { what: what.into(), expected: expected.into(), got: got.into() }
    }

    /// An [`Error::Adapter`] about the file under a cursor.
    pub(crate) fn adapter(weights: &Weights, problem: AdapterProblem) -> Self {
        Self::Adapter { file: weights.source().describe(), problem: Box::new(problem) }
    }

    /// A [`Error::File`].
    pub fn file(path: impl Into<PathBuf>, problem: FileProblem) -> Self {
        Self::File { path: path.into(), problem }
    }
}
