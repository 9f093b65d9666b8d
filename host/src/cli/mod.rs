//! Commands: one file each. [`Command`] is the list of them.

mod bars;
mod bench;
mod check;
mod completions;
mod config;
mod exit;
mod flags;
mod graph;
mod input;
mod models;
mod nodes;
mod output;
mod plugin;
mod run;
mod settings;
mod setup;
mod signals;
mod watch;

use clap::{Parser, Subcommand};
use exit::Exit;
use selfsame_host::plugin::helper::{ARGUMENT, serve};
use std::path::PathBuf;
use std::process::ExitCode;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  something is wrong with a graph, a model, a plugin or another file
  2  something is wrong with the command line, the environment or the settings file
  3  a node failed
  4  cancelled";

/// Runs node graphs that make pictures.
#[derive(Parser)]
#[command(name = "selfsame", version, after_help = EXIT_CODES, max_term_width = 100)]
struct Cli {
    /// Reads this settings file instead of the usual one [env: SELFSAME_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Run),
    Check(check::Check),
    Graph(graph::Graph),
    Nodes(nodes::Nodes),
    Models(models::Models),
    Plugin(plugin::Plugin),
    Setup(setup::Setup),
    Config(config::Config),
    #[command(subcommand)]
    Bench(bench::Bench),
    Completions(completions::Completions),
    /// The process of an isolated plugin; started by the host
    #[command(name = ARGUMENT, hide = true)]
    PluginHelper,
}

/// The whole program.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // It is for whoever reads; if nobody does, nothing is lost.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(Exit::Usage as u8).into();
        }
    };
    let config = cli.config.as_deref();
    let done = match cli.command {
        Command::Run(run) => run.run(config),
        Command::Check(check) => check.run(config),
        Command::Graph(graph) => graph.run(config),
        Command::Nodes(nodes) => nodes.run(config),
        Command::Models(models) => models.run(config),
        Command::Plugin(plugin) => plugin.run(config),
        Command::Setup(setup) => setup.run(config),
        Command::Config(command) => command.run(config),
        Command::Bench(bench) => bench.run(config),
        Command::Completions(completions) => completions.run(),
        Command::PluginHelper => return serve(),
    };
    let exit = done.unwrap_or_else(|stop| {
        output::tell(&stop.message);
        stop.exit
    });
    (exit as u8).into()
}
