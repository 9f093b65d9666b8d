//! Plugins as dynamic libraries, in Rust and in C: that their nodes are like any other, and that their mistakes stay theirs.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "plugins/bundles.rs"]
mod bundles;
#[path = "plugins/c.rs"]
mod c;
#[path = "plugins/command_line.rs"]
mod command_line;
#[cfg(target_os = "linux")]
#[path = "plugins/isolated.rs"]
mod isolated;
#[path = "plugins/kit.rs"]
mod kit;
#[path = "plugins/loading.rs"]
mod loading;
#[path = "plugins/parity.rs"]
mod parity;
#[cfg(target_os = "linux")]
#[path = "plugins/permissions.rs"]
mod permissions;
#[path = "plugins/process.rs"]
mod process;
#[path = "plugins/rules.rs"]
mod rules;
#[path = "plugins/running.rs"]
mod running;
#[cfg(target_os = "linux")]
#[path = "plugins/tooling.rs"]
mod tooling;
#[cfg(target_os = "linux")]
#[path = "plugins/trust.rs"]
mod trust;
#[path = "plugins/user.rs"]
mod user;
