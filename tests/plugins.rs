//! Plugins as dynamic libraries, in Rust and in C: that their nodes are like any other, and that their mistakes stay theirs.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "plugins/bundles.rs"]
mod bundles;
#[path = "plugins/c.rs"]
mod c;
#[path = "plugins/command_line.rs"]
mod command_line;
#[path = "plugins/compilers.rs"]
mod compilers;
#[path = "plugins/descriptor.rs"]
mod descriptor;
#[path = "plugins/frozen.rs"]
mod frozen;
#[path = "plugins/hazards.rs"]
mod hazards;
#[cfg(target_os = "linux")]
#[path = "plugins/isolated.rs"]
mod isolated;
#[cfg(target_os = "linux")]
#[path = "plugins/isolated_models.rs"]
mod isolated_models;
#[path = "plugins/kit.rs"]
mod kit;
#[path = "plugins/load.rs"]
mod load;
#[path = "plugins/models.rs"]
mod models;
#[path = "plugins/parity.rs"]
mod parity;
#[path = "plugins/patches.rs"]
mod patches;
#[cfg(target_os = "linux")]
#[path = "plugins/permissions.rs"]
mod permissions;
#[path = "plugins/process.rs"]
mod process;
#[path = "plugins/run.rs"]
mod run;
#[path = "plugins/running.rs"]
mod running;
#[path = "plugins/samplers.rs"]
mod samplers;
#[cfg(target_os = "linux")]
#[path = "plugins/tooling.rs"]
mod tooling;
#[cfg(target_os = "linux")]
#[path = "plugins/trust.rs"]
mod trust;
#[path = "plugins/user.rs"]
mod user;
#[path = "plugins/values.rs"]
mod values;
