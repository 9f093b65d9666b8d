//! What a word on the command line means: a project, a library, a bundle, or the id of a bundle in a folder.

use super::project::Project;
use crate::cli::exit::{Exit, OrStop, Stop};
use crate::cli::output::tell;
use selfsame_host::bundles::{Bundle, ENDING, Folders, Found, Manifest, Origin, Shelf, target_triple};
use selfsame_host::plugin::LibraryBytes;
use std::path::{Path, PathBuf};

/// A library, with the manifest of its bundle if it lies in one.
pub struct Subject {
    pub library: LibraryBytes,
    pub manifest: Option<Manifest>,
}

impl Subject {
    /// Finds, and if need be builds, what is meant.
    pub fn find(what: &str, shelf: &Shelf, folders: &Folders, offline: bool) -> Result<Self, Stop> {
        let path = Path::new(what);
        if Bundle::is_at(path) {
            return Self::of_bundle(&Bundle::open(path).or_stop(Exit::Wrong)?);
        }
        if let Some(project) = Project::at(path) {
            return Self::of_library(&project.build(offline)?);
        }
        if path.is_file() {
            return Self::of_library(path);
        }
        match &found(what, shelf, folders)?.bundle {
            Some(bundle) => Self::of_bundle(bundle),
            None => Err(unknown(what, shelf, folders)),
        }
    }

    fn of_library(path: &Path) -> Result<Self, Stop> {
        let fail = |reason: String| Stop::new(Exit::Wrong, format!("{}: {reason}", path.display()));
        Ok(Subject { library: LibraryBytes::read(path).map_err(fail)?, manifest: None })
    }

    /// The library of a bundle for this system, and its signature, must be right.
    fn of_bundle(bundle: &Bundle) -> Result<Self, Stop> {
        bundle.check_abi().or_stop(Exit::Wrong)?;
        bundle.signer().or_stop(Exit::Wrong)?;
        let library = bundle.library(&target_triple()).or_stop(Exit::Wrong)?;
        Ok(Subject { library, manifest: Some(bundle.manifest().clone()) })
    }
}

/// The bundle of this id.
pub fn found<'a>(id: &str, shelf: &'a Shelf, folders: &Folders) -> Result<&'a Found, Stop> {
    let broken = shelf.found.iter().find(|found| found.bundle.is_none() && found.id() == id);
    shelf.get(id).or(broken).ok_or_else(|| unknown(id, shelf, folders))
}

fn unknown(id: &str, shelf: &Shelf, folders: &Folders) -> Stop {
    let ids = shelf.found.iter().map(Found::id);
    let hint = match selfsame_graphs::nearest(id, ids) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`selfsame plugin list` lists those that are there".to_owned(),
    };
    let looked: Vec<String> = folders.all().iter().map(|folder| folder.path.display().to_string()).collect();
    let message =
        format!("there is no plugin `{id}`\n  = looked in: {}\n  = hint: {hint}", looked.join("\n               "));
    Stop::new(Exit::Usage, message)
}

/// What is wrong with the shelf as a whole.
pub fn warn(shelf: &Shelf) {
    shelf.warnings.iter().for_each(|warning| tell(&format!("warning: {warning}")));
}

/// A bundle's folder, or nothing.
pub fn as_bundle(what: &str) -> Option<PathBuf> {
    Some(PathBuf::from(what)).filter(|path| Bundle::is_at(path))
}

/// Where a bundle belongs so that graphs find it.
pub fn where_to(id: &str, folders: &Folders) -> String {
    let own = folders.all().iter().find(|folder| folder.origin == Origin::User).or(folders.all().first());
    match own {
        Some(folder) => format!("put it here: {}", folder.path.join(format!("{id}.{ENDING}")).display()),
        None => "name its folder with --plugin-dir".to_owned(),
    }
}
