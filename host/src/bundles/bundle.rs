//! A bundle on the disk.

use super::error::BundleError;
use super::manifest::Manifest;
use super::{MANIFEST, SIGNATURE, signature};
use selfsame_sdk::ffi::abi::{SS_ABI_MAJOR, SS_ABI_MINOR};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest manifest or signature.
const MAX_TEXT: u64 = 1 << 20;
/// The largest library.
const MAX_LIBRARY: u64 = 4 << 30;

/// A bundle on the disk, whose manifest was read.
#[derive(Clone, Debug)]
pub struct Bundle {
    folder: PathBuf,
    manifest: Manifest,
    bytes: Vec<u8>,
    signature: Option<String>,
}

/// A library that was read, and is what somebody said it is.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Where it was read.
    pub path: PathBuf,
    /// Its contents; these are what is loaded.
    pub bytes: Vec<u8>,
    /// The SHA-256 of its contents, in hexadecimal digits.
    pub sha256: String,
}

impl Bundle {
    /// Whether a path is that of a bundle rather than of a library.
    pub fn is_at(path: &Path) -> bool {
        path.join(MANIFEST).is_file() || (path.is_dir() && path.extension().is_some_and(|it| it == super::ENDING))
    }

    /// Reads the manifest and the signature of a bundle, and nothing else.
    ///
    /// # Errors
    /// If the manifest is not there or not right, or something leads out of the folder.
    pub fn open(folder: &Path) -> Result<Bundle, BundleError> {
        let bytes = read(folder, MANIFEST, MAX_TEXT)?.1;
        let place = folder.join(MANIFEST);
        let text = std::str::from_utf8(&bytes).map_err(|_| BundleError::Manifest {
            place: place.display().to_string(),
            problem: "it is not UTF-8".to_owned(),
        })?;
        let manifest = Manifest::parse(&place.display().to_string(), text)?;
        let signature = match folder.join(SIGNATURE).symlink_metadata() {
            Ok(_) => {
                let (path, bytes) = read(folder, SIGNATURE, MAX_TEXT)?;
                let problem = "it is not UTF-8".to_owned();
                Some(String::from_utf8(bytes).map_err(|_| BundleError::Signature { path, problem })?)
            }
            Err(_) => None,
        };
        Ok(Bundle { folder: folder.to_owned(), manifest, bytes, signature })
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The key that it is signed with, if it is: the one that the manifest names, whose signature of it was verified.
    ///
    /// # Errors
    /// If there is a signature and no key or the other way round, or the signature is not one of this manifest.
    pub fn signer(&self) -> Result<Option<&str>, BundleError> {
        let fail = |problem: String| Err(BundleError::Signature { path: self.folder.join(SIGNATURE), problem });
        match (self.manifest.public_key.as_deref(), &self.signature) {
            (None, None) => Ok(None),
            (Some(key), None) => fail(format!("the signature is missing: the manifest says that {key} has signed it")),
            (None, Some(_)) => fail("there is a signature, but the manifest names no `public_key`".to_owned()),
            (Some(key), Some(signature)) => match signature::verify(key, &self.bytes, signature) {
                Ok(()) => Ok(Some(key)),
                Err(problem) => fail(problem),
            },
        }
    }

    /// Whether this program offers the plugin boundary that it needs.
    ///
    /// # Errors
    /// If it does not.
    pub fn check_abi(&self) -> Result<(), BundleError> {
        let needs = self.manifest.abi;
        if needs.major == SS_ABI_MAJOR && needs.min_minor <= SS_ABI_MINOR {
            return Ok(());
        }
        let here = (SS_ABI_MAJOR, SS_ABI_MINOR);
        Err(BundleError::Abi { major: needs.major, minor: needs.min_minor, here })
    }

    /// Reads the library for a system and compares it with the manifest.
    ///
    /// # Errors
    /// If there is none, it lies outside of the bundle, cannot be read, or is another one.
    pub fn library(&self, triple: &str) -> Result<Verified, BundleError> {
        let target = self.manifest.target(triple)?;
        let (path, bytes) = read(&self.folder, &target.file, MAX_LIBRARY)?;
        let sha256 = digest(&bytes);
        if sha256 != target.sha256 {
            return Err(BundleError::Digest { path, expected: target.sha256.clone(), got: sha256 });
        }
        Ok(Verified { path, bytes, sha256 })
    }
}

impl Verified {
    /// A library as it is, whatever it is.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn as_is(path: &Path) -> Result<Verified, String> {
        let bytes = read_at(path, MAX_LIBRARY)?;
        Ok(Verified { path: path.to_owned(), sha256: digest(&bytes), bytes })
    }
}

/// The SHA-256 of something, in hexadecimal digits.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a file of a bundle, which must lie in it.
fn read(folder: &Path, file: &str, limit: u64) -> Result<(PathBuf, Vec<u8>), BundleError> {
    let path = folder.join(file);
    let unreadable = |reason: String| BundleError::Unreadable { path: path.clone(), reason };
    let real = |path: &Path| path.canonicalize().map_err(|error| unreadable(error.to_string()));
    let (root, real) = (real(folder)?, real(&path)?);
    if !real.starts_with(&root) {
        return Err(BundleError::Outside { path, to: real });
    }
    let bytes = read_at(&real, limit).map_err(unreadable)?;
    Ok((path, bytes))
}

/// Reads a file; else says why it cannot.
fn read_at(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
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
