//! SHA-256 of files, and of whole models.

use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// How much is read at once.
pub(crate) const BLOCK: usize = 1 << 18;

/// Hashes everything that `file` gives. `tick` is told how much that is so far; if it says false, the answer is none.
pub(crate) fn hash(file: &mut impl Read, tick: &dyn Fn(u64) -> bool) -> std::io::Result<Option<Sha256>> {
    let (mut sha, mut done, mut block) = (Sha256::new(), 0, vec![0; BLOCK]);
    loop {
        if !tick(done) {
            return Ok(None);
        }
        let read = match file.read(&mut block) {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 {
            return Ok(Some(sha));
        }
        sha.update(block.get(..read).expect("a reader gives no more than the buffer holds"));
        done += read as u64;
    }
}

/// A digest in lower-case hexadecimal digits.
pub(crate) fn hex(sha: Sha256) -> String {
    sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 of a model: of its file, or, of a folder, of the digests and names of everything in it.
///
/// # Errors
/// If something of it cannot be read.
pub fn digest(model: &Path) -> io::Result<String> {
    if !model.is_dir() {
        return digest_of(&mut File::open(model)?);
    }
    let mut entries = std::fs::read_dir(model)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    let mut all = Sha256::new();
    for name in entries {
        all.update(format!("{} {}\n", digest(&model.join(&name))?, name.to_string_lossy()));
    }
    Ok(hex(all))
}

/// The SHA-256 of everything that `file` gives, in lower-case hexadecimal digits.
///
/// # Errors
/// If it cannot be read.
pub fn digest_of(file: &mut impl Read) -> io::Result<String> {
    Ok(hash(file, &|_| true)?.map(hex).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_a_model_counts() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        std::fs::create_dir(folder.path().join("unet")).unwrap();
        write("model_index.json", "{}");
        write("unet/weights", "abc");
        assert_eq!(digest(&folder.path().join("unet/weights")).unwrap(), digest_of(&mut &b"abc"[..]).unwrap());
        let first = digest(folder.path()).unwrap();
        assert_eq!(digest(folder.path()).unwrap(), first);
        write("unet/weights", "abd");
        assert_ne!(digest(folder.path()).unwrap(), first);
        write("unet/weights", "abc");
        write("unet/config.json", "{}");
        assert_ne!(digest(folder.path()).unwrap(), first);
        assert!(digest(&folder.path().join("nothing")).is_err());
    }

    #[test]
    fn the_digest_of_abc() {
        // FIPS 180-2, appendix B.1.
        let sha = hash(&mut &b"abc"[..], &|_| true).unwrap().unwrap();
        assert_eq!(hex(sha), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(hash(&mut &b"abc"[..], &|_| false).unwrap().is_none());
    }
}
