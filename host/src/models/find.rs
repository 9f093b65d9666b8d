//! From the name of a model to its file.

use super::kind::{folders_of, relative_parts};
use super::list::{EXTENSIONS, is_model_folder};
use super::{Catalogue, Folders, Origin, bundled};
use selfsame_graphs::nearest;
use std::path::{Path, PathBuf};

/// A model that was not found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct Missing {
    /// The [kind](super::Kind) that was asked for.
    pub kind: String,
    /// The name that was asked for.
    pub name: String,
    /// Every folder where it was looked for, existing or not.
    pub looked: Vec<PathBuf>,
    /// Several files have this name in different sub-folders: write the sub-folder too.
    pub ambiguous: Vec<PathBuf>,
    /// The names of the models that are there, for "did you mean".
    pub candidates: Vec<String>,
    /// The name of the catalogue's model that holds this file; `selfsame models pull` fetches it.
    pub in_catalogue: Option<String>,
    /// It is part of the program, but could not be written to where it is read from: why.
    pub unwritable: Option<String>,
}

impl Missing {
    /// What to do about it, if anything is known.
    pub fn hint(&self) -> Option<String> {
        if !self.ambiguous.is_empty() {
            return Some("write the sub-folder too".into());
        }
        let pull = self.in_catalogue.as_ref().map(|model| format!("run `selfsame models pull {model}`"));
        pull.or_else(|| self.near().map(|name| format!("did you mean `{name}`?")))
    }

    /// The candidate whose file name is most like the name asked for.
    fn near(&self) -> Option<&str> {
        let near = nearest(stem(&self.name), self.candidates.iter().map(|name| stem(name)))?;
        self.candidates.iter().find(|name| stem(name) == near).map(String::as_str)
    }

    fn message(&self) -> String {
        let lines = |paths: &[PathBuf]| paths.iter().map(|path| format!("\n  {}", path.display())).collect::<String>();
        let what = format!("{} `{}`", self.kind, self.name);
        let mut message = match (self.ambiguous.as_slice(), self.looked.as_slice()) {
            ([], []) => format!("{what}: not found, and there is no models folder to look in"),
            ([], looked) => format!("{what}: not found in any of{}", lines(looked)),
            (several, _) => format!("{what}: several files have this name{}", lines(several)),
        };
        if let Some(why) = &self.unwritable {
            message += &format!("\nit is part of the program, but cannot be written there: {why}");
        }
        if let Some(hint) = self.hint() {
            message += &format!("\n{hint}");
        }
        message
    }
}

impl Folders {
    /// Looks for a model.
    ///
    /// `name` is a path below a folder of the kind, with or without its extension; or the name of a file anywhere below
    /// it, if only one has that name; or the path of a file or model folder. An earlier folder goes before a later one.
    /// A name is never followed out of the models folders.
    ///
    /// # Errors
    /// [`Missing`], with everything that helps.
    pub fn find(&self, kind: &str, name: &str, catalogue: &Catalogue) -> Result<PathBuf, Box<Missing>> {
        if let Some(path) = self.find_exact(kind, name).or_else(|| as_path(kind, name)) {
            return Ok(path);
        }
        let unwritable = match self.find_bundled(kind, name) {
            Ok(Some(path)) => return Ok(path),
            Ok(None) => None,
            Err(error) => Some(error.to_string()),
        };
        let listing = self.list(Some(kind));
        let same_name = listing.entries.iter().filter(|entry| has_file_name(&entry.name, file_name(name)));
        let mut matches: Vec<PathBuf> = same_name.map(|entry| entry.path.clone()).collect();
        if let (Some(_), 1) = (relative_parts(name), matches.len()) {
            return Ok(matches.remove(0));
        }
        let folders = self.all().iter().flat_map(|f| folders_of(kind).into_iter().map(move |sub| f.path.join(sub)));
        Err(Box::new(Missing {
            kind: kind.to_string(),
            name: name.to_string(),
            looked: folders.collect(),
            ambiguous: if relative_parts(name).is_some() { matches } else { Vec::new() },
            candidates: listing.entries.into_iter().map(|entry| entry.name).collect(),
            in_catalogue: catalogue.holding(kind, name).map(|model| model.name.clone()),
            unwritable,
        }))
    }

    /// The model of this name that is part of the program, written to where it is read from.
    fn find_bundled(&self, kind: &str, name: &str) -> std::io::Result<Option<PathBuf>> {
        let Some(folder) = self.all().iter().find(|folder| folder.origin == Origin::Bundled) else { return Ok(None) };
        let Some(parts) = relative_parts(name) else { return Ok(None) };
        for sub in folders_of(kind) {
            let path = Path::new(sub).join(parts.iter().collect::<PathBuf>());
            if bundled::unpack(&folder.path, &path)? {
                return Ok(model_at(kind, folder.path.join(path)));
            }
        }
        Ok(None)
    }

    /// The model at exactly this path below a folder of the kind, the extension perhaps left out.
    pub fn find_exact(&self, kind: &str, name: &str) -> Option<PathBuf> {
        let parts = relative_parts(name)?;
        let own = self.all().iter().filter(|folder| folder.origin != Origin::Bundled);
        let places = own.flat_map(|folder| folders_of(kind).into_iter().map(|sub| folder.path.join(sub)));
        places.map(|place| place.join(parts.iter().collect::<PathBuf>())).find_map(|path| model_at(kind, path))
    }
}

/// The file or model folder at this path, the extension perhaps left out.
fn model_at(kind: &str, path: PathBuf) -> Option<PathBuf> {
    if path.is_file() || is_model_folder(&path, kind) {
        return Some(path);
    }
    EXTENSIONS.iter().find_map(|extension| {
        let mut with = path.clone().into_os_string();
        with.push(format!(".{extension}"));
        let with = PathBuf::from(with);
        with.is_file().then_some(with)
    })
}

/// A name that is the path of a file: users write these too.
fn as_path(kind: &str, name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    (path.is_file() || (!name.is_empty() && is_model_folder(path, kind))).then(|| path.to_path_buf())
}

/// The last part of a name.
fn file_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// The last part of a name, without a model file's extension.
pub(crate) fn stem(name: &str) -> &str {
    let file = file_name(name);
    match file.rsplit_once('.') {
        Some((stem, extension)) if EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str()) => stem,
        _ => file,
    }
}

/// Whether the last part of `name` is `file`, the extension perhaps left out.
fn has_file_name(name: &str, file: &str) -> bool {
    file_name(name) == file || stem(name) == file
}
