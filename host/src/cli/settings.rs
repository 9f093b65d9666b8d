//! What is in force: flag, environment, settings file, default, in this order.

use super::exit::{Exit, OrStop, Stop};
use super::flags::{HostFlags, ModelFlags, PluginFolders, Threads};
use selfsame_host::models::{Catalogue, Folders};
use selfsame_host::{Bytes, HostSettings, Nodes, RunOptions, SettingsFile, bundles, platform};
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A value, and who set it.
pub struct Setting<T> {
    pub value: T,
    pub origin: Origin,
}

/// Who set a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Flag(&'static str),
    Environment(&'static str),
    File,
    Default,
}

impl Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(flag) => f.write_str(flag),
            Origin::Environment(variable) => f.write_str(variable),
            Origin::File => f.write_str("settings file"),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// The settings file, if there is one.
pub struct File {
    pub path: Option<PathBuf>,
    pub settings: SettingsFile,
}

impl File {
    /// Reads the file that the flag or `SELFSAME_CONFIG` names, which must be there, or the usual one.
    pub fn open(flag: Option<&Path>) -> Result<Self, Stop> {
        let variable = std::env::var_os("SELFSAME_CONFIG").filter(|value| !value.is_empty()).map(PathBuf::from);
        let named = flag.map(Path::to_owned).or(variable);
        let usual = || SettingsFile::usual_place().filter(|path| path.exists());
        let path = named.or_else(usual);
        let settings = path.as_deref().map(SettingsFile::read).transpose().or_stop(Exit::Usage)?;
        Ok(File { path, settings: settings.unwrap_or_default() })
    }

    /// Where models are looked for.
    pub fn folders(&self, flags: &ModelFlags) -> Folders {
        Folders::new(flags.models.clone(), self.settings.models.clone(), self.settings.comfyui.clone())
    }

    /// Where bundles of plugins are looked for.
    pub fn plugins(&self, flags: &PluginFolders) -> bundles::Folders {
        bundles::Folders::new(flags.plugin_dir.clone(), self.settings.plugins.clone())
    }

    /// The models that can be fetched.
    pub fn catalogue(&self) -> Result<Catalogue, Stop> {
        let mut catalogue = Catalogue::builtin();
        self.settings.catalogue.iter().try_for_each(|file| catalogue.extend(file)).or_stop(Exit::Usage)?;
        Ok(catalogue)
    }
}

/// Everything that is in force for a run.
pub struct InForce {
    pub out: Setting<PathBuf>,
    pub device: Setting<String>,
    pub cache_dir: Setting<Option<PathBuf>>,
    pub memory: Setting<Bytes>,
    pub threads: Setting<Option<Threads>>,
    pub folders: Folders,
    pub catalogue: Catalogue,
    /// Where bundles of plugins are looked for.
    pub plugins: bundles::Folders,
}

impl InForce {
    pub fn new(file: &File, flags: &HostFlags) -> Result<Self, Stop> {
        let (set, rest) = (&file.settings, HostSettings::default());
        Ok(InForce {
            out: pick(&flags.out, ("--out", "SELFSAME_OUT"), &set.out)?.or(RunOptions::default().output_folder),
            device: pick(&flags.device, ("--device", "SELFSAME_DEVICE"), &set.device)?.or(rest.device.clone()),
            cache_dir: pick(&flags.cache_dir, ("--cache-dir", "SELFSAME_CACHE_DIR"), &set.cache_dir)?,
            memory: pick(&flags.memory, ("--memory", "SELFSAME_MEMORY"), &set.memory)?.or(Bytes(rest.memory_bytes)),
            threads: pick(&flags.threads, ("--threads", "SELFSAME_THREADS"), &set.threads.map(Threads))?,
            folders: file.folders(&flags.models),
            catalogue: file.catalogue()?,
            plugins: file.plugins(&flags.plugins.folders),
        })
    }

    /// Has nodes compute in so many threads as are set, if any are.
    pub fn start_threads(&self) -> Result<(), Stop> {
        match self.threads.value {
            Some(Threads(threads)) => {
                rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build_global().or_stop(Exit::Usage)
            }
            None => Ok(()),
        }
    }

    /// For a host that runs graphs of these nodes.
    pub fn host(self, nodes: Nodes) -> HostSettings {
        HostSettings {
            nodes,
            device: self.device.value,
            memory_bytes: self.memory.value.0,
            cache_folder: self.cache_dir.value,
            digests: platform::cache_folder().map(|folder| folder.join("digests.json")),
            models: self.folders,
            catalogue: self.catalogue,
            ..HostSettings::default()
        }
    }
}

impl<T> Setting<Option<T>> {
    fn or(self, default: T) -> Setting<T> {
        Setting { value: self.value.unwrap_or(default), origin: self.origin }
    }
}

/// The first that is set. An empty variable counts as not set.
fn pick<T: FromStr<Err: Display> + Clone>(
    flag: &Option<T>,
    (flag_name, variable): (&'static str, &'static str),
    file: &Option<T>,
) -> Result<Setting<Option<T>>, Stop> {
    let fail = |problem: &dyn Display| Stop::new(Exit::Usage, format!("{variable}: {problem}"));
    let from_environment = || match std::env::var(variable) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => text.parse::<T>().map(Some).map_err(|error| fail(&error)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(fail(&error)),
    };
    let (value, origin) = if flag.is_some() {
        (flag.clone(), Origin::Flag(flag_name))
    } else if let Some(value) = from_environment()? {
        (Some(value), Origin::Environment(variable))
    } else if file.is_some() {
        (file.clone(), Origin::File)
    } else {
        (None, Origin::Default)
    };
    Ok(Setting { value, origin })
}
