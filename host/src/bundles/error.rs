//! Why a bundle cannot be used as it is.

use std::path::PathBuf;

/// Why a bundle cannot be used as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// A file of it cannot be read.
    #[error("{} cannot be read: {reason}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The manifest says what no manifest can say.
    #[error("{place}: {problem}")]
    Manifest {
        /// The file, with line and column where they are known.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// A file lies elsewhere, by way of a link.
    #[error("{} leads out of the bundle, to {}", .path.display(), .to.display())]
    Outside {
        /// The file as the manifest names it.
        path: PathBuf,
        /// Where it lies.
        to: PathBuf,
    },
    /// A library is not the one that the manifest means.
    #[error("{} is not the library that its manifest means: expected SHA-256 {expected}, got {got}", .path.display())]
    Digest {
        /// The library.
        path: PathBuf,
        /// The digest in the manifest.
        expected: String,
        /// The digest of the file.
        got: String,
    },
    /// There is no library for this system.
    #[error("it has no library for {wanted}, only for {}", .there.join(", "))]
    NoTarget {
        /// This system.
        wanted: String,
        /// The systems that it has libraries for.
        there: Vec<String>,
    },
    /// It was built for another version of the plugin boundary.
    #[error("it needs version {major}.{minor} of the plugin boundary, this is {}.{}", .here.0, .here.1)]
    Abi {
        /// The major version that it needs.
        major: u16,
        /// The oldest minor version that it can work with.
        minor: u16,
        /// The version of this program.
        here: (u16, u16),
    },
    /// The signature is not one of the manifest, or cannot be read.
    #[error("{}: {problem}", .path.display())]
    Signature {
        /// The file with the signature.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file cannot be written.
    #[error("{} cannot be written: {reason}", .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}
