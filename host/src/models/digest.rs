//! SHA-256 of files.

use sha2::{Digest, Sha256};
use std::io::Read;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_abc() {
        // FIPS 180-2, appendix B.1.
        let sha = hash(&mut &b"abc"[..], &|_| true).unwrap().unwrap();
        assert_eq!(hex(sha), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(hash(&mut &b"abc"[..], &|_| false).unwrap().is_none());
    }
}
