//! Graphs and arguments from the command line.

use super::exit::{Exit, Stop};
use super::flags::SetFlags;
use selfsame_graphs::{ArgValues, Problem, Project, Report, Severity};
use std::path::Path;

impl SetFlags {
    /// The values for the arguments of a graph.
    pub fn values(&self, project: &Project) -> Result<ArgValues, Stop> {
        let root = project.root();
        // Of a graph that cannot be read nobody knows which arguments it has.
        let readable = !root.problems().iter().any(|problem: &Problem| problem.severity == Severity::Error);
        if readable && root.graph().args.is_empty() && !self.set.is_empty() {
            return Err(Stop::new(Exit::Usage, no_arguments(root.source().name())));
        }
        if !readable {
            return Ok(ArgValues::default());
        }
        ArgValues::parse(root, &self.set).map_err(|report| wrong(Exit::Usage, &report))
    }
}

fn no_arguments(name: &str) -> String {
    let hint = match Path::new(name).extension() {
        Some(extension) if extension.eq_ignore_ascii_case("png") => {
            "a picture carries its graph with every value written out; to change one, run the graph file"
        }
        _ => "leave --set away, or declare the argument in `args`",
    };
    format!("{name}: the graph has no arguments, so nothing can be set\n  = hint: {hint}")
}

/// A report that ends the command.
pub fn wrong(exit: Exit, report: &Report) -> Stop {
    Stop { exit, message: report.to_string() }
}
