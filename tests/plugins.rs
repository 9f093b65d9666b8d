//! Plugins as dynamic libraries, in Rust and in C: that their nodes are like any other, and that their mistakes stay theirs.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "plugins/c.rs"]
mod c;
#[path = "plugins/command_line.rs"]
mod command_line;
#[path = "plugins/kit.rs"]
mod kit;
#[path = "plugins/loading.rs"]
mod loading;
#[path = "plugins/models.rs"]
mod models;
#[path = "plugins/parity.rs"]
mod parity;
#[path = "plugins/patches.rs"]
mod patches;
#[path = "plugins/rules.rs"]
mod rules;
#[path = "plugins/running.rs"]
mod running;
#[path = "plugins/samplers.rs"]
mod samplers;
