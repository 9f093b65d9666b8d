//! `selfsame plugin list`: which plugins are there, and which may run.

use super::subject::warn;
use super::{policy, scans};
use crate::cli::exit::{Exit, Stop};
use crate::cli::flags::PluginFolders;
use crate::cli::output::{columns, print, print_json};
use crate::cli::settings::File;
use clap::Args;
use selfsame_host::bundles::{Bundle, Folders, Found, Rules, Shelf};
use serde_json::{Value, json};

/// Lists the plugins that are there, and whether each may run
///
/// No code of a plugin runs for this.
#[derive(Args)]
pub struct List {
    /// Prints the list for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folders: PluginFolders,
}

impl List {
    pub fn run(self, file: &File) -> Result<Exit, Stop> {
        let (trust, scans) = (policy()?.0, scans());
        let folders = file.plugins(&self.folders);
        let shelf = Shelf::look(&[], &folders, &[], &Rules::new(&trust, &scans));
        warn(&shelf);
        match self.json {
            true => print_json(&shelf.found.iter().map(for_programs).collect::<Vec<_>>())?,
            false => print(&for_people(&shelf, &folders))?,
        }
        Ok(Exit::Ok)
    }
}

fn for_people(shelf: &Shelf, folders: &Folders) -> String {
    if shelf.found.is_empty() {
        let row = |folder: &selfsame_host::bundles::Folder| {
            let missing = if folder.path.is_dir() { "" } else { ", not there" };
            [format!("  {}", folder.path.display()), format!("{}{missing}", folder.origin)]
        };
        let rows: Vec<_> = folders.all().iter().map(row).collect();
        return format!("No plugins are there. Looked for folders `NAME.selfsame` in\n{}", columns(&rows));
    }
    let row = |found: &Found| {
        let version = found.bundle.as_ref().map(|bundle| bundle.manifest().version.clone());
        let place = format!("{} ({})", found.path.display(), found.origin);
        [found.id().to_owned(), version.unwrap_or("?".to_owned()), found.state.name().to_owned(), place]
    };
    let mut text = columns(&shelf.found.iter().map(row).collect::<Vec<_>>());
    for found in &shelf.found {
        if let Some(why) = found.state.why() {
            text += &format!("\n{}: {why}", found.id());
            text += &found.hint().map(|hint| format!("\n  = hint: {hint}")).unwrap_or_default();
            text.push('\n');
        }
    }
    text
}

/// A bundle as JSON.
pub fn for_programs(found: &Found) -> Value {
    let manifest = found.bundle.as_ref().map(Bundle::manifest);
    let signer = found.bundle.as_ref().and_then(|bundle| bundle.signer().ok().flatten());
    json!({
        "id": found.id(),
        "version": manifest.map(|manifest| &manifest.version),
        "state": found.state.name(),
        "why": found.state.why(),
        "hint": found.hint(),
        "path": found.path,
        "from": found.origin.to_string(),
        "signed_by": signer,
        "manifest": manifest,
    })
}
