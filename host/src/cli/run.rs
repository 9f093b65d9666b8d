//! `selfsame run`: a graph to its results.

use super::exit::{Exit, OrStop, Stop};
use super::flags::{HostFlags, SetFlags, Threads};
use super::input::wrong;
use super::output::{columns, print, tell};
use super::settings::{File, InForce};
use super::signals;
use super::watch::{JsonLines, Person};
use clap::{Args, ValueEnum};
use selfsame_graphs::{ArgValues, Project, Targets};
use selfsame_host::{Host, LoadError, NodeState, Observer, Outcome, Prepared, RunOptions, RunResult, open_graph};
use selfsame_sdk::{Literal, Value};
use std::path::{Path, PathBuf};

/// Runs a graph
///
/// Prints saved files and the values of the graph's outputs on standard output, everything else on standard error.
#[derive(Args)]
pub struct Run {
    /// A graph file, or a saved picture: it carries the graph that makes it again
    #[arg(value_name = "GRAPH|PICTURE")]
    graph: PathBuf,
    #[command(flatten)]
    set: SetFlags,
    #[command(flatten)]
    host: HostFlags,
    /// Runs only what this needs: a node, an output of a node (`image.image`) or of the graph; may be given several
    /// times
    #[arg(long, value_name = "TARGET")]
    only: Vec<String>,
    /// After a failure, goes on with everything that does not depend on it
    #[arg(long)]
    keep_going: bool,
    /// Says for each node why it ran, or why it did not
    #[arg(long)]
    explain: bool,
    /// Prints what happens for programs, one JSON object a line, and nothing else on standard output
    #[arg(long, value_name = "FORMAT")]
    events: Option<Events>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Events {
    /// One JSON object a line
    Jsonl,
}

impl Run {
    pub fn run(self, config: Option<&Path>) -> Result<Exit, Stop> {
        let cancel = signals::cancel()?;
        let file = File::open(config)?;
        let in_force = InForce::new(&file, &self.host)?;
        let project = open_graph(&self.graph).or_stop(Exit::Wrong)?;
        let args = self.set.values(&project)?;
        let mut options = RunOptions {
            output_folder: in_force.out.value.clone(),
            keep_going: self.keep_going,
            explain: self.explain,
            cancel,
            ..RunOptions::default()
        };
        if let Some(threads) = in_force.threads.value.map(|Threads(threads)| threads) {
            options.threads = threads.get();
        }
        in_force.start_threads()?;
        let nodes = self.host.plugins.nodes(&file, Some(&self.graph))?;
        let host = Host::new(in_force.host(nodes)).or_stop(Exit::Usage)?;
        let prepared = self.load(&host, &project, &args)?;
        for changed in host.changed_since(&self.graph) {
            tell(&format!("warning: {changed}"));
        }
        let observer: &dyn Observer = match self.events {
            Some(Events::Jsonl) => &JsonLines,
            None => &Person::new(),
        };
        let outcome = host.run(&prepared, &options, observer);
        let mut results = outputs(&outcome);
        if self.explain {
            results += &explanation(&outcome);
        }
        match self.events {
            None => print(&results)?,
            // Standard output is for events.
            Some(_) if results.is_empty() => {}
            Some(_) => tell(results.trim_end()),
        }
        tell(&summary(&outcome));
        if host.is_disk_failing() {
            tell("warning: the cache folder cannot be written, so another run has to compute the results again");
        }
        Ok(match outcome.result {
            RunResult::Ok => Exit::Ok,
            RunResult::Failed => Exit::NodeFailed,
            RunResult::Cancelled => Exit::Cancelled,
        })
    }

    fn load(&self, host: &Host, project: &Project, args: &ArgValues) -> Result<Prepared, Stop> {
        let valid = host.check(project, Some(args)).map_err(|report| wrong(Exit::Wrong, &report))?;
        if !valid.warnings().is_empty() {
            tell(&valid.warnings().to_string());
        }
        let targets = if self.only.is_empty() { Targets::All } else { Targets::Only(&self.only) };
        host.load(project, args, targets).map_err(|error| match error {
            LoadError::Graph(report) => wrong(Exit::Wrong, &report),
            LoadError::Target(target) => Stop::new(Exit::Usage, format!("--only: {target}")),
            LoadError::Host(error) => Stop::new(Exit::Usage, error),
        })
    }
}

/// The outputs of the graph, a line each.
fn outputs(outcome: &Outcome) -> String {
    let line = |(name, value): &(String, Option<Value>)| Some(format!("{name} = {}\n", shown(value.as_ref()?)));
    outcome.outputs.iter().filter_map(line).collect()
}

/// A value as a graph file would write it; what none can write, in a few words.
fn shown(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => format!("{value:?}"),
        Value::Text(text) => Literal::from(&**text).to_string(),
        Value::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        object => object.to_string(),
    }
}

/// For each node, what became of it and why.
fn explanation(outcome: &Outcome) -> String {
    let rows: Vec<[String; 3]> = (outcome.nodes.iter())
        .map(|node| {
            let why: Vec<String> = node.why.iter().map(ToString::to_string).collect();
            let (state, why) = match node.state {
                NodeState::Ran if why.is_empty() => {
                    (format!("ran {:.2} s", node.seconds), "its results are needed".into())
                }
                NodeState::Ran => (format!("ran {:.2} s", node.seconds), why.join("; ")),
                NodeState::Reused => ("reused".into(), "everything that goes into it is as before".into()),
                NodeState::NotNeeded => ("not needed".into(), "nothing asked for it".into()),
                NodeState::Failed => ("failed".into(), String::new()),
                NodeState::Blocked => ("did not run".into(), "a node that it needs failed".into()),
                NodeState::Stopped => ("did not run".into(), "the run ended before".into()),
            };
            [format!("{} ({})", node.node, node.type_name), state, why]
        })
        .collect();
    columns(&rows)
}

/// How the run went, in a line.
fn summary(outcome: &Outcome) -> String {
    let count = |state| outcome.count(state);
    let mut parts = vec![format!("ran {}", nodes(count(NodeState::Ran)))];
    let mut add = |count: usize, what: &str| {
        if count > 0 {
            parts.push(format!("{what} {count}"));
        }
    };
    add(count(NodeState::Reused), "reused");
    add(outcome.saved.len(), "saved files:");
    add(count(NodeState::Failed), "failed:");
    add(count(NodeState::Blocked) + count(NodeState::Stopped), "did not run:");
    let end = match outcome.result {
        RunResult::Ok => "done",
        RunResult::Failed => "failed",
        RunResult::Cancelled => "cancelled",
    };
    format!("{end} in {:.2} s: {}", outcome.seconds, parts.join(", "))
}

fn nodes(count: usize) -> String {
    if count == 1 { "1 node".to_owned() } else { format!("{count} nodes") }
}
