//! `selfsame bench`: how long things take on this machine, and how good the pictures are.

mod engine;
mod instantid;
mod paper;
mod random_models;
mod report;

use super::exit::{Exit, Stop};
use super::flags::{HostFlags, ModelFlags, Threads};
use super::settings::{File, InForce};
use clap::Subcommand;
use selfsame_host::Bytes;
use std::path::Path;

/// Measures how long things take on this machine, and how good the pictures are
#[derive(Subcommand)]
pub enum Bench {
    Engine(engine::Engine),
    #[command(name = "instantid")]
    InstantId(Box<instantid::InstantId>),
    Paper(Box<paper::Paper>),
}

impl Bench {
    pub fn run(self, config: Option<&Path>) -> Result<Exit, Stop> {
        match self {
            Bench::Engine(engine) => engine.run(),
            Bench::InstantId(instantid) => instantid.run(config),
            Bench::Paper(paper) => paper.run(config),
        }
    }
}

/// The settings that these flags and the settings file come to; nodes compute in the threads of them from now on.
fn in_force(
    config: Option<&Path>,
    device: &Option<String>,
    models: &ModelFlags,
    memory: Option<Bytes>,
    threads: Option<Threads>,
) -> Result<InForce, Stop> {
    let flags = HostFlags { device: device.clone(), models: models.clone(), memory, threads, ..HostFlags::default() };
    let in_force = InForce::new(&File::open(config)?, &flags)?;
    in_force.start_threads()?;
    Ok(in_force)
}

/// The middle of some numbers, the upper one of two; 0 if there are none.
fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}
