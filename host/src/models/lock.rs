//! One process at a time fetches a file.

use super::{Event, PullError, Watch};
use fs4::{FileExt, TryLockError};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a lock is tried that somebody else holds.
const INTERVAL: Duration = Duration::from_millis(100);

/// The right to write one file and what belongs to it. Given back when dropped, also by a process that dies.
pub(crate) struct Lock {
    path: PathBuf,
    /// The lock hangs on the open file.
    _file: File,
}

impl Lock {
    /// Waits until nobody else fetches `target`.
    ///
    /// # Errors
    /// If the lock file cannot be made or locked, or when cancelled.
    pub fn acquire(target: &Path, watch: &Watch<'_>) -> Result<Self, PullError> {
        let path = super::part::beside(target, ".lock");
        let open = || OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = open().map_err(PullError::storage(&path, "cannot be written"))?;
        let mut told = false;
        loop {
            match FileExt::try_lock(&file) {
                Ok(()) => return Ok(Self { path, _file: file }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(e)) => return Err(PullError::storage(&path, "cannot be locked")(e)),
            }
            if !told {
                (watch.event)(target, Event::Waiting);
                told = true;
            }
            if (watch.cancelled)() {
                return Err(PullError::Cancelled);
            }
            std::thread::sleep(INTERVAL);
        }
    }

    /// Gives the lock back when the target is complete, and removes its file.
    ///
    /// Whoever waits for the removed file gets a lock that locks nobody out; that does no harm, because the complete
    /// target is the first thing that everybody looks at.
    pub fn done(self) {
        // If it stays, an empty file stays.
        let _ = std::fs::remove_file(&self.path);
    }
}
