//! What is known of libraries that were looked at: what they offer, or that they crashed.
//!
//! Libraries are looked at in a process of their own (on Linux), which takes a while and may end badly. What came of it is kept in a file
//! of the cache folder, and holds for a library until it changes.

use crate::platform;
use crate::plugin::helper::{Description, Isolation, describe};
use crate::plugin::{LibraryBytes, Plugin, PluginError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What is known of libraries, by their paths.
#[derive(Debug, Default)]
pub struct Scans {
    file: Option<PathBuf>,
    scans: BTreeMap<PathBuf, Scan>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Scan {
    size: u64,
    /// Since 1970.
    modified: Duration,
    sha256: String,
    outcome: Outcome,
}

/// What came of looking at a library.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// What it offers.
    Described(Box<Description>),
    /// How it ended the process that looked at it: it is quarantined.
    Crashed(String),
}

impl Scans {
    /// Where the file is. It need not exist.
    pub fn usual_place() -> Option<PathBuf> {
        platform::cache_folder().map(|folder| folder.join("plugins.json"))
    }

    /// What is known from earlier. Without a file, or with one that cannot be read, libraries are looked at again.
    pub fn open(file: Option<PathBuf>) -> Scans {
        let mut scans = Scans { file, scans: BTreeMap::new() };
        scans.read();
        scans
    }

    fn read(&mut self) {
        let bytes = self.file.as_ref().and_then(|file| std::fs::read(file).ok());
        if let Some(scans) = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            self.scans = scans;
        }
    }

    /// Whether anything is known of the library that was at a path.
    pub fn mentions(&self, path: &Path) -> bool {
        self.scans.contains_key(&key(path))
    }

    /// What is known of a library as it is now.
    pub fn known(&self, library: &LibraryBytes) -> Option<&Outcome> {
        let scan = self.scans.get(&key(&library.path))?;
        let (size, modified) = stamp(&library.path)?;
        let same = (scan.size, scan.modified, &scan.sha256) == (size, modified, &library.sha256);
        same.then_some(&scan.outcome)
    }

    /// What a library offers: as it is known, or by a look at it in a process of its own.
    ///
    /// # Errors
    /// If it cannot be described; one that is quarantined stays so.
    pub fn describe(&mut self, library: &LibraryBytes, isolation: &Isolation) -> Result<Description, PluginError> {
        match self.known(library) {
            Some(Outcome::Described(known)) => Ok((**known).clone()),
            Some(Outcome::Crashed(how)) => Err(PluginError::Crashed(how.clone())),
            None => self.look(library, isolation),
        }
    }

    /// Looks at a library, whatever is known of it, in a process of its own.
    ///
    /// # Errors
    /// If it cannot be described. One that ends the process is quarantined.
    pub fn look(&mut self, library: &LibraryBytes, isolation: &Isolation) -> Result<Description, PluginError> {
        let described = match cfg!(target_os = "linux") {
            true => describe(library, isolation),
            // Where there are no such processes, whoever wants to know must run it here.
            false => Plugin::load_bytes(library).map(|plugin| Description::of(&plugin)),
        };
        let outcome = match &described {
            Ok(description) => Some(Outcome::Described(Box::new(description.clone()))),
            Err(PluginError::Crashed(how)) => Some(Outcome::Crashed(how.clone())),
            // It was not run at all, or has said no: that is known as soon again.
            Err(_) => None,
        };
        // Another program may have learned something meanwhile; and what is gone is forgotten.
        self.read();
        self.scans.retain(|path, _| path.exists());
        let path = key(&library.path);
        self.scans.remove(&path);
        if let Some((outcome, (size, modified))) = outcome.zip(stamp(&library.path)) {
            self.scans.insert(path, Scan { size, modified, sha256: library.sha256.clone(), outcome });
        }
        self.save();
        described
    }

    /// A file that cannot be written costs another look, nothing else.
    fn save(&self) {
        let write = |file: &PathBuf| -> std::io::Result<()> {
            let folder = file.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(folder)?;
            let part = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer(&part, &self.scans)?;
            part.persist(file).map_err(|error| error.error).map(drop)
        };
        if let Some(file) = &self.file {
            let _ = write(file);
        }
    }
}

/// One file by several paths is one.
fn key(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The size of a file, and when it was changed last.
fn stamp(path: &Path) -> Option<(u64, Duration)> {
    let known = path.metadata().ok()?;
    let modified = known.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some((known.len(), modified))
}
