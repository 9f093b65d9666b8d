//! Finding everything that is wrong with a graph before anything runs.

mod inputs;
mod plugins;
mod scope;
mod shape;
mod sinks;

pub(crate) use scope::{Scope, bypass_source};

use crate::args::ArgValues;
use crate::assets::{Assets, Resolved};
use crate::document::NodeKind;
use crate::problem::{Code, Problem, Report};
use crate::project::Project;
use crate::registry::Registry;
use selfsame_sdk::{InputPort, Literal, LiteralMismatch, NodeDescriptor, OutputPort, Type};
use std::path::Path;

/// The most nodes of a graph, those of its sub-graphs counted for each use.
const MAX_NODES: usize = 1_000_000;

/// What a graph is checked for.
#[derive(Clone, Copy, Default)]
pub struct Settings<'a> {
    /// Where files and models are looked for; without it, nobody looks.
    pub assets: Option<&'a dyn Assets>,
    /// The values of the arguments of a graph that is about to run, so that each argument must have one. Without it
    /// arguments may lack a value.
    pub args: Option<&'a ArgValues>,
}

/// A project in which nothing stops a run, with what was found out about it.
pub struct Valid<'a> {
    pub(crate) project: &'a Project,
    /// For each document, its nodes and what is known about them.
    pub(crate) scopes: Vec<Scope<'a>>,
    pub(crate) args: ArgValues,
    /// What the files and models are that the graphs name, if somebody looked.
    pub(crate) resolved: Resolved,
    warnings: Report,
}

impl Valid<'_> {
    /// What does not stop a run, perhaps nothing.
    pub fn warnings(&self) -> &Report {
        &self.warnings
    }
}

impl std::fmt::Debug for Valid<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Valid").field("root", &self.project.root().source().name()).finish_non_exhaustive()
    }
}

/// Checks a graph and all graphs that it uses.
///
/// # Errors
/// Everything that is wrong, warnings too, if anything stops a run.
pub fn validate<'a>(
    project: &'a Project,
    registry: &'a dyn Registry,
    settings: Settings<'_>,
) -> Result<Valid<'a>, Report> {
    let mut problems: Vec<Problem> = project.problems().to_vec();
    for document in project.documents() {
        problems.extend_from_slice(document.problems());
    }
    let scopes = Scope::all(project, registry);
    let mut sinks = sinks::Sinks::new(project, settings);
    for &index in project.order() {
        plugins::check(&scopes[index], registry.plugins(), &mut problems);
        shape::check(project, &scopes[index], registry, &mut problems);
        inputs::check(&scopes[index], &mut sinks, &mut problems);
    }
    let resolved = sinks.finish(&mut problems);
    check_size(project, &mut problems);

    let files: Vec<&str> = project.documents().iter().map(|document| document.source().name()).collect();
    let mut report = Report { problems };
    report.sort(&files);
    if report.errors() > 0 {
        return Err(report);
    }
    let args = settings.args.cloned().unwrap_or_default();
    Ok(Valid { project, scopes, args, resolved, warnings: report })
}

/// A value as an input of this type receives it. A list for an input that takes single values runs the node once for
/// each element, so each is converted.
pub(crate) fn arriving(value: &Literal, ty: &Type) -> Result<Literal, LiteralMismatch> {
    value.for_type(ty).or_else(|mismatch| match value {
        Literal::List(items) => items.iter().map(|item| item.for_type(ty)).collect::<Result<_, _>>().map(Literal::List),
        _ => Err(mismatch),
    })
}

/// Sub-graphs that double at every level soon fill any memory.
fn check_size(project: &Project, problems: &mut Vec<Problem>) {
    let mut sizes = vec![0usize; project.documents().len()];
    for &index in project.order() {
        let nodes = &project.documents()[index].graph().nodes;
        let size = |node: usize| project.subgraph(index, node).map_or(1, |used| sizes[used]);
        sizes[index] = (0..nodes.len()).map(size).fold(0, usize::saturating_add);
    }
    if sizes[0] > MAX_NODES {
        let message = format!("the graph comes to more than {MAX_NODES} nodes, with those of its sub-graphs");
        let root = project.root();
        let first = root.graph().nodes.iter().find(|node| matches!(node.kind, NodeKind::Subgraph(_)));
        let span = first.map(|node| node.kind_span).unwrap_or_default();
        problems.push(Problem::new(Code::TooLarge, message).at(root.source(), span));
    }
}

/// A graph as a node: its arguments are inputs, its outputs outputs.
fn interface(project: &Project, document: usize, scope: &Scope) -> NodeDescriptor {
    let document = &project.documents()[document];
    let graph = document.graph();
    let file = document.source().name();
    let stem = Path::new(file).file_stem().map_or(file.into(), |stem| stem.to_string_lossy());
    let mut node = NodeDescriptor::new("subgraph", &*stem);
    node.doc = graph.doc.clone().unwrap_or_default();
    node.inputs = graph.args.iter().map(|arg| InputPort { name: arg.name.value.clone(), ..arg.port.clone() }).collect();
    let output = |out: &crate::GraphOutput| OutputPort::new(&*out.name.value, scope.type_of(&out.link));
    node.outputs = graph.outputs.iter().map(output).collect();
    node.output_node = node.outputs.is_empty();
    node
}
