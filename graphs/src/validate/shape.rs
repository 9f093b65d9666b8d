//! Node types, cycles, outputs, and what nothing needs.

use super::inputs::link_problem;
use super::{Scope, bypass_source, plugins};
use crate::document::{Link, NodeKind, Value};
use crate::problem::{Code, Problem};
use crate::project::Project;
use crate::registry::Registry;
use crate::suggest;
use petgraph::Direction::Incoming;
use petgraph::graph::NodeIndex;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(super) fn check(project: &Project, scope: &Scope, registry: &dyn Registry, problems: &mut Vec<Problem>) {
    node_types(scope, registry, problems);
    cycles(scope, problems);
    bypasses(scope, problems);
    outputs(project, scope, problems);
    unused(project, scope, problems);
}

fn node_types(scope: &Scope, registry: &dyn Registry, problems: &mut Vec<Problem>) {
    for (node, descriptor) in scope.graph.nodes.iter().zip(&scope.descriptors) {
        let (NodeKind::Typed(name), id) = (&node.kind, &node.id.value) else { continue };
        let problem = match descriptor.as_deref() {
            None => Some(plugins::of_missing_node(name, scope.graph, registry.plugins()).unwrap_or_else(|| {
                let hint = suggest::did_you_mean(name, registry.names())
                    .unwrap_or_else(|| "is a plugin missing? all node types that are there: selfsame nodes".to_owned());
                Problem::new(Code::UnknownNode, format!("there is no node type `{name}`")).hint(hint)
            })),
            Some(known) if known.name != *name && known.id != *name => {
                let message = format!("node type `{name}` is now called `{}`", known.name);
                Some(Problem::new(Code::Renamed, message))
            }
            Some(known) => known.deprecated.as_ref().map(|instead| {
                Problem::new(Code::Deprecated, format!("node type `{name}` should no longer be used"))
                    .hint(instead.clone())
            }),
        };
        problems.extend(problem.map(|problem| problem.node(id).at(scope.source, node.kind_span)));
    }
    for (name, version) in &scope.graph.node_versions {
        if let Some(known) = registry.descriptor(&name.value)
            && known.version != *version
        {
            let message = format!(
                "the graph was written for version {version} of {}, and this is version {}: results may differ",
                name.value, known.version
            );
            problems.push(Problem::new(Code::NodeVersion, message).at(scope.source, name.span));
        }
    }
}

fn cycles(scope: &Scope, problems: &mut Vec<Problem>) {
    for group in &scope.groups {
        let Some(&start) = group.iter().min() else { continue };
        let path = cycle_from(scope, start, &group.iter().copied().collect());
        if path.is_empty() {
            continue;
        }
        let id = |node: &usize| &*scope.graph.nodes[*node].id.value;
        let shown: Vec<&str> = path.iter().map(id).collect();
        let message = format!("nodes wait for each other: {}", shown.join(" -> "));
        // Each node of the path with the one before it, from which it has a link.
        let mut steps = path.windows(2).filter_map(|pair| Some((link_span(scope, pair[1], pair[0])?, pair[0])));
        let mut problem = Problem::new(Code::Cycle, message).node(id(&start));
        if let Some((span, _)) = steps.next() {
            problem = problem.at(scope.source, span);
        }
        for (span, from) in steps {
            problem = problem.related(scope.source, span, format!("waits for `{}`", id(&from)));
        }
        problems.push(problem);
    }
}

/// The shortest way from a node along what it feeds back to itself; empty if there is none.
fn cycle_from(scope: &Scope, start: usize, group: &BTreeSet<usize>) -> Vec<usize> {
    let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        let mut fed: Vec<usize> =
            scope.links.neighbors_directed(NodeIndex::new(node), Incoming).map(NodeIndex::index).collect();
        fed.sort_unstable();
        for next in fed.into_iter().filter(|next| group.contains(next)) {
            if next == start {
                let mut path = vec![start, node];
                while let Some(before) = path.last().filter(|last| **last != start).and_then(|last| came_from.get(last))
                {
                    path.push(*before);
                }
                path.reverse();
                return path;
            }
            came_from.entry(next).or_insert_with(|| {
                queue.push_back(next);
                node
            });
        }
    }
    Vec::new()
}

/// Where `node` links `to`.
fn link_span(scope: &Scope, node: usize, to: usize) -> Option<crate::Span> {
    let id = &scope.graph.nodes[to].id.value;
    let links = scope.graph.nodes[node].inputs.iter().flat_map(|input| input.value.links());
    links.into_iter().find(|link| link.node.value == *id).map(|link| link.node.span.to(link.output.span))
}

