//! `selfsame bench engine`: how much time the engine itself takes.

use super::median;
use crate::cli::exit::{Exit, OrStop, Stop};
use crate::cli::output::print;
use clap::Args;
use selfsame_graphs::{ArgValues, Disk, Document, Project, Targets};
use selfsame_host::{Host, HostSettings, RunOptions, RunResult};
use std::fmt::Write;
use std::time::Instant;

/// Measures what the engine itself takes: loading and running chains of trivial nodes
#[derive(Args)]
pub struct Engine {
    /// How long the chains are; may be given several times
    #[arg(long, value_name = "NODES", default_values_t = [100, 1000, 5000], value_parser = clap::value_parser!(u32).range(1..))]
    nodes: Vec<u32>,
    /// How often each is measured; the median counts
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..))]
    times: u16,
}

impl Engine {
    pub fn run(self) -> Result<Exit, Stop> {
        let mut table = String::from("medians in ms    load     first run   again   first value changed\n");
        for nodes in self.nodes {
            let runs: Result<Vec<_>, _> = (0..self.times).map(|i| measure(nodes, f64::from(i))).collect();
            let runs = runs.or_stop(Exit::NodeFailed)?;
            let part = |part: usize| median(runs.iter().map(|run| run[part])) * 1e3;
            let [load, first, again, changed] = [0, 1, 2, 3].map(part);
            // Writing into a String cannot fail.
            let _ = writeln!(table, "chain of {nodes:>5} {load:>9.3} {first:>11.3} {again:>9.3} {changed:>14.3}");
        }
        print(&table)?;
        Ok(Exit::Ok)
    }
}

/// Seconds of loading a chain, of its first run, of the same run again, and of a run with another first value.
fn measure(nodes: u32, seed: f64) -> Result<[f64; 4], Box<dyn std::error::Error>> {
    let host = Host::new(HostSettings { device: "cpu".to_owned(), ..HostSettings::default() })?;
    let text = chain(nodes);
    let started = Instant::now();
    let project = Project::around(&Disk, Document::parse("chain.ron", text));
    let load = |value: f64| -> Result<_, Box<dyn std::error::Error>> {
        let args = ArgValues::parse(project.root(), [format!("x={value:?}")])?;
        Ok(host.load(&project, &args, Targets::All)?)
    };
    let prepared = load(seed)?;
    let loaded = started.elapsed().as_secs_f64();
    let other = load(seed + 0.5)?;
    let run = |prepared| {
        let outcome = host.run(prepared, &RunOptions::default(), &());
        match outcome.result {
            RunResult::Ok => Ok(outcome.seconds),
            _ => Err(format!("the chain of {nodes} nodes did not run: {:?}", outcome.failures)),
        }
    };
    Ok([loaded, run(&prepared)?, run(&prepared)?, run(&other)?])
}

/// A graph in which each node adds 1 to the one before.
fn chain(nodes: u32) -> String {
    let mut text = String::from("Graph(version: 1, args: {\"x\": Float()}, nodes: {\n");
    for i in 0..nodes {
        let before = if i == 0 { "Arg(\"x\")".to_owned() } else { format!("Out(\"n{}.result\")", i - 1) };
        // Writing into a String cannot fail.
        let _ = writeln!(text, "\"n{i}\": Arithmetic(a: {before}, b: 1.0, operation: \"add\"),");
    }
    let last = nodes.saturating_sub(1);
    let _ = write!(text, "}}, outputs: {{\"sum\": Out(\"n{last}.result\")}})");
    text
}
