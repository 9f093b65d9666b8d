//! The node types that graphs can use: those that come with Selfsame, and those of plugins.

use super::subject::warn;
use super::{policy, scans};
use crate::cli::exit::{Exit, OrStop, Stop};
use crate::cli::flags::{ModelFlags, PluginFlags};
use crate::cli::settings::File;
use selfsame_host::bundles::{Bundle, Found, Isolated, Rules, Scans, Shelf, Trust};
use selfsame_host::plugin::helper::{Isolation, Permissions};
use selfsame_host::plugin::{LibraryBytes, Plugin, PluginError};
use selfsame_host::{Error, Nodes};
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl PluginFlags {
    /// All node types. `graph` is what is run, if anything is; plugins may be permitted to read what lies beside it.
    pub fn nodes(&self, file: &File, graph: Option<&Path>) -> Result<Nodes, Stop> {
        // Where the environment names no folder of the user, nobody is trusted.
        let trust = if Trust::usual_place().is_some() { policy()?.0 } else { Trust::default() };
        let mut scans = scans();
        let permissions = Permissions { read: whole(self.plugins_read.clone()), network: false };
        let isolation = Isolation { permissions, ..Isolation::default() };
        let mut nodes = Nodes::built_in();
        let mut taken = Vec::new();
        for path in self.plugin.iter().filter(|path| !Bundle::is_at(path)) {
            let loaded = self.library(path, &mut scans, &isolation);
            let plugin = loaded.map_err(|source| Error::Plugin { path: path.clone(), source }).or_stop(Exit::Wrong)?;
            nodes.add_plugin(&plugin).or_stop(Exit::Wrong)?;
            taken.push((plugin.id().to_owned(), path.clone()));
        }
        let named: Vec<PathBuf> = self.plugin.iter().filter(|path| Bundle::is_at(path)).cloned().collect();
        let folders = file.plugins(&self.folders);
        let rules = Rules {
            allow_unsigned: self.allow_unsigned_plugins,
            isolate: self.isolate_plugins,
            ..Rules::new(&trust, &scans)
        };
        let mut shelf = Shelf::look(&named, &folders, &taken, &rules);
        if let Some(alarm) = shelf.found.iter().find_map(Found::alarm) {
            return Err(Stop::new(Exit::Wrong, alarm));
        }
        let readable = readable(file, graph);
        shelf
            .load(&mut nodes, &mut Isolated { scans: &mut scans, trust: &trust, isolation, readable })
            .or_stop(Exit::Wrong)?;
        warn(&shelf);
        nodes.know_folders(folders.all().iter().map(|folder| folder.path.display().to_string()));
        Ok(nodes)
    }

    /// A library that is named: whoever does that lets it run.
    fn library(&self, path: &Path, scans: &mut Scans, isolation: &Isolation) -> Result<Arc<Plugin>, PluginError> {
        let library = LibraryBytes::read(path).map_err(PluginError::Unreadable)?;
        if !self.isolate_plugins {
            return Plugin::load_bytes(&library);
        }
        Plugin::isolated(&library, scans.describe(&library, isolation)?, isolation)
    }
}

/// What a plugin with the permission to read files may read: the folder of the graph, and those of models.
fn readable(file: &File, graph: Option<&Path>) -> Vec<PathBuf> {
    let folder = graph.and_then(Path::parent).map(|folder| match folder == Path::new("") {
        true => PathBuf::from("."),
        false => folder.to_owned(),
    });
    let models = file.folders(&ModelFlags::default());
    let models = models.all().iter().map(|folder| folder.path.clone());
    whole(folder.into_iter().chain(models))
}

/// The processes of plugins have another current folder.
fn whole(paths: impl IntoIterator<Item = PathBuf>) -> Vec<PathBuf> {
    paths.into_iter().filter_map(|path| std::path::absolute(path).ok()).collect()
}
