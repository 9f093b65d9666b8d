//! Making bundles.

use super::bundle::Bundle;
use super::error::BundleError;
use super::manifest::{Manifest, Target};
use super::{MANIFEST, SIGNATURE, public_key_of, sign};
use crate::plugin::LibraryBytes;
use std::io::Write;
use std::path::Path;

/// Writes a library and the manifest into a bundle; `triple` is the system that the library is for. The bundle may be there: what
/// it has for other systems stays if it is of the same plugin and version. `targets` and `public_key` of the manifest are set here.
///
/// # Errors
/// If another plugin or version is there, the manifest says what none can say, or something cannot be written.
pub fn write(
    folder: &Path,
    mut manifest: Manifest,
    library: &LibraryBytes,
    triple: &str,
    secret_key: Option<&Path>,
) -> Result<Bundle, BundleError> {
    if folder.exists() {
        let there = Bundle::open(folder)?;
        let (old, new) = (there.manifest(), &manifest);
        if (&old.id, &old.version) != (&new.id, &new.version) {
            return Err(BundleError::Unwritable {
                path: folder.to_owned(),
                reason: format!(
                    "{} {} is there, this is {} {}; remove it, or write elsewhere",
                    old.id, old.version, new.id, new.version
                ),
            });
        }
        manifest.targets = old.targets.clone();
    }
    let name = library.path.file_name().unwrap_or_default().to_string_lossy();
    let file = format!("lib/{triple}/{name}");
    manifest.targets.insert(triple.to_owned(), Target { file: file.clone(), sha256: library.sha256.clone() });
    manifest.public_key = secret_key.map(public_key_of).transpose()?;
    let text = manifest.to_ron()?;
    let signature = secret_key.map(|key| sign(key, text.as_bytes())).transpose()?;
    put(&folder.join(file), &library.bytes)?;
    put(&folder.join(MANIFEST), text.as_bytes())?;
    match signature {
        Some(signature) => put(&folder.join(SIGNATURE), signature.as_bytes())?,
        None => remove(&folder.join(SIGNATURE))?,
    }
    Bundle::open(folder)
}

/// A reader never sees half a file.
fn put(path: &Path, bytes: &[u8]) -> Result<(), BundleError> {
    let write = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.persist(path).map_err(|error| error.error).map(drop)
    };
    write()
        .map_err(|error: std::io::Error| BundleError::Unwritable { path: path.to_owned(), reason: error.to_string() })
}

fn remove(path: &Path) -> Result<(), BundleError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(BundleError::Unwritable { path: path.to_owned(), reason: error.to_string() })
        }
        _ => Ok(()),
    }
}
