//! `selfsame models`: model files.

mod list;
mod locate;
mod pull;
mod verify;
mod watch;

use super::exit::{Exit, Stop};
use super::flags::ModelFlags;
use super::settings::File;
use clap::{Args, Subcommand};
use selfsame_host::models::{Catalogue, Folders, ModelFile};
use std::path::Path;

/// Lists, finds, fetches and checks model files
#[derive(Args)]
pub struct Models {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(list::List),
    Where(locate::Where),
    Pull(pull::Pull),
    Verify(verify::Verify),
}

impl Models {
    pub fn run(self, config: Option<&Path>) -> Result<Exit, Stop> {
        let file = File::open(config)?;
        match self.command {
            Command::List(list) => list.run(&Shelf::new(&file, &list.models)?),
            Command::Where(place) => place.run(&Shelf::new(&file, &place.models)?),
            Command::Pull(pull) => pull.run(&Shelf::new(&file, &pull.models)?),
            Command::Verify(verify) => verify.run(&Shelf::new(&file, &verify.models)?),
        }
    }
}

/// Where models are, and which ones can be fetched.
struct Shelf {
    folders: Folders,
    catalogue: Catalogue,
}

impl Shelf {
    fn new(file: &File, flags: &ModelFlags) -> Result<Self, Stop> {
        Ok(Shelf { folders: file.folders(flags), catalogue: file.catalogue()? })
    }

    /// Whether some file has the name of this one; not whether it is the right one.
    fn is_there(&self, file: &ModelFile) -> bool {
        self.folders.find_exact(&file.kind, &file.name).is_some()
    }
}
