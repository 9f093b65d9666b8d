//! What can be wrong with a weight file, in words.

use std::fmt;

/// Why a file is not what it should be, before any tensor is looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// The operating system's words.
    #[error("cannot be read: {0}")]
    Io(String),
    /// Not a tokenizer's file, or a folder without one.
    #[error("is no CLIP tokenizer: {0}")]
    Tokenizer(String),
    /// Nothing in it is a textual inversion embedding.
    #[error("is no textual inversion embedding: {0}")]
    TextualInversion(String),
}

/// One thing wrong with one tensor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeightProblem {
    /// The network needs it and the file lacks it.
    #[error("missing {name} {expected:?}")]
    Missing {
        /// Full dotted name.
        name: String,
        /// The shape it should have.
        expected: Vec<usize>,
    },
    /// It has another shape than the network's configuration asks for.
    #[error("{name}: expected shape {expected:?}, got {found:?}")]
    Shape {
        /// Full dotted name.
        name: String,
        /// The shape it should have.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
}

/// All findings about one file, read as one network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WeightsReport {
    /// The file or folder.
    pub source: String,
    /// What it was read as, e.g. `SDXL UNet`.
    pub network: String,
    /// What makes it unusable.
    pub problems: Vec<WeightProblem>,
    /// Tensors in the file that the network did not ask for; harmless alone.
    pub unexpected: Vec<String>,
}

impl fmt::Display for WeightsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} problem(s) reading it as {}", self.source, self.problems.len(), self.network)?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}
