//! A bundle on the disk.

use super::error::BundleError;
use super::manifest::Manifest;
use super::{MANIFEST, SIGNATURE, signature};
use crate::plugin::{LibraryBytes, MAX_LIBRARY, read_file};
use selfsame_sdk::ffi::abi::{SS_ABI_MAJOR, SS_ABI_MINOR};
use std::path::{Path, PathBuf};

/// The largest manifest or signature.
const MAX_TEXT: u64 = 1 << 20;

/// A bundle on the disk, whose manifest was read.
#[derive(Clone, Debug)]
pub struct Bundle {
    folder: PathBuf,
    manifest: Manifest,
    bytes: Vec<u8>,
    signature: Option<String>,
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
    pub fn library(&self, triple: &str) -> Result<LibraryBytes, BundleError> {
        let target = self.manifest.target(triple)?;
        let (path, bytes) = read(&self.folder, &target.file, MAX_LIBRARY)?;
        let library = LibraryBytes::new(path, bytes);
        if library.sha256 != target.sha256 {
            let (path, got) = (library.path, library.sha256);
            return Err(BundleError::Digest { path, expected: target.sha256.clone(), got });
        }
        Ok(library)
    }
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
    let bytes = read_file(&real, limit).map_err(unreadable)?;
    Ok((path, bytes))
}