/// Outputs of bypassed nodes that are needed must have an input that stands in for them.
fn bypasses(scope: &Scope, problems: &mut Vec<Problem>) {
    let runs = |index: &usize| !scope.bypassed.contains(index);
    let running = (0..scope.graph.nodes.len()).filter(runs).flat_map(|index| &scope.graph.nodes[index].inputs);
    let mut open: Vec<&Link> = running.flat_map(|input| input.value.links()).collect();
    open.extend(scope.graph.outputs.iter().map(|output| &output.link));
    let mut seen = BTreeSet::new();
    while let Some(link) = open.pop() {
        let (id, output) = (&*link.node.value, &*link.output.value);
        let Some(&index) = scope.ids.get(id).filter(|index| scope.bypassed.contains(index)) else { continue };
        let (node, Some(descriptor)) = (&scope.graph.nodes[index], &scope.descriptors[index]) else { continue };
        let Some(port) = descriptor.output_named(output).filter(|port| seen.insert((index, &*port.name))) else {
            continue;
        };
        match bypass_source(descriptor, node, output) {
            Some(input) => open.extend(input.value.links()),
            None => {
                let message = format!(
                    "node `{id}` cannot be bypassed: its output `{output}` is needed, and no linked input is of type {}",
                    port.ty
                );
                let named = scope.graph.bypass.iter().find(|bypassed| bypassed.value == id);
                let problem = Problem::new(Code::CannotBypass, message).node(id).port(output);
                problems.push(problem.at(scope.source, named.map(|named| named.span).unwrap_or_default()));
            }
        }
    }
}

fn outputs(project: &Project, scope: &Scope, problems: &mut Vec<Problem>) {
    for output in &scope.graph.outputs {
        if let Some((span, problem)) = link_problem(scope, &output.link) {
            problems.push(problem.at(scope.source, span));
        }
    }
    let readable = project.documents()[scope.document].problems().is_empty();
    if readable && results(scope).is_empty() && scope.graph.outputs.is_empty() {
        let message = match scope.graph.nodes.is_empty() {
            true => "the graph has no nodes",
            false => "the graph gives no result: it has no output node that runs, and no `outputs`",
        };
        let hint = "add a node such as SaveImage, or outputs: {\"image\": Out(\"node.output\")}";
        let problem = Problem::new(Code::NoOutput, message).hint(hint.to_owned());
        problems.push(problem.at(scope.source, crate::Span::default()));
    }
}

/// Nodes that run for their effect, and those of which nobody knows.
fn results(scope: &Scope) -> Vec<usize> {
    let runs = |index: &usize| {
        !scope.bypassed.contains(index) && scope.descriptors[*index].as_ref().is_none_or(|known| known.output_node)
    };
    (0..scope.graph.nodes.len()).filter(runs).collect()
}

/// Arguments that nothing uses, and nodes at the end of a chain that leads nowhere. What another problem may be the
/// reason of, such as a misspelled name, is not reported.
fn unused(project: &Project, scope: &Scope, problems: &mut Vec<Problem>) {
    if !project.documents()[scope.document].problems().is_empty() {
        return;
    }
    let mut used_args = BTreeSet::new();
    for input in scope.graph.nodes.iter().flat_map(|node| &node.inputs) {
        args_in(&input.value, &mut used_args);
    }
    let all_args_exist = used_args.iter().all(|name| scope.args.contains_key(name));
    for arg in scope.graph.args.iter().filter(|arg| all_args_exist && !used_args.contains(&*arg.name.value)) {
        let message = format!("argument `{}` is not used", arg.name.value);
        problems.push(Problem::new(Code::UnusedArgument, message).at(scope.source, arg.name.span));
    }
    let links = scope.graph.nodes.iter().flat_map(|node| &node.inputs).flat_map(|input| input.value.links());
    let mut links = links.chain(scope.graph.outputs.iter().map(|output| &output.link));
    if links.any(|link| !scope.ids.contains_key(&*link.node.value)) {
        return;
    }
    let results: BTreeSet<usize> = results(scope).into_iter().collect();
    let outputs: BTreeSet<&str> = scope.graph.outputs.iter().map(|output| &*output.link.node.value).collect();
    for (index, node) in scope.graph.nodes.iter().enumerate() {
        let linked = scope.links.neighbors_directed(NodeIndex::new(index), Incoming).next().is_some();
        let bypassed = scope.bypassed.contains(&index);
        if !linked && !bypassed && !results.contains(&index) && !outputs.contains(&*node.id.value) {
            let message = format!("nothing uses node `{}`, so it will not run", node.id.value);
            let problem = Problem::new(Code::UnusedNode, message).node(&*node.id.value);
            problems.push(problem.at(scope.source, node.id.span));
        }
    }
}

fn args_in<'v>(value: &'v Value, out: &mut BTreeSet<&'v str>) {
    match value {
        Value::Arg(name) => drop(out.insert(name)),
        Value::List(items) => items.iter().for_each(|item| args_in(&item.value, out)),
        Value::Literal(_) | Value::Link(_) | Value::Unreadable => {}
    }
}
