//! Results in a folder, shared by any number of processes.
//!
//! Every entry is a file of its own, written aside and renamed, so that others see all of it or nothing. It starts with
//! a digest of its contents; one that does not fit (a torn write, a bad disk, another program) counts as absent.

use super::Record;
use crate::key::Key;
use crate::registry::Nodes;
use selfsame_sdk::Object;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The name of the layout. Another layout gets another name, and never meets this one.
const LAYOUT: &str = "selfsame-1";

/// What is kept, each kind in a folder of its own.
const KINDS: [&str; 3] = ["records", "values", "traces"];

/// How files are called that are being written.
const UNFINISHED: &str = ".new-";

/// A file that was being written this long ago was left behind by a program that ended.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// Values that could be made again at more than this many bytes a second are not worth a file.
const WORTH_BYTES_PER_SECOND: f64 = 300e6;

/// A folder of results.
pub(crate) struct Disk {
    root: PathBuf,
    budget: u64,
}

impl Disk {
    /// Opens a cache folder, or makes it.
    pub fn open(folder: &Path, budget: u64) -> std::io::Result<Self> {
        let root = folder.join(LAYOUT);
        for kind in KINDS {
            std::fs::create_dir_all(root.join(kind))?;
        }
        Ok(Disk { root, budget })
    }

    pub fn record(&self, key: &Key) -> Option<Record> {
        self.json("records", key)
    }

    pub fn add_record(&self, key: &Key, record: &Record) -> std::io::Result<()> {
        self.add_json("records", key, record)
    }

    /// What is kept of another kind, such as traces of runs.
    pub fn json<T: DeserializeOwned>(&self, kind: &str, key: &Key) -> Option<T> {
        serde_json::from_slice(&self.read(kind, key)?).ok()
    }

    pub fn add_json(&self, kind: &str, key: &Key, value: &impl Serialize) -> std::io::Result<()> {
        self.write(kind, key, &serde_json::to_vec(value)?)
    }

    pub fn value(&self, key: &Key, type_name: &str, nodes: &Nodes) -> Option<Arc<dyn Object>> {
        let codec = nodes.codec(type_name)?;
        (codec.decode)(&self.read("values", key)?).ok()
    }

    /// Keeps a value, if its type can be stored and it took long enough to make.
    pub fn add_value(&self, key: &Key, object: &dyn Object, seconds: f64, nodes: &Nodes) -> std::io::Result<()> {
        if seconds * WORTH_BYTES_PER_SECOND < object.bytes() as f64 {
            return Ok(());
        }
        let Some(codec) = nodes.codec(&object.type_name()) else { return Ok(()) };
        match (codec.encode)(object) {
            Some(bytes) => self.write("values", key, &bytes),
            None => Ok(()),
        }
    }

    fn path(&self, kind: &str, key: &Key) -> PathBuf {
        let name = key.to_string();
        let (folder, rest) = name.split_at(2);
        self.root.join(kind).join(folder).join(rest)
    }

    fn read(&self, kind: &str, key: &Key) -> Option<Vec<u8>> {
        let path = self.path(kind, key);
        let mut bytes = std::fs::read(&path).ok()?;
        let sound =
            bytes.split_at_checked(32).is_some_and(|(digest, contents)| digest == Sha256::digest(contents).as_slice());
        if !sound {
            // It would only be found again. If it cannot be removed, it is still not used.
            let _ = std::fs::remove_file(&path);
            return None;
        }
        // Being used makes it young. If that cannot be noted, it goes a little earlier.
        let file = std::fs::File::options().write(true).open(&path);
        let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
        bytes.drain(..32);
        Some(bytes)
    }

    fn write(&self, kind: &str, key: &Key, contents: &[u8]) -> std::io::Result<()> {
        let path = self.path(kind, key);
        let folder = path.parent().unwrap_or(&self.root);
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
        file.write_all(&Sha256::digest(contents))?;
        file.write_all(contents)?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Removes what was not used for longest until the rest fits into the budget.
    pub fn prune(&self) -> std::io::Result<()> {
        let mut files = Vec::new();
        let now = SystemTime::now();
        for kind in KINDS {
            for folder in std::fs::read_dir(self.root.join(kind))?.flatten() {
                for file in std::fs::read_dir(folder.path()).into_iter().flatten().flatten() {
                    let Ok(metadata) = file.metadata() else { continue };
                    let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                    // What was written after the look at the clock is younger still.
                    let is_young = now.duration_since(used).map_or(true, |age| age < LEFT_BEHIND);
                    if !(is_young && file.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes())) {
                        files.push((used, metadata.len(), file.path()));
                    }
                }
            }
        }
        let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        files.sort();
        for (_, size, path) in files {
            if bytes <= self.budget {
                break;
            }
            // Another process may have been faster.
            let _ = std::fs::remove_file(path);
            bytes -= size;
        }
        Ok(())
    }
}
