//! From the name of a model to its file.

use super::catalogue::ModelFile;
use super::kind::{Kind, folders_of, relative_parts};
use super::list::{EXTENSIONS, holds_pack, is_archived_pack, is_model_folder};
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
    /// Folders of this name that are no model of the kind, and the first of what is in them.
    pub no_models: Vec<(PathBuf, Vec<String>)>,
    /// The names of the models that are there, for "did you mean".
    pub candidates: Vec<String>,
    /// The name of the catalogue's model that holds this file; `selfsame models pull` fetches it.
    pub in_catalogue: Option<String>,
    /// The files of this kind in that model, and their lengths where they are known.
    pub files: Vec<(String, Option<u64>)>,
    /// It is part of the program, but could not be written to where it is read from: why.
    pub unwritable: Option<String>,
}

impl Missing {
    /// What to do about it, if anything is known.
    pub fn hint(&self) -> Option<String> {
        if !self.ambiguous.is_empty() {
            return Some("write the sub-folder too".into());
        }
        let pull =
            self.in_catalogue.as_ref().map(|model| format!("run `selfsame models pull {model}`{}", self.fetched()));
        pull.or_else(|| self.near().map(|name| format!("did you mean `{name}`?")))
    }

    /// The files of a model that is more than one, for those who have them already and only need to know where they go.
    fn fetched(&self) -> String {
        if self.files.len() < 2 {
            return String::new();
        }
        let bytes = |bytes: &Option<u64>| bytes.map(|bytes| format!(" ({bytes} bytes)")).unwrap_or_default();
        let files: Vec<String> = self.files.iter().map(|(name, length)| format!("{name}{}", bytes(length))).collect();
        format!(", which fetches {}", files.join(", "))
    }

    /// Every place where it was looked for, with what is there instead.
    pub fn places(&self) -> Vec<String> {
        let looked = self.looked.iter().map(|path| path.display().to_string());
        looked.chain(self.no_models.iter().map(|(folder, files)| in_words(folder, files))).collect()
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
        for (folder, files) in &self.no_models {
            message += &format!("\n{}", in_words(folder, files));
        }
        if let Some(why) = &self.unwritable {
            message += &format!("\nit is part of the program, but cannot be written there: {why}");
        }
        if let Some(hint) = self.hint() {
            message += &format!("\n{hint}");
        }
        message
    }
}

/// A folder that is no model, with what is in it.
fn in_words(folder: &Path, files: &[String]) -> String {
    let files = if files.is_empty() { "it is empty".to_owned() } else { format!("it has only {}", files.join(", ")) };
    format!("{} is no such model: {files}", folder.display())
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
        let folders: Vec<PathBuf> =
            self.all().iter().flat_map(|f| folders_of(kind).into_iter().map(move |sub| f.path.join(sub))).collect();
        let below = relative_parts(name).map(|parts| parts.iter().collect::<PathBuf>());
        let of_name = || below.iter().flat_map(|below| folders.iter().map(move |folder| folder.join(below)));
        if let Some(path) = of_name().find(|path| holds_pack(path, kind)) {
            return Ok(path);
        }
        let given = std::iter::once(PathBuf::from(name)).filter(|path| path.is_absolute());
        let no_models = of_name().chain(given).filter_map(|path| Some((path.clone(), files_in(&path)?))).collect();
        let in_catalogue = catalogue.holding(kind, name);
        let of_kind = |file: &&ModelFile| Kind::named(kind).is_some_and(|kind| kind.name == file.kind);
        let files = in_catalogue.iter().flat_map(|model| model.files.iter().filter(of_kind));
        Err(Box::new(Missing {
            kind: kind.to_string(),
            name: name.to_string(),
            looked: folders,
            no_models,
            ambiguous: if relative_parts(name).is_some() { matches } else { Vec::new() },
            candidates: listing.entries.into_iter().map(|entry| entry.name).collect(),
            in_catalogue: in_catalogue.map(|model| model.name.clone()),
            files: files.map(|file| (file.name.clone(), file.bytes)).collect(),
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
    let with = |extension: &str| {
        let mut with = path.clone().into_os_string();
        with.push(format!(".{extension}"));
        PathBuf::from(with)
    };
    let archive = with("zip");
    let file = EXTENSIONS.iter().map(|extension| with(extension)).find(|path| path.is_file());
    file.or_else(|| (archive.is_file() && is_archived_pack(&archive, kind)).then_some(archive))
}

/// The names of the first files in a folder, sorted; none if it is none.
fn files_in(folder: &Path) -> Option<Vec<String>> {
    const MOST: usize = 8;
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    if names.len() > MOST {
        let more = names.len() - MOST;
        names.truncate(MOST);
        names.push(format!("and {more} more"));
    }
    Some(names)
}

/// A name that is the path of a file: users write these too.
fn as_path(kind: &str, name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    let is_folder = || is_model_folder(path, kind) || holds_pack(path, kind);
    (path.is_file() || (!name.is_empty() && is_folder())).then(|| path.to_path_buf())
}

/// The last part of a name.
fn file_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// The last part of a name, without a model file's extension.
pub(crate) fn stem(name: &str) -> &str {
    let file = file_name(name);
    match file.rsplit_once('.') {
        Some((stem, extension)) if is_extension(&extension.to_ascii_lowercase()) => stem,
        _ => file,
    }
}

fn is_extension(extension: &str) -> bool {
    extension == "zip" || EXTENSIONS.contains(&extension)
}

/// Whether the last part of `name` is `file`, the extension perhaps left out.
fn has_file_name(name: &str, file: &str) -> bool {
    file_name(name) == file || stem(name) == file
}
