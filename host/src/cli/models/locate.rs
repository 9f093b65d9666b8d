//! `selfsame models where`: the file that a graph would use.

use super::Shelf;
use super::list::known;
use crate::cli::exit::{Exit, OrStop, Stop};
use crate::cli::flags::ModelFlags;
use crate::cli::output::print;
use clap::Args;

/// Prints the path of the file that a graph means by a name
#[derive(Args)]
pub struct Where {
    /// The kind of model: checkpoints, loras, controlnet ...
    kind: String,
    /// The name, as a graph writes it
    name: String,
    #[command(flatten)]
    pub models: ModelFlags,
}

impl Where {
    pub fn run(&self, shelf: &Shelf) -> Result<Exit, Stop> {
        let path = shelf.folders.find(known(&self.kind)?, &self.name, &shelf.catalogue).or_stop(Exit::Wrong)?;
        print(&path.display().to_string())?;
        Ok(Exit::Ok)
    }
}
