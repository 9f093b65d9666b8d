//! `selfsame plugin bundle`: a library as something to give away.

use super::info::permission;
use super::project::Project;
use super::scans;
use crate::cli::exit::{Exit, OrStop, Stop};
use crate::cli::output::print;
use clap::Args;
use selfsame_host::bundles::{self, Abi, ENDING, Manifest, Permission, target_triple};
use selfsame_host::plugin::LibraryBytes;
use selfsame_host::plugin::helper::{Description, Isolation};
use selfsame_sdk::ffi::abi::SS_ABI_MAJOR;
use std::path::{Path, PathBuf};

/// Writes a plugin as a bundle: a folder with its library, and a manifest of what it says of itself
///
/// Bundles of one version for several systems may be written into one folder, one after the other.
#[derive(Args)]
pub struct Bundle {
    /// The folder of a project, which is built, or a library
    #[arg(default_value = ".", value_name = "PROJECT|LIBRARY")]
    what: PathBuf,
    /// Writes the bundle into this folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Signs the manifest with this secret key of minisign; its password is asked for if it has one
    #[arg(long, value_name = "FILE")]
    sign: Option<PathBuf>,
    /// What the plugin wants to do besides computing: network or read_files; may be given several times
    #[arg(long, value_name = "PERMISSION", value_parser = permission)]
    wants: Vec<Permission>,
    /// The system that a library was built for, if it is not this one; the bundle must be there then
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// Lets cargo use nothing but what is on this machine
    #[arg(long)]
    offline: bool,
}

impl Bundle {
    pub fn run(self) -> Result<Exit, Stop> {
        let path = match Project::at(&self.what) {
            Some(project) => project.build(self.offline)?,
            None => self.what.clone(),
        };
        let fail = |reason: String| Stop::new(Exit::Wrong, format!("{}: {reason}", path.display()));
        let library = LibraryBytes::read(&path).map_err(fail)?;
        let triple = self.target.clone().unwrap_or_else(target_triple);
        let (folder, manifest) = match triple == target_triple() {
            true => {
                let described = scans().look(&library, &Isolation::default());
                let manifest = self.manifest(described.or_stop(Exit::Wrong)?);
                (self.out.join(format!("{}.{ENDING}", manifest.id)), manifest)
            }
            false => self.for_another_system(&triple)?,
        };
        let bundle = bundles::write(&folder, manifest, &library, &triple, self.sign.as_deref()).or_stop(Exit::Wrong)?;
        print(&bundle.folder().display().to_string())?;
        Ok(Exit::Ok)
    }

    fn manifest(&self, described: Description) -> Manifest {
        let about = described.about;
        Manifest {
            format: 1,
            id: described.id,
            version: described.version,
            title: about.title,
            doc: about.doc,
            authors: about.authors,
            license: about.license,
            homepage: about.homepage,
            abi: Abi { major: SS_ABI_MAJOR, min_minor: about.min_minor },
            nodes: described.nodes.into_iter().map(|node| (node.id, node.name)).collect(),
            permissions: self.wants.iter().copied().collect(),
            targets: Default::default(),
            public_key: None,
        }
    }

    /// A library that does not run here says nothing of itself: the bundle that it joins does.
    fn for_another_system(&self, triple: &str) -> Result<(PathBuf, Manifest), Stop> {
        let is_bundle = |path: &Path| bundles::Bundle::is_at(path);
        let entries = std::fs::read_dir(&self.out).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut there: Vec<PathBuf> = entries.filter(|path| is_bundle(path)).collect();
        match (there.pop(), there.is_empty()) {
            (Some(folder), true) => {
                let bundle = bundles::Bundle::open(&folder).or_stop(Exit::Wrong)?;
                Ok((folder, bundle.manifest().clone()))
            }
            _ => {
                let text = format!("a library for {triple} cannot be looked at here, so it joins a bundle");
                let hint = format!("{} must hold exactly one, written on a system of its own", self.out.display());
                Err(Stop::new(Exit::Usage, format!("{text}\n  = hint: {hint}")))
            }
        }
    }
}
