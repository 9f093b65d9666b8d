//! The part of a file that was fetched so far.

use super::digest::{hash, hex};
use super::{Event, PullError, Watch};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file beside another one: `model.bin.part`.
pub(crate) fn beside(target: &Path, suffix: &str) -> PathBuf {
    let mut path = target.as_os_str().to_os_string();
    path.push(suffix);
    PathBuf::from(path)
}

/// Which file a part belongs to. It lies beside the part, so that a file which changed on the hub is fetched anew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// The file's identity as the hub states it.
    pub etag: Option<String>,
    /// The SHA-256 that it shall have.
    pub sha256: Option<String>,
}

impl Note {
    /// Whether a part with this note can be continued with a file that has the other. Without any identity nobody knows.
    pub fn same_file(&self, other: &Self) -> bool {
        match (&self.sha256, &other.sha256) {
            (Some(mine), Some(other)) => mine == other,
            _ => self.etag.is_some() && self.etag == other.etag,
        }
    }
}

/// `NAME.part` and its note.
pub(crate) struct Part {
    target: PathBuf,
    path: PathBuf,
    file: File,
    sha: Sha256,
    have: u64,
    /// Bytes that an earlier call left.
    pub resumed: u64,
    pub note: Note,
}

impl Part {
    /// Opens what an earlier call left, or starts anew. What is there is read once, for its digest.
    ///
    /// # Errors
    /// If it cannot be read or written, or when cancelled.
    pub fn open(target: &Path, watch: &Watch<'_>) -> Result<Self, PullError> {
        let path = beside(target, ".part");
        let failed = |doing| PullError::storage(path.clone(), doing);
        let mut file = (OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path))
            .map_err(failed("cannot be written"))?;
        let note = std::fs::read_to_string(beside(&path, ".ron")).ok().and_then(|text| ron::from_str(&text).ok());
        let mut part = Self {
            target: target.to_path_buf(),
            sha: Sha256::new(),
            have: 0,
            resumed: 0,
            note: Note::default(),
            path: path.clone(),
            file: file.try_clone().map_err(failed("cannot be opened"))?,
        };
        let Some(note) = note else {
            part.restart()?;
            return Ok(part);
        };
        let length = file.metadata().map_err(failed("cannot be read"))?.len();
        let tick = |done| {
            (watch.event)(target, Event::Checking { done, total: length });
            !(watch.cancelled)()
        };
        let sha = hash(&mut file, &tick).map_err(failed("cannot be read"))?;
        part.sha = sha.ok_or(PullError::Cancelled)?;
        // What was hashed, even if the file grew meanwhile; the next write goes there.
        part.have = part.file.stream_position().map_err(failed("cannot be read"))?;
        part.resumed = part.have;
        part.note = note;
        Ok(part)
    }

    /// Bytes on disk.
    pub fn have(&self) -> u64 {
        self.have
    }

    /// Throws away what is there.
    pub fn restart(&mut self) -> Result<(), PullError> {
        let failed = || PullError::storage(self.path.clone(), "cannot be written");
        self.file.set_len(0).map_err(failed())?;
        self.file.seek(SeekFrom::Start(0)).map_err(failed())?;
        (self.sha, self.have, self.resumed) = (Sha256::new(), 0, 0);
        Ok(())
    }

    /// Says which file this is a part of.
    pub fn set_note(&mut self, note: Note) -> Result<(), PullError> {
        if self.note != note || self.have == 0 {
            let path = beside(&self.path, ".ron");
            let text = ron::to_string(&note).expect("texts and options can be written as RON");
            std::fs::write(&path, text).map_err(PullError::storage(path, "cannot be written"))?;
            self.note = note;
        }
        Ok(())
    }

    /// Adds bytes at the end.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), PullError> {
        self.file.write_all(bytes).map_err(PullError::storage(&self.path, "cannot be written"))?;
        self.sha.update(bytes);
        self.have += bytes.len() as u64;
        Ok(())
    }

    /// The SHA-256 of what is there.
    pub fn digest(&self) -> String {
        hex(self.sha.clone())
    }

    /// Gives the complete file its name. Nobody ever sees an incomplete file under that name.
    pub fn finish(self) -> Result<(), PullError> {
        self.file.sync_all().map_err(PullError::storage(&self.path, "cannot be written"))?;
        drop(self.file);
        std::fs::rename(&self.path, &self.target)
            .map_err(PullError::storage(&self.target, "cannot be given its name"))?;
        #[cfg(unix)]
        if let Some(folder) = self.target.parent() {
            // The new name is in the folder. Not every file system can be told to write that down now.
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
        remove_note(&self.path);
        Ok(())
    }

    /// Deletes the part.
    pub fn discard(self) -> Result<(), PullError> {
        drop(self.file);
        remove_note(&self.path);
        std::fs::remove_file(&self.path).map_err(PullError::storage(&self.path, "cannot be deleted"))
    }
}

/// A note without a part means nothing, so it does not matter if it stays.
fn remove_note(part: &Path) {
    let _ = std::fs::remove_file(beside(part, ".ron"));
}
