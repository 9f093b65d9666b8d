//! Why a model could not be fetched.

use std::path::PathBuf;

/// Why a model could not be fetched. What was fetched so far stays, unless a variant says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PullError {
    /// No models folder is named, and the platform has none for user data.
    #[error("there is no models folder to put the file in: name one with --models or SELFSAME_MODELS")]
    NoFolder,
    /// The hub's address, token or certificates in the environment cannot be used.
    #[error("{what}: {problem}")]
    Settings {
        /// The variable or file.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Writing, reading or locking failed.
    #[error("{}: {doing}: {source}{}", path.display(), full(source))]
    Storage {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The file does not fit on the disk. Nothing was fetched.
    #[error("{}: not enough space on the disk: {needed} bytes are needed, {free} are free", path.display())]
    NoSpace {
        /// The folder.
        path: PathBuf,
        /// Bytes still to be written.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// A different file has the name already. It is not touched.
    #[error("{}: a file of this name is there already, but it is not the one to fetch: {found}; move it away and try again", path.display())]
    Occupied {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// The hub wants to know who asks, or that somebody agreed to the licence.
    #[error("{page} answers {status}: {}", gate(*token))]
    Gated {
        /// The page where the licence is accepted.
        page: String,
        /// 401 or 403.
        status: u16,
        /// Whether a token was sent.
        token: bool,
    },
    /// The hub does not have the file.
    #[error(
        "{url}: not found (404): the repository, the revision or the file is not there, or it is private and needs a token in HF_TOKEN"
    )]
    NotFound {
        /// What was asked for.
        url: String,
    },
    /// The server answered something that makes no sense.
    #[error("{url}: {problem}")]
    Server {
        /// What was asked for.
        url: String,
        /// What the answer was.
        problem: String,
    },
    /// It failed too often in a row.
    #[error("{url}: gave up after {attempts} attempts: {reason}; {kept} bytes are kept, pull again to continue")]
    GaveUp {
        /// What was asked for.
        url: String,
        /// How often it was tried without progress.
        attempts: u32,
        /// The last failure.
        reason: String,
        /// Bytes on disk.
        kept: u64,
    },
    /// The server's file has another length than it should have.
    #[error("{url}: expected {expected} bytes, got {got}: this is not the file that was asked for")]
    WrongSize {
        /// What was asked for.
        url: String,
        /// The length that the catalogue or the hub states.
        expected: u64,
        /// The length that the server announces.
        got: u64,
    },
    /// The bytes are not those of the file. They were deleted.
    #[error("{url}: expected SHA-256 {expected}, got {got}: the file was changed or damaged, nothing of it was kept")]
    WrongDigest {
        /// What was asked for.
        url: String,
        /// The digest that the catalogue or the hub states.
        expected: String,
        /// The digest of what the server sends.
        got: String,
    },
    /// The server sent something else under this name, such as a web page. It was deleted.
    #[error(
        "{url}: the server sent {what} instead of the file (a proxy, a login page or a mirror without large files?)"
    )]
    NotTheFile {
        /// What was asked for.
        url: String,
        /// What it is, with its article.
        what: &'static str,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl PullError {
    /// For `map_err`.
    pub(crate) fn storage(path: impl Into<PathBuf>, doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Storage { path, doing, source }
    }
}

fn full(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::StorageFull => "; make room on the disk, then pull again to continue",
        std::io::ErrorKind::PermissionDenied => "; name another folder with --models or SELFSAME_MODELS",
        _ => "",
    }
}

fn gate(token: bool) -> &'static str {
    match token {
        true => "the token is not allowed to read this repository: accept its licence on that page, or check the token",
        false => "it needs a token: accept the licence on that page, and set HF_TOKEN to a token of your account",
    }
}
