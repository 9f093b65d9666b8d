//! `selfsame models pull`: fetching models.

use super::Shelf;
use super::watch::Progress;
use crate::cli::exit::{Exit, OrStop, Stop};
use crate::cli::flags::ModelFlags;
use crate::cli::output::{print, tell};
use crate::cli::signals;
use clap::Args;
use selfsame_host::Bytes;
use selfsame_host::models::{Checked, Hub, Model, Outcome, PullError, Pulled, pull};
use std::io::{BufRead, IsTerminal};

/// Fetches models from the Hugging Face hub into the first models folder
///
/// What is there already is checked, not fetched again; what was interrupted is continued. HF_ENDPOINT names another
/// hub, HF_TOKEN a token for models that need one.
#[derive(Args)]
pub struct Pull {
    /// Models of the catalogue: `selfsame models list` shows them
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// Accepts licences that allow research only, without a question
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    pub models: ModelFlags,
}

impl Pull {
    pub fn run(&self, shelf: &Shelf) -> Result<Exit, Stop> {
        let models = self.names.iter().map(|name| shelf.catalogue.get(name)).collect::<Result<Vec<_>, _>>();
        let models = models.or_stop(Exit::Usage)?;
        models.iter().for_each(|model| tell(&notice(model)));
        self.accept(&models)?;
        let cancel = signals::cancel()?;
        let hub = Hub::from_env().or_stop(Exit::Usage)?;
        for model in models {
            let progress = Progress::new(&cancel);
            let pulled = progress.watch(|watch| pull(&hub, model, &shelf.folders, watch)).map_err(stop)?;
            pulled.iter().try_for_each(|file| print(&line(file)))?;
        }
        Ok(Exit::Ok)
    }

    /// What is for research only must be accepted, each time: nobody remembers for others.
    fn accept(&self, models: &[&Model]) -> Result<(), Stop> {
        let names: Vec<&str> =
            models.iter().filter(|model| model.licence.research_only).map(|model| model.name.as_str()).collect();
        if names.is_empty() || self.yes {
            return Ok(());
        }
        let names = names.join(", ");
        if !std::io::stdin().is_terminal() {
            let hint = "read the licence, then say --yes to accept it";
            let message = format!("{names}: the authors allow research only\n  = hint: {hint}");
            return Err(Stop::new(Exit::Usage, message));
        }
        tell(&format!("{names}: the authors allow research only. Accept that? [y/N]"));
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).or_stop(Exit::Usage)?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Stop::new(Exit::Cancelled, "not accepted, so nothing was fetched")),
        }
    }
}

fn notice(model: &Model) -> String {
    let size = model.bytes().map_or("of unknown size".to_owned(), |bytes| Bytes(bytes).to_string());
    let from = match model.bundled {
        true => "part of the program: nothing to fetch".to_owned(),
        false => format!("from {}", model.repository),
    };
    format!("{}: {}\n  {from}, {size}\n  licence: {}", model.name, model.purpose, model.licence)
}

fn line(file: &Pulled) -> String {
    let outcome = match file.outcome {
        Outcome::Fetched => "fetched",
        Outcome::AlreadyThere => "is there",
    };
    let checked = match file.checked {
        Checked::Catalogue => "",
        Checked::Hub => " (digest as the hub states it)",
        Checked::Length => " (no digest is known to compare with)",
    };
    format!("{outcome} {}{checked}", file.path.display())
}

fn stop(error: PullError) -> Stop {
    match error {
        PullError::Cancelled => Stop::new(Exit::Cancelled, "cancelled; pull again to continue"),
        PullError::Settings { .. } | PullError::NoFolder => Stop::new(Exit::Usage, error),
        other => Stop::new(Exit::Wrong, other),
    }
}
