//! Flags that several commands have.

use clap::Args;
use selfsame_host::Bytes;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

/// Where models are looked for.
#[derive(Args, Clone, Default)]
pub struct ModelFlags {
    /// Looks for models in this folder before all others; may be given several times [env: SELFSAME_MODELS]
    #[arg(long, value_name = "DIR")]
    pub models: Vec<PathBuf>,
}

/// Where bundles of plugins are looked for.
#[derive(Args, Clone, Default)]
pub struct PluginFolders {
    /// Looks for bundles of plugins in this folder before all others; may be given several times
    /// [env: SELFSAME_PLUGIN_PATH]
    #[arg(long, value_name = "DIR")]
    pub plugin_dir: Vec<PathBuf>,
}

/// Which node types there are besides those that come with Selfsame.
#[derive(Args, Clone, Default)]
pub struct PluginFlags {
    /// Loads this plugin, a bundle or a dynamic library, whose code then runs with all your rights; may be given
    /// several times
    #[arg(long, value_name = "FILE|BUNDLE")]
    pub plugin: Vec<PathBuf>,
    #[command(flatten)]
    pub folders: PluginFolders,
    /// Lets plugins run of which nobody has said that they may, signed or not, each in a process of its own
    #[arg(long)]
    pub allow_unsigned_plugins: bool,
    /// Runs each plugin in a process of its own, where a crash of it is a failure of a node, and it can neither see your
    /// files nor reach other machines
    #[arg(long)]
    pub isolate_plugins: bool,
    /// Lets isolated plugins read this file, or what is in this folder; may be given several times
    #[arg(long, value_name = "PATH")]
    pub plugins_read: Vec<PathBuf>,
}

/// Values for a graph's arguments.
#[derive(Args, Clone, Default)]
pub struct SetFlags {
    /// Sets an argument of the graph; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
}

/// How graphs are run.
#[derive(Args, Clone, Default)]
pub struct HostFlags {
    /// Saves files into this folder [env: SELFSAME_OUT] [default: output]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Computes on this device: auto, cpu, cuda or cuda:N [env: SELFSAME_DEVICE] [default: auto]
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    #[command(flatten)]
    pub models: ModelFlags,
    #[command(flatten)]
    pub plugins: PluginFlags,
    /// Keeps results between runs in this folder; several runs may share it [env: SELFSAME_CACHE_DIR]
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Keeps at most so many bytes of results and weights in memory: 8G, 512M [env: SELFSAME_MEMORY]
    /// [default: half of the machine's]
    #[arg(long, value_name = "BYTES")]
    pub memory: Option<Bytes>,
    /// Runs at most so many nodes at a time, and so many threads inside them [env: SELFSAME_THREADS]
    /// [default: the number of cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<Threads>,
}

/// A number of threads, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threads(pub NonZeroUsize);

impl FromStr for Threads {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.trim().parse().map(Threads).map_err(|_| format!("expected a whole number from 1, got `{text}`"))
    }
}
