//! `selfsame plugin build`: the library of a project.

use super::project::Project;
use crate::cli::exit::{Exit, Stop};
use crate::cli::output::print;
use clap::Args;
use std::path::PathBuf;

/// Builds the plugin in a folder, and prints the path of its library
///
/// A folder with a Cargo.toml is built by cargo, one with .c files by the C compiler.
#[derive(Args)]
pub struct Build {
    /// The folder
    #[arg(default_value = ".", value_name = "PROJECT")]
    project: PathBuf,
    /// Lets cargo use nothing but what is on this machine
    #[arg(long)]
    offline: bool,
}

impl Build {
    pub fn run(self) -> Result<Exit, Stop> {
        let library = Project::open(&self.project)?.build(self.offline)?;
        print(&library.display().to_string())?;
        Ok(Exit::Ok)
    }
}
