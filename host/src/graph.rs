//! From a graph file, or a picture that carries one, to what can run.

use crate::host::Host;
use crate::metadata;
use crate::run::{About, Prepared};
use crate::{Error, models};
use selfsame_graphs::{
    ArgValues, Asset, AssetKind, AssetMissing, Assets, Disk, Document, Plan, Project, Report, Settings, Targets, Valid,
    validate,
};
use selfsame_models::Cancel;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The first bytes of a PNG file (PNG specification, section 5.2).
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Opens a graph file with the files that it uses, or the graph that a PNG picture carries.
///
/// # Errors
/// If the file cannot be read, or the picture carries no graph. What is wrong with the graph itself comes out when it
/// is checked.
pub fn open_graph(path: &Path) -> Result<Project, Error> {
    let fail = |reason: String| Error::NoGraph { path: path.to_owned(), reason };
    let name = path.to_str().ok_or_else(|| fail("its name is not UTF-8".to_owned()))?;
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => fail("there is no such file".to_owned()),
        std::io::ErrorKind::IsADirectory => fail("it is a folder".to_owned()),
        _ => fail(error.to_string()),
    })?;
    if !bytes.starts_with(PNG) {
        return Project::open(&Disk, name).map_err(|error| fail(error.reason));
    }
    let texts = selfsame_nodes::image::png_text::read_text(&bytes);
    match texts.into_iter().find(|(keyword, _)| keyword == metadata::GRAPH) {
        Some((_, text)) => Ok(Project::around(&Disk, Document::parse(name, text))),
        None => Err(fail("the picture carries no graph".to_owned())),
    }
}

impl Host {
    /// Checks a graph: types, values, and whether the files and models it names are there. With `args` it is checked as
    /// it would run, so that every argument must have a value.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check<'a>(&'a self, project: &'a Project, args: Option<&ArgValues>) -> Result<Valid<'a>, Report> {
        validate(project, self.nodes(), Settings { assets: Some(self), args })
    }

    /// Makes a graph ready to run. What is not wrong but odd is in [`Valid::warnings`] of [`check`](Self::check).
    ///
    /// # Errors
    /// Everything that is wrong with the graph, or an unknown target.
    pub fn load(&self, project: &Project, args: &ArgValues, targets: Targets) -> Result<Prepared, LoadError> {
        let valid = self.check(project, Some(args))?;
        let plan = Plan::new(&valid, targets)?;
        let root = project.root();
        let name = root.source().name().to_owned();
        let folder = Path::new(&name).parent().unwrap_or(Path::new("")).to_owned();
        let value = |arg: &selfsame_graphs::Argument| args.get(&arg.name.value).or(arg.port.default.as_ref()).cloned();
        let arguments = root.graph().args.iter().filter_map(|arg| Some((arg.name.value.clone(), value(arg)?)));
        let about = About { folder, arguments: arguments.collect(), name };
        Ok(self.prepare(plan, about)?)
    }
}

/// What has changed since a picture was made, for [`Host::changed_since`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// A file that went into it has other contents.
    File(PathBuf),
    /// It was made by another version of this program or of a plugin, or on another device.
    Program {
        /// What: `selfsame`, `device`, `plugin acme-filters`.
        what: String,
        /// What it was.
        was: String,
        /// What it is.
        is: String,
    },
}

impl std::fmt::Display for Changed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Changed::File(path) => write!(f, "{} is not what it was when the picture was made", path.display()),
            Changed::Program { what, was, is } => write!(f, "the picture was made with {what} {was}, this is {is}"),
        }
    }
}

impl Host {
    /// What has changed since a saved picture was made, so that its graph may give another one. Empty for files that carry
    /// nothing.
    pub fn changed_since(&self, picture: &Path) -> Vec<Changed> {
        let bytes = std::fs::read(picture).unwrap_or_default();
        let texts = selfsame_nodes::image::png_text::read_text(&bytes);
        let map = |wanted: &str| -> BTreeMap<String, String> {
            let text = texts.iter().find(|(keyword, _)| keyword == wanted).map(|(_, text)| text);
            text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
        };
        let now = metadata::versions(self.device_name(), self.nodes().loaded_plugins());
        let program = map(metadata::VERSIONS).into_iter().filter_map(|(what, was)| {
            let is = now.get(&what)?.clone();
            (was != is).then_some(Changed::Program { what, was, is })
        });
        let files = map(metadata::FILES).into_iter().map(|(path, digest)| (PathBuf::from(path), digest));
        let changed = files
            .filter(|(path, digest)| self.files().digest(path, &Cancel::default()).is_ok_and(|now| *now != **digest));
        program.chain(changed.map(|(path, _)| Changed::File(path))).collect()
    }
}

/// Why a graph cannot run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is wrong.
    #[error(transparent)]
    Graph(#[from] Report),
    /// There is no such target.
    #[error(transparent)]
    Target(#[from] selfsame_graphs::UnknownTarget),
    /// This host cannot run it.
    #[error(transparent)]
    Host(#[from] Error),
}

impl Assets for Host {
    fn find(&self, asset: &Asset) -> Result<String, AssetMissing> {
        let wanted = match asset.kind {
            AssetKind::Model(kind) => {
                let found = self
                    .find_model(kind, asset.name)
                    .and_then(|path| path.canonicalize().map_err(|_| Box::new(missing_again(kind, asset.name, path))));
                return match found {
                    Ok(path) => text(path),
                    Err(missing) => Err(AssetMissing {
                        looked: missing.places(),
                        hint: missing.hint(),
                        candidates: missing.candidates,
                    }),
                };
            }
            AssetKind::File => Path::is_file,
            AssetKind::Folder => Path::is_dir,
        };
        let folder = asset.graph.and_then(|graph| Path::new(graph).parent()).unwrap_or(Path::new(""));
        let path = folder.join(asset.name);
        match path.canonicalize() {
            Ok(found) if wanted(&found) => text(found),
            _ => Err(AssetMissing {
                looked: vec![std::path::absolute(&path).unwrap_or(path.clone()).display().to_string()],
                candidates: beside(&path),
                hint: None,
            }),
        }
    }
}

/// A model that was there a moment ago.
fn missing_again(kind: &str, name: &str, path: PathBuf) -> models::Missing {
    models::Missing {
        kind: kind.to_owned(),
        name: name.to_owned(),
        looked: vec![path],
        ambiguous: Vec::new(),
        no_models: Vec::new(),
        candidates: Vec::new(),
        in_catalogue: None,
        files: Vec::new(),
        unwritable: None,
    }
}

fn text(path: PathBuf) -> Result<String, AssetMissing> {
    path.into_os_string().into_string().map_err(|path| AssetMissing {
        looked: vec![path.to_string_lossy().into_owned()],
        candidates: Vec::new(),
        hint: Some("its path is not UTF-8, which no graph file can say; rename it".to_owned()),
    })
}

/// The names beside a file that is not there, written as that file was.
fn beside(path: &Path) -> Vec<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(1000);
    let mut names: Vec<String> =
        entries.filter_map(|entry| path.with_file_name(entry.file_name()).to_str().map(str::to_owned)).collect();
    names.sort_unstable();
    names
}
