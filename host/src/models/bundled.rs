//! Models that are part of the program, so that every shipped graph runs as it is: Mini, and tiny ones without a meaning.
//!
//! Networks are read from files, so a bundled model is written to the cache folder when it is first asked for.

use super::kind::folders_of;
use include_dir::{Dir, DirEntry, File, include_dir};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

static MODELS: Dir = include_dir!("$CARGO_MANIFEST_DIR/bundled");

/// A file of the bundle by its path in it, `judges/mini-judge.onnx`: what is no model of a graph is read from there.
pub fn file(path: &str) -> Option<&'static [u8]> {
    MODELS.get_file(path).map(File::contents)
}

/// The bundled models of a kind: name below the kind's folder, and bytes.
pub(super) fn list(kind: &str) -> Vec<(&'static str, PathBuf, u64)> {
    let entries = folders_of(kind).into_iter().filter_map(|folder| MODELS.get_dir(folder)).flat_map(Dir::entries);
    let named = entries.filter_map(|entry| {
        let name = entry.path().file_name()?.to_str()?;
        // A folder with folders of its own kind in it (`insightface/models`) is no model.
        let is_place = folders_of(kind).into_iter().any(|folder| entry.path() == Path::new(folder));
        (!is_place).then(|| (name, entry.path().to_owned(), bytes(entry)))
    });
    named.collect()
}

/// How long the model at this path below the bundle is; none if there is no such model.
pub(super) fn bytes_of(path: &Path) -> Option<u64> {
    MODELS.get_entry(path).map(bytes)
}

/// Writes the model that lies at `path` below the bundle, the extension perhaps left out, below `root`, unless it is there.
/// Gives whether there is such a model.
///
/// # Errors
/// If it cannot be written.
pub(super) fn unpack(root: &Path, path: &Path) -> io::Result<bool> {
    match MODELS.get_entry(path) {
        Some(DirEntry::Dir(model)) => {
            files(model).into_iter().try_for_each(|file| write(root, file))?;
            Ok(true)
        }
        Some(DirEntry::File(model)) => write(root, model).map(|()| true),
        None => {
            let parent = path.parent().and_then(|parent| MODELS.get_dir(parent));
            let found = parent.and_then(|dir| dir.files().find(|file| file.path().with_extension("") == path));
            found.map_or(Ok(false), |model| write(root, model).map(|()| true))
        }
    }
}

/// A reader never sees half a file: it gets its name when it is whole.
fn write(root: &Path, file: &File) -> io::Result<()> {
    let to = root.join(file.path());
    if std::fs::read(&to).is_ok_and(|there| there == file.contents()) {
        return Ok(());
    }
    let folder = to.parent().unwrap_or(root);
    std::fs::create_dir_all(folder)?;
    let mut part = tempfile::NamedTempFile::new_in(folder)?;
    part.write_all(file.contents())?;
    part.persist(&to)?;
    Ok(())
}

fn files<'a>(dir: &'a Dir<'a>) -> Vec<&'a File<'a>> {
    let inner = dir.dirs().flat_map(files);
    dir.files().chain(inner).collect()
}

fn bytes(entry: &DirEntry) -> u64 {
    match entry {
        DirEntry::File(file) => file.contents().len() as u64,
        DirEntry::Dir(dir) => files(dir).iter().map(|file| file.contents().len() as u64).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_written_once_and_mended() {
        let root = tempfile::tempdir().unwrap();
        let adapter = root.path().join("instantid/tiny.safetensors");
        assert!(unpack(root.path(), Path::new("instantid/tiny")).unwrap());
        let whole = std::fs::read(&adapter).unwrap();
        std::fs::write(&adapter, &whole[..100]).unwrap();
        assert!(unpack(root.path(), Path::new("instantid/tiny.safetensors")).unwrap());
        assert_eq!(std::fs::read(&adapter).unwrap(), whole);
        assert!(unpack(root.path(), Path::new("checkpoints/tiny")).unwrap());
        assert!(root.path().join("checkpoints/tiny/unet/config.json").is_file());
        assert!(!unpack(root.path(), Path::new("checkpoints/large")).unwrap());
    }

    #[test]
    fn packs_of_face_networks_are_models_and_their_folder_is_none() {
        let names: Vec<&str> = list("insightface").iter().map(|(name, ..)| *name).collect();
        assert_eq!(names, ["mini"]);
        assert!(list("checkpoints").iter().all(|(.., bytes)| *bytes > 1_000_000));
    }
}
