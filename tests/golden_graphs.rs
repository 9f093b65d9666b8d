//! The recorded cases, run again through graph files: a graph is written for each case from its parameters, opened and run
//! as a user's would be, and what comes out compared with what the reference software gave.
//!
//! `SELFSAME_GOLDENS=folder cargo test --release -p selfsame --test golden_graphs -- filter`; without the variable the small
//! sets in the repository, which have no pipelines, and it says so.

#[path = "../nodes/models/tests/goldens/case.rs"]
#[allow(dead_code, reason = "the networks' tests use the rest")]
mod case;
#[path = "golden_graphs/face.rs"]
mod face;
#[path = "golden_graphs/graph.rs"]
mod graph;
#[path = "golden_graphs/image.rs"]
mod image;
#[path = "golden_graphs/pipeline.rs"]
mod pipeline;

use case::{Case, Outcome, Set, Tally};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A group of `index.json`: its name, what runs one of its cases, and whether that must compare or decline every output.
type Group = (&'static str, fn(&Case) -> Outcome, bool);

const GROUPS: &[Group] = &[("pipeline", pipeline::run, false), ("image", image::run, true), ("face", face::run, true)];

fn main() -> ExitCode {
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    match run(&filter) {
        Ok(tally) => tally.close(),
        Err(error) => {
            println!("golden graphs: FAIL {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(filter: &str) -> Result<Tally, Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let small = ["nodes/models/tests/goldens/small", "nodes/tests/goldens/small"].map(|set| here.join(set));
    let roots = std::env::var_os("SELFSAME_GOLDENS").map_or(small.to_vec(), |root| vec![PathBuf::from(root)]);
    let mut cases = Vec::new();
    for root in roots {
        cases.extend(Set { root }.cases()?);
    }
    let mut tally = Tally::new(filter);
    for (group, run, is_whole) in GROUPS {
        let cases: Vec<&Case> = cases.iter().filter(|case| case.group == *group).collect();
        if cases.is_empty() {
            println!("{group}: this set has none, so none are run; SELFSAME_GOLDENS names a folder with more");
        }
        for case in cases {
            if *is_whole { tally.run_every(case, *run) } else { tally.run_partly(case, *run) }
        }
    }
    Ok(tally)
}
