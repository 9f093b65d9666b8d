//! From the bundles that may run to their node types.

use super::folders::Origin;
use super::manifest::Permission;
use super::scans::Scans;
use super::shelf::{Found, Shelf, State};
use super::trust::Trust;
use crate::plugin::helper::Isolation;
use crate::plugin::{Plugin, PluginError};
use crate::{Error, Nodes};
use std::path::PathBuf;
use std::sync::Arc;

/// How isolated plugins run.
pub struct Isolated<'a> {
    /// What is known of their libraries.
    pub scans: &'a mut Scans,
    /// What the user permits.
    pub trust: &'a Trust,
    /// Limits, and what every isolated plugin may do.
    pub isolation: Isolation,
    /// What plugins that may read files may read besides.
    pub readable: Vec<PathBuf>,
}

impl Shelf {
    /// Adds the node types of all plugins that may run, **running code of them**, and tells which others there are. What a
    /// plugin of a folder cannot do, such as to be loaded, is in [`warnings`](Self::warnings); its state is then
    /// [`State::Broken`] or [`State::Quarantined`].
    ///
    /// # Errors
    /// If a bundle that was named on the command line cannot be loaded.
    pub fn load(&mut self, nodes: &mut Nodes, with: &mut Isolated) -> Result<(), Error> {
        for found in &mut self.found {
            if found.library.is_none() {
                continue;
            }
            let added = add(found, nodes, with);
            let Err(error) = added else { continue };
            if found.origin == Origin::Named {
                return Err(error);
            }
            self.warnings.push(format!("{error}; it is left out"));
            found.library = None;
            found.state = match error {
                Error::Plugin { source: PluginError::Crashed(how), .. } => State::Quarantined(how),
                Error::Plugin { source, .. } => State::Broken(source.to_string()),
                other => State::Broken(other.to_string()),
            };
        }
        nodes.know_unusable(self.found.iter().filter_map(Found::unusable));
        Ok(())
    }
}

fn add(found: &Found, nodes: &mut Nodes, with: &mut Isolated) -> Result<(), Error> {
    let fail = |source: PluginError| Error::Plugin { path: found.path.clone(), source };
    let plugin = plugin(found, with).map_err(fail)?;
    if plugin.id() != found.id() {
        let problem = format!("its library calls itself {:?}, its manifest {:?}", plugin.id(), found.id());
        return Err(fail(PluginError::Broken { of: "its id".to_owned(), problem }));
    }
    nodes.add_plugin(&plugin)
}

fn plugin(found: &Found, with: &mut Isolated) -> Result<Arc<Plugin>, PluginError> {
    let library = found.library.as_ref().ok_or(PluginError::Changed)?;
    if found.state == State::Trusted {
        return Plugin::load_bytes(library);
    }
    let granted = with.trust.get(found.id()).map(|entry| entry.permissions.clone()).unwrap_or_default();
    let mut isolation = with.isolation.clone();
    // What lies in a bundle is there for its plugin.
    isolation.permissions.read.push(found.path.clone());
    isolation.permissions.network |= granted.contains(&Permission::Network);
    if granted.contains(&Permission::ReadFiles) {
        isolation.permissions.read.extend_from_slice(&with.readable);
    }
    let description = with.scans.describe(library, &isolation)?;
    Plugin::isolated(library, description, &isolation)
}
