//! Libraries as bytes, and the names of plugins.

use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest library.
pub(crate) const MAX_LIBRARY: u64 = 4 << 30;
/// The longest name of a plugin.
const MAX_ID: usize = 80;

/// A library that was read.
#[derive(Clone, Debug)]
pub struct LibraryBytes {
    /// Where it was read.
    pub path: PathBuf,
    /// Its contents; these are what is loaded.
    pub bytes: Vec<u8>,
    /// The SHA-256 of its contents, in hexadecimal digits.
    pub sha256: String,
}

impl LibraryBytes {
    /// Reads a library, whatever it is.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(path: &Path) -> Result<LibraryBytes, String> {
        Ok(Self::new(path.to_owned(), read_file(path, MAX_LIBRARY)?))
    }

    pub(crate) fn new(path: PathBuf, bytes: Vec<u8>) -> LibraryBytes {
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        LibraryBytes { path, bytes, sha256 }
    }
}

/// Reads a file; else says why it cannot.
pub(crate) fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let known = path.metadata().map_err(|error| error.to_string())?;
    // Reading a pipe or a device may never end.
    if !known.is_file() {
        return Err("it is not a file".to_owned());
    }
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    match bytes.len() as u64 > limit {
        true => Err(format!("it is larger than {limit} bytes")),
        false => Ok(bytes),
    }
}

/// Whether a text can be the id of a plugin: ASCII letters, digits, `-`, `_` and `.`, with a letter or digit first, such
/// as `acme-filters` or `com.acme.filters`.
pub fn is_plugin_id(text: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.len() <= MAX_ID && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        for id in ["acme-filters", "com.acme.filters", "a", "7zip", "Acme_2"] {
            assert!(is_plugin_id(id), "{id}");
        }
        let long = "a".repeat(81);
        for id in ["", "../p", "a/b", ".a", "-a", "a b", "acmé", "аcme", "a\n", &long] {
            assert!(!is_plugin_id(id), "{id}");
        }
    }
}
