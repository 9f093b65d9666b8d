//! `selfsame plugin check`: whether a plugin keeps its promises.

use super::subject::Subject;
use super::{policy, scans};
use crate::cli::exit::{Exit, OrStop, Stop};
use crate::cli::flags::PluginFolders;
use crate::cli::output::{print, print_json};
use crate::cli::settings::File;
use clap::Args;
use selfsame_host::bundles::{Manifest, Rules, Shelf};
use selfsame_host::conformance::{self, Checked, Finding};
use selfsame_host::plugin::Plugin;
use selfsame_host::plugin::helper::{Description, Isolation, Limits, Permissions};
use serde_json::json;
use std::time::Duration;

/// Checks a plugin: what it says of itself, and what its nodes do with values that are made up
///
/// Its code runs in a process of its own (on Linux). Nodes run several times: a crash, a panic, missing or wrong outputs, numbers that
/// are none, and other results for the same inputs are errors, and so is what is not documented.
#[derive(Args)]
pub struct Check {
    /// The folder of a project, which is built; a library; a bundle; or the id of a plugin that is there
    #[arg(default_value = ".", value_name = "PROJECT|LIBRARY|BUNDLE|ID")]
    what: String,
    /// Prints what was found for programs
    #[arg(long)]
    json: bool,
    /// Lets cargo use nothing but what is on this machine
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    folders: PluginFolders,
}

impl Check {
    pub fn run(self, file: &File) -> Result<Exit, Stop> {
        let mut scans = scans();
        let folders = file.plugins(&self.folders);
        let shelf = Shelf::look(&[], &folders, &[], &Rules::new(&policy()?.0, &scans));
        let subject = Subject::find(&self.what, &shelf, &folders, self.offline)?;
        let path = &subject.library.path;
        let fail = |error| Stop::new(Exit::Wrong, format!("plugin {}: {error}", path.display()));
        // A place for sample files, and the end of a node that never ends.
        let folder = tempfile::tempdir().or_stop(Exit::Wrong)?;
        let permissions = Permissions { read: vec![folder.path().to_owned()], ..Permissions::default() };
        let limits = Limits { call: Some(Duration::from_secs(60)), ..Limits::default() };
        let isolation = Isolation { permissions, limits, ..Isolation::default() };
        let description = scans.look(&subject.library, &isolation).map_err(fail)?;
        let mut about = subject.manifest.map_or_else(Vec::new, |manifest| differs(&manifest, &description));
        about.extend(unsaid(&description));
        let plugin = match cfg!(target_os = "linux") {
            true => Plugin::isolated(&subject.library, description.clone(), &isolation),
            false => Plugin::load_bytes(&subject.library),
        };
        let plugin = plugin.map_err(fail)?;
        let nodes = conformance::check(plugin.nodes(), folder.path());
        let findings = about.iter().chain(nodes.iter().flat_map(|node| &node.findings));
        let errors = findings.filter(|finding| finding.is_error).count();
        match self.json {
            true => print_json(&json!({
                "plugin": description.id, "version": description.version, "library": path, "errors": errors,
                "findings": about, "nodes": nodes,
            }))?,
            false => print(&for_people(&description, &about, &nodes, errors))?,
        }
        Ok(if errors > 0 { Exit::Wrong } else { Exit::Ok })
    }
}

/// Where a manifest and its library say different things.
fn differs(manifest: &Manifest, library: &Description) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut same = |what: &str, manifest: &str, library: &str| {
        if manifest != library {
            let message = format!("its {what} is {library:?}, and {manifest:?} in the manifest");
            findings.push(Finding { is_error: true, message });
        }
    };
    same("id", &manifest.id, &library.id);
    same("version", &manifest.version, &library.version);
    let names = |nodes: &mut dyn Iterator<Item = (&str, &str)>| {
        let mut names: Vec<String> = nodes.map(|(id, name)| format!("{name} ({id})")).collect();
        names.sort();
        names.join(", ")
    };
    let named = names(&mut manifest.nodes.iter().map(|(id, name)| (&**id, &**name)));
    let offered = names(&mut library.nodes.iter().map(|node| (&*node.id, &*node.name)));
    same("list of node types", &named, &offered);
    findings
}

/// What people will look for and not find.
fn unsaid(library: &Description) -> Vec<Finding> {
    let about = &library.about;
    let texts = [("what it is for", &about.doc), ("its authors", &about.authors), ("its licence", &about.license)];
    let missing = texts.into_iter().filter(|(_, text)| text.trim().is_empty());
    missing.map(|(what, _)| Finding { is_error: false, message: format!("it does not say {what}") }).collect()
}

fn for_people(description: &Description, about: &[Finding], nodes: &[Checked], errors: usize) -> String {
    let mut text = format!("{} {}\n", description.id, description.version);
    let add = |findings: &[Finding]| {
        findings.iter().fold(String::new(), |text, finding| {
            text + &format!("    {}: {}\n", if finding.is_error { "error" } else { "advice" }, finding.message)
        })
    };
    text += &add(about);
    for node in nodes {
        let how = match (&node.not_tried, node.runs) {
            (Some(why), _) => format!("not tried: {why}"),
            (None, runs) => format!("{runs} of 3 sets of values gave a result"),
        };
        text += &format!("  {} ({}): {how}\n{}", node.name, node.id, add(&node.findings));
    }
    text + &match errors {
        0 => "ok".to_owned(),
        1 => "1 error".to_owned(),
        n => format!("{n} errors"),
    }
}
