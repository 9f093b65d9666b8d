//! The folder of a process for temporary files. It goes with the process; what a host has left that was killed is taken away
//! by a later one.

use rustix::fs::{FlockOperation, flock};
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Once;
use std::time::Duration;
use tempfile::TempDir;

const PREFIX: &str = "selfsame-plugin-";

/// A new folder is locked before it is so old.
const FRESH: Duration = Duration::from_secs(60);

/// A folder, locked for as long as it is in use.
pub struct Folder {
    folder: TempDir,
    _lock: File,
}

impl Folder {
    /// # Errors
    /// If there can be none.
    pub fn new() -> io::Result<Self> {
        static SWEPT: Once = Once::new();
        let base = std::env::temp_dir();
        SWEPT.call_once(|| sweep(&base));
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(base)?;
        let lock = File::open(folder.path())?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Folder { folder, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        remove(self.path());
    }
}

/// Takes away folders that nobody uses any more. What cannot be taken away, such as another user's, stays.
fn sweep(base: &Path) {
    for entry in base.read_dir().into_iter().flatten().flatten() {
        let is_one = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if let (true, true, Ok(folder)) = (is_one, is_folder, File::open(entry.path())) {
            let age =
                folder.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|time| time.elapsed().ok());
            if age.is_some_and(|age| age > FRESH) && flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok() {
                remove(&entry.path());
            }
        }
    }
}

/// Takes a folder away, also if the plugin has made folders in it that nobody may enter.
fn remove(folder: &Path) {
    if std::fs::remove_dir_all(folder).is_ok() {
        return;
    }
    let mut closed = vec![folder.to_owned()];
    while let Some(folder) = closed.pop() {
        let _ = std::fs::set_permissions(&folder, Permissions::from_mode(0o700));
        let entries = folder.read_dir().into_iter().flatten().flatten();
        // Not what links lead to.
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        closed.extend(folders.map(|entry| entry.path()));
    }
    let _ = std::fs::remove_dir_all(folder);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn what_nobody_uses_is_taken_away() {
        let base = tempfile::tempdir().unwrap();
        let make = |name: &str, seconds: u64| {
            let path = base.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::write(path.join("file"), "text").unwrap();
            let folder = File::open(&path).unwrap();
            folder.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
            folder
        };
        let used = make("selfsame-plugin-used", 1000);
        flock(&used, FlockOperation::NonBlockingLockExclusive).unwrap();
        for (name, seconds) in [("selfsame-plugin-left", 1000), ("selfsame-plugin-new", 0), ("another", 1000)] {
            drop(make(name, seconds));
        }
        sweep(base.path());
        let mut left: Vec<_> = base.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["another", "selfsame-plugin-new", "selfsame-plugin-used"]);
        let folder = Folder::new().unwrap();
        let path = folder.path().to_owned();
        std::fs::create_dir_all(path.join("closed/inner")).unwrap();
        std::fs::set_permissions(path.join("closed"), Permissions::from_mode(0o000)).unwrap();
        assert!(path.is_dir());
        drop(folder);
        assert!(!path.exists());
    }
}
