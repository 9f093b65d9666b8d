//! Every model file below the models folders.

use super::kind::{KINDS, folders_of};
use super::{Folder, Folders, Origin, bundled};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What model files end with. An InsightFace pack may be a zip archive too.
pub const EXTENSIONS: &[&str] = &["safetensors", "bin", "pt", "pth", "ckpt", "onnx"];

/// A model: a file, or a folder that is one model (a diffusers folder, an InsightFace pack).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its [kind](super::Kind).
    pub kind: String,
    /// What graphs call it: its path below the kind's folder, with `/` between the parts.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its size; of a folder, of all files in it.
    pub bytes: u64,
    /// The models folder that it was found in.
    pub folder: PathBuf,
}

/// What [`Folders::list`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The models, sorted by kind and name. Of models with the same kind and name, the first folder's is here.
    pub entries: Vec<Entry>,
    /// Folders that could not be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
}

impl Listing {
    /// Whether there are only models that are part of the program.
    pub fn is_bundled_only(&self, folders: &Folders) -> bool {
        let bundled = folders.all().iter().find(|folder| folder.origin == Origin::Bundled);
        self.entries.iter().all(|entry| bundled.is_some_and(|bundled| entry.folder == bundled.path))
    }
}

impl Folders {
    /// Lists the models of one kind, or of every known kind.
    ///
    /// Links are followed; a folder that can be reached in several ways is listed once. Hidden files and folders are
    /// left out.
    pub fn list(&self, kind: Option<&str>) -> Listing {
        let mut listing = Listing::default();
        match kind {
            Some(kind) => self.list_kind(kind, &mut listing),
            None => KINDS.iter().for_each(|kind| self.list_kind(kind.name, &mut listing)),
        }
        // Stable: of equal names, the one of the first folder stays first.
        listing.entries.sort_by(|a, b| (&a.kind, &a.name).cmp(&(&b.kind, &b.name)));
        listing.entries.dedup_by(|later, first| (&later.kind, &later.name) == (&first.kind, &first.name));
        listing
    }

    fn list_kind(&self, kind: &str, listing: &mut Listing) {
        let mut visited = BTreeSet::new();
        for folder in self.all() {
            if folder.origin == Origin::Bundled {
                listing.entries.extend(bundled::list(kind).into_iter().map(|(name, path, bytes)| Entry {
                    kind: kind.to_string(),
                    name: name.to_string(),
                    path: folder.path.join(path),
                    bytes,
                    folder: folder.path.clone(),
                }));
                continue;
            }
            for sub in folders_of(kind) {
                let top = folder.path.join(sub);
                if top.is_dir() {
                    Walk { kind, folder, visited: &mut visited, listing }.walk(&top, "");
                }
            }
        }
    }
}

/// One walk through the folder of a kind.
struct Walk<'a> {
    kind: &'a str,
    folder: &'a Folder,
    /// Real paths of the folders seen: links may go in circles.
    visited: &'a mut BTreeSet<PathBuf>,
    listing: &'a mut Listing,
}

impl Walk<'_> {
    fn walk(&mut self, dir: &Path, prefix: &str) {
        match dir.canonicalize() {
            Ok(real) => {
                if !self.visited.insert(real) {
                    return;
                }
            }
            Err(e) => return self.unreadable(dir, &e),
        }
        let found = match std::fs::read_dir(dir) {
            Ok(found) => found,
            Err(e) => return self.unreadable(dir, &e),
        };
        for entry in found {
            let path = match entry {
                Ok(entry) => entry.path(),
                Err(e) => return self.unreadable(dir, &e),
            };
            let Some(name) = path.file_name().map(|name| format!("{prefix}{}", name.to_string_lossy())) else {
                continue;
            };
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
                continue;
            }
            match std::fs::metadata(&path) {
                Ok(meta) if meta.is_dir() && is_model_folder(&path, self.kind) => {
                    let bytes = size_of(&path, &mut BTreeSet::new());
                    self.add(name, path, bytes);
                }
                Ok(meta) if meta.is_dir() => self.walk(&path, &format!("{name}/")),
                Ok(meta) if is_model_file(&path) || is_archived_pack(&path, self.kind) => {
                    self.add(name, path, meta.len())
                }
                Ok(_) => {}
                // A link to nothing is a file that is not there.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => self.unreadable(&path, &e),
            }
        }
    }

    fn add(&mut self, name: String, path: PathBuf, bytes: u64) {
        let folder = self.folder.path.clone();
        self.listing.entries.push(Entry { kind: self.kind.to_string(), name, path, bytes, folder });
    }

    fn unreadable(&mut self, path: &Path, error: &std::io::Error) {
        self.listing.unreadable.push((path.to_path_buf(), error.to_string()));
    }
}

/// Whether a file's name is that of a model file.
pub(crate) fn is_model_file(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

/// Whether a file is a zip archive of a kind that may come as one: an InsightFace pack.
pub(crate) fn is_archived_pack(path: &Path, kind: &str) -> bool {
    is_pack_kind(kind) && path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"))
}

fn is_pack_kind(kind: &str) -> bool {
    super::Kind::named(kind).is_some_and(|kind| kind.name == "insightface")
}

/// Whether a folder is one model: a diffusers pipeline, one diffusers network with its weights, or an InsightFace pack.
pub(crate) fn is_model_folder(path: &Path, kind: &str) -> bool {
    if path.join("model_index.json").is_file() {
        return true;
    }
    let weights =
        |name: &str| ["diffusion_pytorch_model", "pytorch_model", "model"].iter().any(|start| name.starts_with(start));
    let network = path.join("config.json").is_file();
    let pack = is_pack_kind(kind);
    (network || pack)
        && std::fs::read_dir(path).is_ok_and(|files| {
            files.flatten().map(|file| file.path()).any(|file| {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                is_model_file(&file) && (network && weights(&name) || pack && name.ends_with(".onnx"))
            })
        })
}

/// Whether a folder holds an InsightFace pack one level deeper: a folder, as its published archive has it, or the archive itself.
pub(crate) fn holds_pack(path: &Path, kind: &str) -> bool {
    is_pack_kind(kind)
        && std::fs::read_dir(path).is_ok_and(|inner| {
            let mut inner = inner.flatten().map(|entry| entry.path());
            inner.any(|path| is_archived_pack(&path, kind) || path.is_dir() && is_model_folder(&path, kind))
        })
}

/// The sizes of all files below a folder.
fn size_of(dir: &Path, visited: &mut BTreeSet<PathBuf>) -> u64 {
    if !dir.canonicalize().is_ok_and(|real| visited.insert(real)) {
        return 0;
    }
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    files
        .map(|path| match std::fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => size_of(&path, visited),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
