//! `selfsame completions`: for the shell that a person types in.

use super::exit::{Exit, Stop};
use super::output::print;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Prints a script that completes commands and flags in a shell
#[derive(Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Result<Exit, Stop> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::Cli::command(), "selfsame", &mut script);
        print(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Ok)
    }
}
