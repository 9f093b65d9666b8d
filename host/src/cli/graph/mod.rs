//! `selfsame graph`: graph files as files.

mod fmt;
mod show;

use super::exit::{Exit, Stop};
use clap::{Args, Subcommand};
use std::path::Path;

/// Lays out graph files, and draws them
#[derive(Args)]
pub struct Graph {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Fmt(fmt::Fmt),
    Show(show::Show),
}

impl Graph {
    pub fn run(self, config: Option<&Path>) -> Result<Exit, Stop> {
        match self.command {
            Command::Fmt(fmt) => fmt.run(),
            Command::Show(show) => show.run(config),
        }
    }
}
