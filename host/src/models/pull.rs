//! Fetching models.

use super::download::{Remote, download};
use super::lock::Lock;
use super::verify::check;
use super::{Folders, Hub, Model, ModelFile, PullError, Verdict};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How the caller follows what happens, and stops it.
pub struct Watch<'a> {
    /// Is told what happens to the file that will be at this path. Called often: at least every few hundred kilobytes.
    pub event: &'a dyn Fn(&Path, Event<'_>),
    /// Says whether to stop. What was fetched stays, and a later call continues with it.
    pub cancelled: &'a dyn Fn() -> bool,
}

/// What happens to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Another process fetches it; this one waits for that.
    Waiting,
    /// Bytes on disk are being hashed.
    Checking {
        /// Bytes so far.
        done: u64,
        /// Bytes of the file.
        total: u64,
    },
    /// Bytes arrive.
    Fetching {
        /// Bytes on disk so far, also from earlier calls.
        done: u64,
        /// Bytes of the file, if the server says so.
        total: Option<u64>,
    },
    /// Something failed, and will be tried again.
    Retrying {
        /// What failed.
        reason: &'a str,
        /// The pause before the next attempt.
        pause: Duration,
    },
}

/// A file of a model that is on disk now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// Where it is. Not in the first models folder if another one had it already.
    pub path: PathBuf,
    /// Whether it was fetched.
    pub outcome: Outcome,
    /// How sure it is that it is the right one.
    pub checked: Checked,
}

/// Whether a file was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was fetched.
    Fetched,
    /// It was there.
    AlreadyThere,
}

/// What a file was compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// The SHA-256 in the catalogue.
    Catalogue,
    /// The SHA-256 that the hub states: right if the hub is honest.
    Hub,
    /// Its length only: neither the catalogue nor the hub knows its SHA-256.
    Length,
}

/// Fetches the files of a model that no models folder has yet into the first one; none of a model that is part of the program.
///
/// A file appears under its name when it is complete and checked. Until then it is `NAME.part`, with which a later call
/// continues. Two processes that fetch the same file do it one after the other. Show [`Model::licence`] before.
///
/// # Errors
/// [`PullError`]. Files that were complete stay.
pub fn pull(hub: &Hub, model: &Model, folders: &Folders, watch: &Watch<'_>) -> Result<Vec<Pulled>, PullError> {
    if model.bundled {
        return Ok(Vec::new());
    }
    let destination = folders.destination().ok_or(PullError::NoFolder)?;
    model.files.iter().map(|file| pull_file(hub, model, file, folders, destination, watch)).collect()
}

fn pull_file(
    hub: &Hub,
    model: &Model,
    file: &ModelFile,
    folders: &Folders,
    destination: &Path,
    watch: &Watch<'_>,
) -> Result<Pulled, PullError> {
    let target = destination.join(file.path());
    let elsewhere = folders.find_exact(&file.kind, &file.name).filter(|path| *path != target);
    for path in elsewhere.iter().chain([&target]) {
        match present(path, file, watch)? {
            Some(Ok(pulled)) => return Ok(pulled),
            Some(Err(occupied)) if *path == target => return Err(occupied),
            // A damaged copy in another folder does no harm.
            _ => {}
        }
    }
    let folder = target.parent().unwrap_or(destination);
    std::fs::create_dir_all(folder).map_err(PullError::storage(folder, "cannot be made"))?;
    let lock = Lock::acquire(&target, watch)?;
    // Whoever held the lock has perhaps fetched it.
    let pulled = match present(&target, file, watch)? {
        Some(found) => found?,
        None => {
            let remote = Remote {
                url: hub.url(&model.repository, &model.revision, &file.from),
                page: hub.page(&model.repository),
                bytes: file.bytes,
                sha256: file.sha256.as_deref(),
            };
            let checked = download(hub, &remote, &target, watch)?;
            Pulled { path: target, outcome: Outcome::Fetched, checked }
        }
    };
    lock.done();
    Ok(pulled)
}

/// The file, if there is one at `path`; an error inside if it is another one.
fn present(path: &Path, file: &ModelFile, watch: &Watch<'_>) -> Result<Option<Result<Pulled, PullError>>, PullError> {
    let checked = match check(path, file, watch) {
        Verdict::Missing => return Ok(None),
        Verdict::Cancelled => return Err(PullError::Cancelled),
        Verdict::Good => Checked::Catalogue,
        Verdict::NoKnownDigest { .. } => Checked::Length,
        other => return Ok(Some(Err(PullError::Occupied { path: path.to_path_buf(), found: other.to_string() }))),
    };
    Ok(Some(Ok(Pulled { path: path.to_path_buf(), outcome: Outcome::AlreadyThere, checked })))
}
