//! `selfsame plugin info`: everything that is known of one plugin.

use super::list::for_programs;
use super::subject::{as_bundle, found, warn, where_to};
use super::{policy, scans};
use crate::cli::exit::{Exit, Stop};
use crate::cli::flags::PluginFolders;
use crate::cli::output::{columns, print, print_json};
use crate::cli::settings::File;
use clap::Args;
use selfsame_host::bundles::{Bundle, Entry, Found, Level, Origin, Permission, Pin, Rules, Shelf, Trust};

/// Says what is known of a plugin: what it offers, who signed it, and what it may do
///
/// No code of the plugin runs for this: it is what its manifest says.
#[derive(Args)]
pub struct Info {
    /// The id of a plugin, or the folder of a bundle
    #[arg(value_name = "ID|BUNDLE")]
    what: String,
    /// Prints it for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folders: PluginFolders,
}

impl Info {
    pub fn run(self, file: &File) -> Result<Exit, Stop> {
        let (trust, scans) = (policy()?.0, scans());
        let (named, folders, rules) = (as_bundle(&self.what), file.plugins(&self.folders), Rules::new(&trust, &scans));
        let mut shelf = Shelf::look(&[], &folders, &[], &rules);
        if let Some(path) = named.as_ref().filter(|path| shelf.at(path).is_none()) {
            shelf = Shelf::aside(path.clone(), &rules);
        }
        warn(&shelf);
        let one = match named.and_then(|path| shelf.at(&path)) {
            Some(one) => one,
            None => found(&self.what, &shelf, &folders)?,
        };
        match self.json {
            true => print_json(&for_programs(one))?,
            false => {
                let mut text = for_people(one, &trust);
                if one.origin == Origin::Elsewhere {
                    text += &format!("  = hint: for graphs to find it, {}\n", where_to(one.id(), &folders));
                }
                print(&text)?;
            }
        }
        Ok(Exit::Ok)
    }
}

fn for_people(found: &Found, trust: &Trust) -> String {
    let mut rows: Vec<[String; 2]> = Vec::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            rows.push([name.to_owned(), value]);
        }
    };
    if let Some(manifest) = found.bundle.as_ref().map(Bundle::manifest) {
        add("plugin", format!("{} {}", manifest.id, manifest.version));
        add("title", manifest.title.clone());
        add("what", manifest.doc.split_whitespace().collect::<Vec<_>>().join(" "));
        add("authors", manifest.authors.clone());
        add("licence", manifest.license.clone());
        add("homepage", manifest.homepage.clone());
        add("boundary", format!("{}.{} or later", manifest.abi.major, manifest.abi.min_minor));
        add("systems", manifest.targets.keys().cloned().collect::<Vec<_>>().join(", "));
        let nodes = manifest.nodes.iter().map(|(id, name)| format!("{name} ({id})"));
        add("node types", nodes.collect::<Vec<_>>().join(", "));
        add("wants to", names(&manifest.permissions));
    }
    add("folder", found.path.display().to_string());
    add("found by", found.origin.to_string());
    add("signature", signature(found));
    add("state", found.state.name().to_owned());
    add("because", found.state.why().unwrap_or_default());
    let entry = trust.get(found.id());
    add("trust.ron", entry.map_or_else(|| "says nothing of it".to_owned(), said));
    let hint = found.hint().map(|hint| format!("  = hint: {hint}\n")).unwrap_or_default();
    columns(&rows) + &hint
}

fn signature(found: &Found) -> String {
    match found.bundle.as_ref().map(Bundle::signer) {
        Some(Ok(Some(key))) => format!("by the key {key} (this says who made it, not that it is safe)"),
        Some(Ok(None)) => "none".to_owned(),
        Some(Err(error)) => error.to_string(),
        None => String::new(),
    }
}

/// What the user has said of a plugin, in words.
pub fn said(entry: &Entry) -> String {
    let level = match entry.level {
        Level::Trusted => "it runs in this program, with all your rights",
        Level::Isolated => "it runs in a process of its own",
        Level::Denied => return "it does not run".to_owned(),
    };
    let pin = match &entry.pin {
        Some(Pin::Key(key)) => format!("; every version signed by the key {key}"),
        Some(Pin::Sha256(digest)) => format!("; exactly the library of SHA-256 {digest}"),
        None => String::new(),
    };
    let permitted = names(&entry.permissions);
    let permitted = if permitted.is_empty() { permitted } else { format!("; it may {permitted}") };
    format!("{level}{pin}{permitted}")
}

/// Permissions in a list.
pub fn names<'a>(permissions: impl IntoIterator<Item = &'a Permission>) -> String {
    permissions.into_iter().map(|permission| permission.name()).collect::<Vec<_>>().join(", ")
}

/// Reads a permission on the command line.
pub fn permission(text: &str) -> Result<Permission, String> {
    let found = Permission::ALL.into_iter().find(|permission| permission.name() == text);
    found.ok_or_else(|| format!("expected one of {}", names(&Permission::ALL)))
}
