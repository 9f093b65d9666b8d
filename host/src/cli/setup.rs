//! `selfsame setup`: what this machine has for running graphs, and fetching what it lacks.

use super::bars::style;
use super::exit::{Exit, Stop};
use super::flags::HostFlags;
use super::output::{columns, print, tell};
use super::settings::{File, InForce};
use super::signals;
use clap::Args;
use indicatif::ProgressBar;
use selfsame_host::models::{Folders, Origin};
use selfsame_host::onnx::{self, Found, Sources, Watch, Wheel};
use selfsame_host::plugin::helper::{self, Isolation};
use selfsame_host::{Host, Nodes, platform};
use std::path::Path;

/// Shows what this machine has for running graphs, and fetches ONNX Runtime if it is missing
///
/// ONNX Runtime runs the networks that find and tell faces. It comes from the Python package index, through pip where
/// there is one. Models are fetched with `selfsame models pull`.
#[derive(Args)]
pub struct Setup {
    /// Only shows what is there; exit code 1 if something is missing
    #[arg(long)]
    check: bool,
    /// Fetches the ONNX Runtime that can use CUDA 13 (250 MB)
    #[arg(long, conflicts_with = "check")]
    gpu: bool,
    #[command(flatten)]
    flags: HostFlags,
}

/// A line of the report.
struct Item {
    name: &'static str,
    is_there: bool,
    text: String,
}

impl Setup {
    pub fn run(self, config: Option<&Path>) -> Result<Exit, Stop> {
        let in_force = InForce::new(&File::open(config)?, &self.flags)?;
        if !self.check {
            self.fetch()?;
        }
        let models = models(&in_force.folders);
        let mut items = vec![device(in_force), onnx_runtime(), cache(!self.check), isolation()];
        items.extend(models);
        let mark = |item: &Item| if item.is_there { "ok" } else { "missing" }.to_owned();
        let rows: Vec<_> = items.iter().map(|item| [item.name.to_owned(), mark(item), item.text.clone()]).collect();
        print(&columns(&rows))?;
        Ok(if items.iter().all(|item| item.is_there) { Exit::Ok } else { Exit::Wrong })
    }

    fn fetch(&self) -> Result<(), Stop> {
        let cancel = signals::cancel()?;
        let bar = ProgressBar::no_length().with_style(style("{bar:30} {bytes}/{total_bytes}, {eta} left"));
        let watch = Watch {
            say: &|what| bar.suspend(|| tell(what)),
            progress: &|done, total| {
                bar.set_length(total);
                bar.set_position(done);
            },
            cancelled: &|| cancel.check().is_err(),
        };
        let done = if self.gpu { fetch_gpu(&watch) } else { onnx::ensure(&watch) };
        bar.finish_and_clear();
        done.map(drop).map_err(|error| match error {
            onnx::Error::Cancelled => Stop::new(Exit::Cancelled, "cancelled; set up again to continue"),
            error => Stop::new(Exit::Wrong, error),
        })
    }
}

/// Fetches the library that can use CUDA, whatever else is there.
fn fetch_gpu(watch: &Watch) -> Result<Found, onnx::Error> {
    let folder = onnx::folder().ok_or(onnx::Error::NoFolder)?;
    let found = onnx::fetch(&Wheel::usual(true)?, &Sources::usual(), &folder, watch)?;
    if onnx::find().is_ok_and(|used| used.path != found.path) {
        (watch.say)("another ONNX Runtime is found before the one that was fetched, and stays in use");
    }
    Ok(found)
}

fn device(in_force: InForce) -> Item {
    let wanted = in_force.device.value.clone();
    let cuda = match (cfg!(feature = "cuda"), candle_core::utils::cuda_is_available()) {
        (false, _) => "this build is for the CPU only; one with `--features cuda` uses NVIDIA GPUs",
        (true, false) => "this build can use CUDA",
        (true, true) => "CUDA is in use",
    };
    match Host::new(in_force.host(Nodes::built_in())) {
        Ok(host) => Item { name: "device", is_there: true, text: format!("{} ({cuda})", host.device_name()) },
        Err(error) => Item { name: "device", is_there: false, text: format!("{wanted}: {error} ({cuda})") },
    }
}

fn onnx_runtime() -> Item {
    let name = "ONNX Runtime";
    let loaded = match onnx::find() {
        Ok(found) => onnx::load(found).map_err(|error| error.to_string()),
        Err(missing) => Err(missing.to_string()),
    };
    match loaded {
        Ok(found) => {
            let cuda = if onnx::has_cuda() { ", with CUDA" } else { "" };
            Item { name, is_there: true, text: format!("{found}{cuda}") }
        }
        Err(text) => Item { name, is_there: false, text },
    }
}

/// What holds for plugins in processes of their own. Plugins work without it too, so nothing is missing.
fn isolation() -> Item {
    let text = match helper::sandbox(&Isolation::default()) {
        Ok(sandbox) => sandbox.lacks().unwrap_or("isolated plugins reach no files and no network").to_owned(),
        Err(error) => error.to_string(),
    };
    Item { name: "plugins", is_there: true, text }
}

/// The folder for what is fetched and remembered between runs; made if that is wanted.
fn cache(make: bool) -> Item {
    let name = "cache folder";
    let Some(folder) = platform::cache_folder() else {
        return Item { name, is_there: false, text: "none: the environment names no folder for the user".to_owned() };
    };
    let shown = folder.display();
    if !make && !folder.exists() {
        return Item { name, is_there: true, text: format!("{shown} (not there yet)") };
    }
    let writable = std::fs::create_dir_all(&folder).and_then(|()| tempfile::tempfile_in(&folder));
    match writable {
        Ok(_) => Item { name, is_there: true, text: shown.to_string() },
        Err(error) => Item { name, is_there: false, text: format!("{shown} cannot be written: {error}") },
    }
}

/// The models folders. Which models are needed depends on the graphs, so none is missing here.
fn models(folders: &Folders) -> Vec<Item> {
    let item = |text| Item { name: "models", is_there: true, text };
    let listing = folders.list(None);
    let of_folder = |path: &Path| {
        let count = listing.entries.iter().filter(|entry| entry.folder == path).count();
        let models = if path.is_dir() { format!("{count} models") } else { "not there yet".to_owned() };
        item(format!("{} ({models})", path.display()))
    };
    // Those that are part of the program are always there.
    let own = folders.all().iter().filter(|folder| folder.origin != Origin::Bundled);
    let mut items: Vec<_> = own.map(|folder| of_folder(&folder.path)).collect();
    let unreadable = listing.unreadable.iter();
    items.extend(unreadable.map(|(path, why)| Item {
        name: "models",
        is_there: false,
        text: format!("{} cannot be read: {why}", path.display()),
    }));
    if listing.is_bundled_only(folders) {
        items.push(item("none but those of the program; `selfsame models list` shows which can be fetched".to_owned()));
    }
    items
}
