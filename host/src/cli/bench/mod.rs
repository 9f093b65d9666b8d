//! `selfsame bench`: how long things take on this machine, and how good the pictures are.

mod engine;
mod instantid;
mod paper;
mod random_models;
mod report;

use super::exit::{Exit, Stop};
use clap::Subcommand;
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

/// The middle of some numbers, the upper one of two; 0 if there are none.
fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}
