//! `selfsame models verify`: whether model files are what they should be.

use super::Shelf;
use super::watch::Progress;
use crate::cli::exit::{Exit, OrStop, Stop};
use crate::cli::flags::ModelFlags;
use crate::cli::output::{print, tell};
use crate::cli::signals;
use clap::Args;
use selfsame_host::models::{Identity, Model, Verdict, identify, verify};
use std::path::{Path, PathBuf};

/// Compares model files with the catalogue's digests
#[derive(Args)]
pub struct Verify {
    /// Models of the catalogue, or paths of files; without any, all models of the catalogue that are there
    #[arg(value_name = "NAME|PATH")]
    what: Vec<String>,
    #[command(flatten)]
    pub models: ModelFlags,
}

impl Verify {
    pub fn run(&self, shelf: &Shelf) -> Result<Exit, Stop> {
        let cancel = signals::cancel()?;
        let progress = Progress::new(&cancel);
        let mut is_good = true;
        let mut say = |path: &Path, model: Option<&str>, verdict: &Verdict| {
            if *verdict == Verdict::Cancelled {
                return Err(Stop::new(Exit::Cancelled, "cancelled"));
            }
            is_good &= verdict.is_usable();
            let model = model.map(|model| format!(" ({model})")).unwrap_or_default();
            print(&format!("{}{model}: {verdict}", path.display()))
        };
        let chosen = self.chosen(shelf)?;
        if chosen.is_empty() {
            tell("no model of the catalogue is there");
        }
        for what in chosen {
            match what {
                Chosen::Model(model) => {
                    let verdicts = progress.watch(|watch| verify(&shelf.folders, model, watch));
                    verdicts.iter().try_for_each(|(path, verdict)| say(path, Some(&model.name), verdict))?;
                }
                Chosen::File(path) => {
                    let Identity { model, verdict } = progress.watch(|watch| identify(&path, &shelf.catalogue, watch));
                    say(&path, model.as_deref(), &verdict)?;
                }
            }
        }
        Ok(if is_good { Exit::Ok } else { Exit::Wrong })
    }

    fn chosen<'s>(&self, shelf: &'s Shelf) -> Result<Vec<Chosen<'s>>, Stop> {
        if self.what.is_empty() {
            let some_there = |model: &&Model| model.fetched().iter().any(|file| shelf.is_there(file));
            return Ok(shelf.catalogue.models().iter().filter(some_there).map(Chosen::Model).collect());
        }
        let choose = |what: &String| match shelf.catalogue.get(what) {
            Ok(model) if model.bundled => Err(format!("{what} is part of the program: there is nothing to compare")),
            Ok(model) => Ok(Chosen::Model(model)),
            Err(_) if Path::new(what).exists() => Ok(Chosen::File(PathBuf::from(what))),
            Err(unknown) => Err(format!("{unknown}; and there is no such file")),
        };
        self.what.iter().map(choose).collect::<Result<Vec<_>, String>>().or_stop(Exit::Usage)
    }
}

enum Chosen<'s> {
    Model(&'s Model),
    File(PathBuf),
}
