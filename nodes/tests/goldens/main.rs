//! Runs the recorded reference cases of pictures and faces against this crate and prints one line for each.
//!
//! The set is the folder in `SELFSAME_GOLDENS`, else the small copy beside this file. Nothing is known of single cases
//! here: another set of the same layout runs unchanged. Every recorded output is compared, or declined by name with the
//! reason. An argument filters: `cargo test --release -p selfsame-nodes --test goldens -- image/canny`.

#[allow(dead_code, reason = "the networks' cases use the rest")]
#[path = "../../models/tests/goldens/case.rs"]
mod case;
mod face;
mod image;
mod pixels;

use case::{Case, Outcome, Set, Tally};
use std::error::Error;
use std::process::ExitCode;

/// A group of `index.json`: its name and what runs one of its cases.
type Group = (&'static str, fn(&Case) -> Outcome);

const GROUPS: &[Group] = &[("image", image::run), ("face", face::run)];

fn main() -> ExitCode {
    let filter = std::env::args().skip(1).find(|a| !a.starts_with('-')).unwrap_or_default();
    match run(&filter) {
        Ok(tally) => tally.close(),
        Err(error) => {
            eprintln!("goldens: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(filter: &str) -> Result<Tally, Box<dyn Error>> {
    let set = Set::find()?;
    println!("goldens from {}", set.root.display());
    let mut tally = Tally::new(filter);
    for case in set.cases()? {
        // Networks and pipelines have runners of their own.
        if let Some((_, run)) = GROUPS.iter().find(|(name, _)| *name == case.group) {
            tally.run_every(&case, *run);
        }
    }
    Ok(tally)
}
