//! Digests of files, remembered as long as the file looks the same.

use crate::lock;
use selfsame_models::Cancel;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

/// What a file looks like from outside. Replacing a file changes at least one of these; the time of the last change of
/// its status cannot be set back by a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Look {
    bytes: u64,
    modified_nanos: i64,
    changed_nanos: i64,
    inode: u64,
}

/// Times of files go in steps, of 2 seconds on some file systems. A file may change twice within one, and look the same.
const STEP_NANOS: i64 = 2_000_000_000;

impl Look {
    /// Whether a change after `now` would be seen.
    fn is_older_than(&self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
        now.saturating_sub(self.modified_nanos.max(self.changed_nanos)) > STEP_NANOS
    }

    fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified_nanos = modified.map_or(0, |since| since.as_nanos() as i64);
        #[cfg(unix)]
        let (changed_nanos, inode) = {
            use std::os::unix::fs::MetadataExt;
            (metadata.ctime().wrapping_mul(1_000_000_000).wrapping_add(metadata.ctime_nsec()), metadata.ino())
        };
        #[cfg(not(unix))]
        let (changed_nanos, inode) = (0, 0);
        Look { bytes: metadata.len(), modified_nanos, changed_nanos, inode }
    }
}

/// SHA-256 of files by path.
pub(crate) struct Files {
    known: Mutex<HashMap<PathBuf, (Look, Arc<str>)>>,
    /// Where they are remembered for the next program.
    store: Option<PathBuf>,
    changed: AtomicBool,
}

/// The most files that are remembered for the next program.
const MAX_STORED: usize = 10_000;

/// Smaller files are read again faster than they are remembered.
const WORTH_STORING_BYTES: u64 = 1 << 20;

impl Files {
    /// What another program remembered in the file `store` counts too.
    pub fn new(store: Option<PathBuf>) -> Self {
        let stored = store.as_ref().and_then(|path| serde_json::from_slice(&std::fs::read(path).ok()?).ok());
        Files { known: Mutex::new(stored.unwrap_or_default()), store, changed: AtomicBool::new(false) }
    }

    /// Remembers digests for the next program.
    pub fn save(&self) -> io::Result<()> {
        let Some(path) = self.store.as_ref().filter(|_| self.changed.swap(false, Ordering::Relaxed)) else {
            return Ok(());
        };
        let known = lock(&self.known).clone();
        let large = known.into_iter().filter(|(_, (look, _))| look.bytes >= WORTH_STORING_BYTES);
        let large: HashMap<PathBuf, (Look, Arc<str>)> = large.take(MAX_STORED).collect();
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, &large)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    /// The digest of what is in a file, if that takes no time: it looks as it did when it was read, or is small.
    pub fn digest_at_once(&self, path: &Path) -> io::Result<Option<Arc<str>>> {
        let metadata = std::fs::metadata(path)?;
        if let Some(known) = self.known(path, Look::of(&metadata)) {
            return Ok(Some(known));
        }
        let is_small = metadata.is_file() && metadata.len() < WORTH_STORING_BYTES;
        if is_small { self.digest(path, &Cancel::default()).map(Some) } else { Ok(None) }
    }

    fn known(&self, path: &Path, look: Look) -> Option<Arc<str>> {
        let known = lock(&self.known);
        known.get(path).filter(|(known, _)| *known == look).map(|(_, digest)| digest.clone())
    }

    /// The digest of what is in a file, in hex. A file that still looks the same is not read again. Reading a large one takes
    /// seconds; `cancel` ends that with an error.
    pub fn digest(&self, path: &Path, cancel: &Cancel) -> io::Result<Arc<str>> {
        let file = File::open(path)?;
        let look = Look::of(&file.metadata()?);
        if let Some(known) = self.known(path, look) {
            return Ok(known);
        }
        let is_settled = look.is_older_than(SystemTime::now());
        let digest: Arc<str> = hash(file, cancel)?.into();
        if !is_settled {
            return Ok(digest);
        }
        lock(&self.known).insert(path.to_owned(), (look, digest.clone()));
        self.changed.store(true, Ordering::Relaxed);
        Ok(digest)
    }
}

fn hash(mut file: File, cancel: &Cancel) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        cancel.check().map_err(io::Error::other)?;
        match file.read(&mut buffer)? {
            0 => break,
            n => hasher.update(&buffer[..n]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_has_another_digest_even_with_its_old_size_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        std::fs::write(&path, "abc").unwrap();
        let time = std::fs::metadata(&path).unwrap().modified().unwrap();
        let files = Files::new(None);
        let first = files.digest(&path, &Cancel::default()).unwrap();
        // From the definition of SHA-256 (FIPS 180-4, example 1).
        assert_eq!(&*first, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(files.digest(&path, &Cancel::default()).unwrap(), first);

        let other = folder.path().join("other");
        std::fs::write(&other, "abd").unwrap();
        File::options().write(true).open(&other).unwrap().set_modified(time).unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_ne!(files.digest(&path, &Cancel::default()).unwrap(), first);
    }
}
