//! The node types that graphs can use: those that come with Selfsame, and those of plugins.

use super::{policy, scans};
use crate::cli::exit::{Exit, OrStop, Stop};
use crate::cli::flags::{ModelFlags, PluginFlags};
use crate::cli::output::tell;
use crate::cli::settings::File;
use selfsame_host::bundles::{Bundle, Found, Isolated, Rules, Shelf, Trust};
use selfsame_host::plugin::{Isolation, Plugin};
use selfsame_host::{Error, Nodes};
use std::path::{Path, PathBuf};

impl PluginFlags {
    /// All node types. `graph` is what is run, if anything is; plugins may be permitted to read what lies beside it.
    pub fn nodes(&self, file: &File, graph: Option<&Path>) -> Result<Nodes, Stop> {
        let mut nodes = Nodes::built_in();
        let mut taken = Vec::new();
        for path in self.plugin.iter().filter(|path| !Bundle::is_at(path)) {
            let loaded = Plugin::load(path).map_err(|source| Error::Plugin { path: path.clone(), source });
            let plugin = loaded.or_stop(Exit::Wrong)?;
            nodes.add_plugin(&plugin).or_stop(Exit::Wrong)?;
            taken.push((plugin.id().to_owned(), path.clone()));
        }
        // Where the environment names no folder of the user, nobody is trusted.
        let trust = if Trust::usual_place().is_some() { policy()?.0 } else { Trust::default() };
        let mut scans = scans();
        let mut shelf = self.shelf(
            file,
            &taken,
            &Rules { trust: &trust, scans: &scans, allow_unsigned: self.allow_unsigned_plugins },
        );
        if let Some(alarm) = shelf.found.iter().find_map(Found::alarm) {
            return Err(Stop::new(Exit::Wrong, alarm));
        }
        let folder = graph
            .and_then(Path::parent)
            .map(|folder| if folder == Path::new("") { ".".into() } else { folder.to_owned() });
        let models = file.folders(&ModelFlags::default());
        let readable = models.all().iter().map(|folder| folder.path.clone()).chain(folder).collect();
        let mut isolated = Isolated { scans: &mut scans, trust: &trust, isolation: Isolation::default(), readable };
        shelf.load(&mut nodes, &mut isolated).or_stop(Exit::Wrong)?;
        shelf.warnings.iter().for_each(|warning| tell(&format!("warning: {warning}")));
        let folders = file.plugins(self);
        nodes.know_folders(folders.all().iter().map(|folder| folder.path.display().to_string()));
        Ok(nodes)
    }

    /// All bundles.
    pub fn shelf(&self, file: &File, taken: &[(String, PathBuf)], rules: &Rules) -> Shelf {
        let named: Vec<PathBuf> = self.plugin.iter().filter(|path| Bundle::is_at(path)).cloned().collect();
        Shelf::look(&named, &file.plugins(self), taken, rules)
    }
}
