//! `selfsame plugin`: writing plugins, and deciding which may run.

mod build;
mod bundle;
mod check;
mod info;
mod list;
mod new;
mod nodes;
mod project;
mod sdk;
mod subject;
mod trust;

use super::exit::{Exit, OrStop, Stop};
use super::settings::File;
use clap::{Args, Subcommand};
use selfsame_host::bundles::{Scans, Trust};
use std::path::{Path, PathBuf};

/// Writes, checks and bundles plugins; lists those that are there, and says which may run
#[derive(Args)]
pub struct Plugin {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    New(new::New),
    Build(build::Build),
    Check(check::Check),
    Bundle(bundle::Bundle),
    List(list::List),
    Info(info::Info),
    Trust(trust::Trust),
}

impl Plugin {
    pub fn run(self, config: Option<&Path>) -> Result<Exit, Stop> {
        match self.command {
            Command::New(new) => new.run(),
            Command::Build(build) => build.run(),
            Command::Check(check) => check.run(&File::open(config)?),
            Command::Bundle(bundle) => bundle.run(),
            Command::List(list) => list.run(&File::open(config)?),
            Command::Info(info) => info.run(&File::open(config)?),
            Command::Trust(trust) => trust.run(&File::open(config)?),
        }
    }
}

/// What the user has said of plugins, and the file where it stands.
fn policy() -> Result<(Trust, PathBuf), Stop> {
    let no_folder = "there is no folder for settings: the environment names no folder of the user";
    let path = Trust::usual_place().ok_or_else(|| Stop::new(Exit::Usage, no_folder))?;
    Ok((Trust::open(&path).or_stop(Exit::Usage)?, path))
}

/// What is known of libraries that were looked at.
fn scans() -> Scans {
    Scans::open(Scans::usual_place())
}
