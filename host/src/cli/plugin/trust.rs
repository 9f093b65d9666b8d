//! `selfsame plugin trust`: saying which plugins may run.

use super::info::{names, permission, said};
use super::subject::{as_bundle, found, where_to};
use super::{policy, scans};
use crate::cli::exit::{Exit, OrStop, Stop};
use crate::cli::flags::PluginFolders;
use crate::cli::output::{print, tell};
use crate::cli::settings::File;
use clap::Args;
use selfsame_host::bundles::{
    self, Bundle, Entry, Folders, Level, Permission, Pin, Rules, Shelf, State, look_alike, target_triple,
};
use selfsame_host::plugin::helper::Isolation;
use selfsame_host::plugin::{PluginError, is_plugin_id};
use std::collections::BTreeSet;

/// Lets a plugin run, or forbids it
///
/// What is trusted is remembered by the key that has signed it, and holds for all that this key signs; without a signature
/// it is exactly this library. A signature says who made a plugin, not that it is safe.
#[derive(Args)]
pub struct Trust {
    /// The id of a plugin, or the folder of a bundle
    #[arg(value_name = "ID|BUNDLE")]
    what: String,
    /// Lets it run in a process of its own, apart from your files and the network
    #[arg(long, conflicts_with_all = ["deny", "forget"])]
    isolated: bool,
    /// Forbids it
    #[arg(long, conflicts_with = "forget")]
    deny: bool,
    /// Forgets what was said about it
    #[arg(long)]
    forget: bool,
    /// What it may do in its process: network, or read_files, the folders of the graph and of models; may be given several
    /// times
    #[arg(long, value_name = "PERMISSION", requires = "isolated", value_parser = permission)]
    permit: Vec<Permission>,
    /// The key that must have signed it: the line `RW...` of its author's `.pub` file
    #[arg(long, conflicts_with_all = ["deny", "forget"])]
    key: Option<String>,
    /// Even if it is another than was trusted before, or has nearly the name of a trusted one
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    folders: PluginFolders,
}

impl Trust {
    pub fn run(self, file: &File) -> Result<Exit, Stop> {
        let (mut trust, place) = policy()?;
        let folders = file.plugins(&self.folders);
        let shelf = Shelf::look(&[], &folders, &[], &Rules::new(&trust, &scans()));
        let bundle = self.bundle(&shelf, &folders);
        let id = match &bundle {
            Ok(bundle) => bundle.manifest().id.clone(),
            Err(_) => self.what.clone(),
        };
        let done = if self.forget {
            if !trust.forget(&id) {
                return Err(Stop::new(Exit::Usage, format!("nothing was said about a plugin `{id}`")));
            }
            format!("{id}: forgotten")
        } else if self.deny {
            if !is_plugin_id(&id) {
                bundle?;
            }
            trust.set(&id, Entry { level: Level::Denied, pin: None, permissions: BTreeSet::new() });
            format!("{id}: it does not run")
        } else {
            let entry = self.judge(&bundle?, &trust)?;
            let done = format!("{id}: {}", said(&entry));
            trust.set(&id, entry);
            done
        };
        trust.save(&place).or_stop(Exit::Wrong)?;
        print(&done)?;
        let is_astray = as_bundle(&self.what).is_some_and(|path| shelf.at(&path).is_none());
        if is_astray && !self.forget && !self.deny {
            tell(&format!(
                "note: {id} lies in no folder that is searched; for graphs to find it, {}",
                where_to(&id, &folders)
            ));
        }
        Ok(Exit::Ok)
    }

    fn bundle(&self, shelf: &Shelf, folders: &Folders) -> Result<Bundle, Stop> {
        if let Some(path) = as_bundle(&self.what) {
            return Bundle::open(&path).or_stop(Exit::Wrong);
        }
        let found = found(&self.what, shelf, folders)?;
        let broken = || Stop::new(Exit::Wrong, found.state.why().unwrap_or_default());
        found.bundle.clone().ok_or_else(broken)
    }

    /// What is to be remembered of a bundle, after a look at it.
    fn judge(&self, bundle: &Bundle, trust: &bundles::Trust) -> Result<Entry, Stop> {
        let manifest = bundle.manifest();
        bundle.check_abi().or_stop(Exit::Wrong)?;
        let signer = bundle.signer().or_stop(Exit::Wrong)?;
        let library = bundle.library(&target_triple()).or_stop(Exit::Wrong)?;
        if let Some(key) = self.key.as_deref().map(str::trim).filter(|key| signer != Some(key)) {
            let got = signer.map_or("no signature".to_owned(), |signer| format!("the key {signer}"));
            return Err(Stop::new(Exit::Wrong, format!("{}: expected the key {key}, got {got}", manifest.id)));
        }
        if let bundles::Verdict::Changed(how) = trust.judge(&manifest.id, signer, &library.sha256) {
            self.confirm(&format!("plugin {} has changed: {how}", manifest.id))?;
        }
        if let Some(known) = look_alike(&manifest.id, trust.ids()).filter(|_| trust.get(&manifest.id).is_none()) {
            self.confirm(&format!("plugin {} has nearly the name of the trusted plugin {known}", manifest.id))?;
        }
        let described = scans().look(&library, &Isolation::default()).map_err(|error| {
            let hint = match &error {
                PluginError::Crashed(how) => State::Quarantined(how.clone()).hint(&self.what),
                _ => None,
            };
            let hint = hint.map(|hint| format!("\n  = hint: {hint}")).unwrap_or_default();
            Stop::new(Exit::Wrong, format!("plugin {}: {error}{hint}", library.path.display()))
        })?;
        if described.id != manifest.id {
            let text = format!("its library calls itself {:?}, its manifest {:?}", described.id, manifest.id);
            return Err(Stop::new(Exit::Wrong, format!("plugin {}: {text}", bundle.folder().display())));
        }
        let permissions: BTreeSet<_> = self.permit.iter().copied().collect();
        let open: Vec<_> = manifest.permissions.difference(&permissions).collect();
        if self.isolated && !open.is_empty() {
            tell(&format!("note: {} wants to {}; --permit allows it", manifest.id, names(open)));
        }
        let pin = match signer {
            Some(key) => Pin::Key(key.to_owned()),
            None => Pin::Sha256(library.sha256),
        };
        let level = if self.isolated { Level::Isolated } else { Level::Trusted };
        Ok(Entry { level, pin: Some(pin), permissions })
    }

    fn confirm(&self, what: &str) -> Result<(), Stop> {
        if self.yes {
            tell(&format!("warning: {what}"));
            return Ok(());
        }
        let hint = "make sure that it comes from whom you think; --yes trusts it as it is";
        Err(Stop::new(Exit::Wrong, format!("{what}\n  = hint: {hint}")))
    }
}
