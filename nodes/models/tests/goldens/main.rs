//! Runs every recorded reference case against this crate and prints one line for each.
//!
//! The set is the folder in `SELFSAME_GOLDENS` (holding `models/`, `goldens/`, `manifests/`), else the small copy beside this
//! file. Nothing is known of single cases here: they are read from `index.json` and the tables, so another set of the same
//! layout with other dimensions, sizes, seeds, prompts and step counts runs unchanged. An unknown group is a failure.
//! An argument filters: `cargo test --release -p selfsame-models --test goldens -- unet/sdxl`.

#[allow(dead_code, reason = "the tests beside this one use the rest")]
mod case;
mod clip;
mod comfy_ksampler;
mod controlnet;
mod ksampler_toy;
mod lora;
mod manifests;
mod nets;
mod resampler;
mod rng;
mod scheduler_toy;
mod schedules_comfy;
mod schedules_diffusers;
mod taesd;
mod tokenizer;
mod unet;
mod vae;

use case::{Case, Outcome, Set, Tally};
use std::error::Error;
use std::process::ExitCode;

/// A group of `index.json`: its name and what runs one of its cases.
type Group = (&'static str, fn(&Case) -> Outcome);

const GROUPS: &[Group] = &[
    ("clip", clip::run),
    ("unet", unet::run),
    ("controlnet", controlnet::run),
    ("resampler", resampler::run),
    ("vae", vae::run),
    ("taesd", taesd::run),
    ("lora", lora::run),
    ("rng", rng::run),
    ("scheduler_toy", scheduler_toy::run),
    ("ksampler_toy", ksampler_toy::run),
    ("comfy_ksampler", comfy_ksampler::run),
];

/// Tables beside the index: one file, many rows.
type Table = (&'static str, fn(&Set, &mut Tally) -> Result<(), Box<dyn Error>>);

const TABLES: &[Table] = &[
    ("tokenizer", tokenizer::run),
    ("schedules_diffusers", schedules_diffusers::run),
    ("schedules_comfy", schedules_comfy::run),
    ("manifests", manifests::run),
];

/// Groups that need faces, pictures or graphs: other crates run them.
const ELSEWHERE: &[&str] = &["image", "face", "pipeline"];

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
    let mut elsewhere = 0;
    for case in set.cases()? {
        if ELSEWHERE.contains(&case.group.as_str()) {
            elsewhere += 1;
            continue;
        }
        match GROUPS.iter().find(|(name, _)| *name == case.group) {
            Some((_, run)) => tally.run_whole(&case, *run),
            None => tally.fail(&format!("{}/{}", case.group, case.name), "no code runs this group"),
        }
    }
    for (name, run) in TABLES {
        if name.contains(filter) || filter.starts_with(name) {
            run(&set, &mut tally).map_err(|e| format!("{name}: {e}"))?;
        }
    }
    if elsewhere > 0 {
        println!("{elsewhere} cases of the groups {} are not this crate's", ELSEWHERE.join(", "));
    }
    Ok(tally)
}
