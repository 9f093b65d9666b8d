//! `selfsame models list`: which models are there, and which can be fetched.

use super::Shelf;
use crate::cli::exit::{Exit, Stop};
use crate::cli::flags::ModelFlags;
use crate::cli::output::{columns, print, print_json, tell};
use clap::Args;
use selfsame_host::Bytes;
use selfsame_host::models::{KINDS, Kind, Listing, Model};
use serde_json::json;

/// Lists the models that are there, and those that can be fetched
#[derive(Args)]
pub struct List {
    /// Only models of this kind: checkpoints, loras, controlnet ...
    kind: Option<String>,
    /// Prints the lists for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub models: ModelFlags,
}

impl List {
    pub fn run(&self, shelf: &Shelf) -> Result<Exit, Stop> {
        let kind = self.kind.as_deref().map(known).transpose()?;
        let listing = shelf.folders.list(kind);
        let of_kind = |model: &&Model| kind.is_none_or(|kind| model.files.iter().any(|file| file.kind == kind));
        let catalogue: Vec<&Model> = shelf.catalogue.models().iter().filter(of_kind).collect();
        for (path, why) in &listing.unreadable {
            tell(&format!("warning: {}: cannot be read: {why}", path.display()));
        }
        match self.json {
            true => print_json(&for_programs(shelf, &listing, &catalogue))?,
            false => print(&for_people(shelf, &listing, &catalogue))?,
        }
        Ok(Exit::Ok)
    }
}

/// The name of a kind, however it is called.
pub fn known(name: &str) -> Result<&'static str, Stop> {
    Kind::named(name).map(|kind| kind.name).ok_or_else(|| {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        let hint = match selfsame_graphs::nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the kinds are {}", names.join(", ")),
        };
        Stop::new(Exit::Usage, format!("there is no kind of models `{name}`\n  = hint: {hint}"))
    })
}

fn for_people(shelf: &Shelf, listing: &Listing, catalogue: &[&Model]) -> String {
    let mut text = String::new();
    if listing.is_bundled_only(&shelf.folders) {
        text += "No models are there but those that are part of the program. Looked in\n";
        let row = |folder: &selfsame_host::models::Folder| {
            let missing = if folder.path.is_dir() { "" } else { ", not there" };
            [format!("  {}", folder.path.display()), format!("{}{missing}", folder.origin)]
        };
        text += &columns(&shelf.folders.all().iter().map(row).collect::<Vec<_>>());
    }
    for group in listing.entries.chunk_by(|a, b| a.kind == b.kind) {
        let row = |entry: &selfsame_host::models::Entry| {
            [format!("  {}", entry.name), Bytes(entry.bytes).to_string(), entry.folder.display().to_string()]
        };
        text += &format!("{}\n{}\n", group[0].kind, columns(&group.iter().map(row).collect::<Vec<_>>()));
    }
    let (bundled, fetched): (Vec<&Model>, Vec<&Model>) = catalogue.iter().copied().partition(|model| model.bundled);
    for (heading, models) in [("Part of the program is", bundled), ("`selfsame models pull NAME` fetches", fetched)] {
        if models.is_empty() {
            continue;
        }
        let row = |model: &&Model| {
            let there = !model.bundled && model.files.iter().all(|file| shelf.is_there(file));
            let size = match (model.bytes(), model.known_bytes()) {
                (Some(bytes), _) => Bytes(bytes).to_string(),
                (None, 0) => "size unknown".to_owned(),
                (None, known) => format!("{}, and more", Bytes(known)),
            };
            let what = if there { format!("{}; is there", model.purpose) } else { model.purpose.clone() };
            [format!("  {}", model.name), size, what]
        };
        text += &format!("\n{heading}\n{}", columns(&models.iter().map(row).collect::<Vec<_>>()));
    }
    text.trim_start().to_owned()
}

fn for_programs(shelf: &Shelf, listing: &Listing, catalogue: &[&Model]) -> serde_json::Value {
    let folders =
        shelf.folders.all().iter().map(|folder| json!({"path": folder.path, "from": folder.origin.to_string()}));
    let models = listing.entries.iter().map(|entry| {
        json!({"kind": entry.kind, "name": entry.name, "path": entry.path, "bytes": entry.bytes, "folder": entry.folder})
    });
    let catalogue = catalogue.iter().map(|model| {
        let files = model.files.iter().map(|file| {
            json!({"kind": file.kind, "name": file.name, "bytes": file.bytes, "sha256": file.sha256,
                "is_there": model.bundled || shelf.is_there(file)})
        });
        let licence = json!({"name": model.licence.name, "link": model.licence.link,
            "research_only": model.licence.research_only});
        json!({"name": model.name, "purpose": model.purpose, "bundled": model.bundled, "repository": model.repository,
            "revision": model.revision, "licence": licence, "files": files.collect::<Vec<_>>()})
    });
    json!({
        "folders": folders.collect::<Vec<_>>(),
        "models": models.collect::<Vec<_>>(),
        "catalogue": catalogue.collect::<Vec<_>>(),
    })
}
