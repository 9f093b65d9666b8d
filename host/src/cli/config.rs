//! `selfsame config`: which settings are in force, and who set each.

use super::exit::{Exit, Stop};
use super::flags::HostFlags;
use super::output::{columns, print};
use super::settings::{File, InForce, Origin};
use clap::Args;
use selfsame_host::SettingsFile;
use std::path::Path;

/// Shows the settings that are in force, and where each comes from
///
/// A flag goes before the environment, the environment before the settings file.
#[derive(Args)]
pub struct Config {
    #[command(flatten)]
    flags: HostFlags,
}

impl Config {
    pub fn run(self, config: Option<&Path>) -> Result<Exit, Stop> {
        let file = File::open(config)?;
        let in_force = InForce::new(&file, &self.flags)?;
        let place = match (&file.path, SettingsFile::usual_place()) {
            (Some(path), _) => path.display().to_string(),
            (None, Some(usual)) => format!("none; {} would be read", usual.display()),
            (None, None) => "none".to_owned(),
        };
        let InForce { out, device, cache_dir, memory, threads, folders, catalogue, plugins } = &in_force;
        let row = |name: &str, value: String, origin: &dyn ToString| [name.to_owned(), value, origin.to_string()];
        let none = || "none".to_owned();
        let mut rows = vec![
            row("out", out.value.display().to_string(), &out.origin),
            row("device", device.value.clone(), &device.origin),
            row(
                "cache_dir",
                cache_dir.value.as_ref().map_or_else(none, |path| path.display().to_string()),
                &cache_dir.origin,
            ),
            row("memory", memory.value.to_string(), &memory.origin),
            row(
                "threads",
                threads.value.map_or("one for each core".to_owned(), |threads| threads.0.to_string()),
                &threads.origin,
            ),
        ];
        let extra = &file.settings.catalogue;
        let origin = if extra.is_some() { Origin::File } else { Origin::Default };
        let models = catalogue.models().len();
        let from = extra.as_ref().map_or("built in".to_owned(), |path| format!("built in and {}", path.display()));
        rows.push(row("catalogue", format!("{from}, {models} models"), &origin));
        rows.extend(folders.all().iter().map(|f| row("models", f.path.display().to_string(), &f.origin)));
        rows.extend(
            self.flags.plugins.plugin.iter().map(|path| row("plugin", path.display().to_string(), &"--plugin")),
        );
        rows.extend(plugins.all().iter().map(|f| row("plugins", f.path.display().to_string(), &f.origin)));
        print(&format!("settings file: {place}\n{}", columns(&rows)))?;
        Ok(Exit::Ok)
    }
}
