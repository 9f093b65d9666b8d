//! What is known about the nodes of one graph file: descriptors, links, and the types of outputs.

use super::interface;
use crate::document::{Argument, Graph, Link, Node, NodeInput, NodeKind, Value};
use crate::project::Project;
use crate::registry::Registry;
use crate::source::Source;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use selfsame_sdk::{InputPort, NodeDescriptor, Type};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// One graph file and what its names mean. Nodes go by their index in the file.
pub(crate) struct Scope<'a> {
    pub document: usize,
    pub graph: &'a Graph,
    pub source: &'a Source,
    pub ids: HashMap<&'a str, usize>,
    pub args: HashMap<&'a str, &'a Argument>,
    /// None if the node type is unknown, or the sub-graph missing or not readable.
    pub descriptors: Vec<Option<Cow<'a, NodeDescriptor>>>,
    pub bypassed: HashSet<usize>,
    /// From each node to those that it links.
    pub links: DiGraph<(), ()>,
    /// Nodes that wait for each other, each group after those that it links; a group of one waits for nobody, unless
    /// it links itself.
    pub groups: Vec<Vec<usize>>,
    /// What the outputs of each node give, in the order of its descriptor.
    outputs: Vec<Vec<Offer<'a>>>,
    /// The graph as a node.
    pub interface: NodeDescriptor,
}

/// What an output gives.
struct Offer<'a> {
    ty: Type,
    /// The argument that a bypassed node hands on through it.
    argument: Option<&'a str>,
}

impl<'a> Scope<'a> {
    /// Those of all documents of a project, by document.
    pub fn all(project: &'a Project, registry: &'a dyn Registry) -> Vec<Scope<'a>> {
        let mut scopes: Vec<Option<Scope<'a>>> = project.documents().iter().map(|_| None).collect();
        for &index in project.order() {
            let scope = Scope::new(project, index, registry, &scopes);
            scopes[index] = Some(scope);
        }
        scopes.into_iter().flatten().collect()
    }

    /// `scopes` has those of all documents that this one uses.
    fn new(
        project: &'a Project,
        document: usize,
        registry: &'a dyn Registry,
        scopes: &[Option<Scope<'a>>],
    ) -> Scope<'a> {
        let graph = project.documents()[document].graph();
        let ids: HashMap<&str, usize> = graph.nodes.iter().enumerate().map(|(i, node)| (&*node.id.value, i)).collect();
        let descriptor = |(i, node): (usize, &'a Node)| match &node.kind {
            NodeKind::Typed(name) => registry.descriptor(name).map(Cow::Borrowed),
            NodeKind::Subgraph(_) => {
                let used = project.subgraph(document, i)?;
                // What could not be read of it may be what is missing.
                let readable = project.documents()[used].problems().is_empty();
                let used = scopes[used].as_ref().filter(|_| readable)?;
                Some(Cow::Owned(used.interface.clone()))
            }
            NodeKind::Unreadable => None,
        };
        let mut links = DiGraph::new();
        for _ in &graph.nodes {
            links.add_node(());
        }
        for (from, node) in graph.nodes.iter().enumerate() {
            let targets = node.inputs.iter().flat_map(|input| input.value.links());
            for to in targets.filter_map(|link| ids.get(&*link.node.value)) {
                links.update_edge(NodeIndex::new(from), NodeIndex::new(*to), ());
            }
        }
        let groups = kosaraju_scc(&links).into_iter().map(|group| group.into_iter().map(NodeIndex::index).collect());
        let mut scope = Scope {
            document,
            graph,
            source: project.documents()[document].source(),
            descriptors: graph.nodes.iter().enumerate().map(descriptor).collect(),
            bypassed: graph.bypass.iter().filter_map(|id| ids.get(&*id.value)).copied().collect(),
            args: graph.args.iter().map(|arg| (&*arg.name.value, arg)).collect(),
            groups: groups.collect(),
            outputs: graph.nodes.iter().map(|_| Vec::new()).collect(),
            interface: NodeDescriptor::new("subgraph", ""),
            ids,
            links,
        };
        scope.infer();
        scope.interface = interface(project, document, &scope);
        scope
    }

    /// Finds what all outputs give, each node after those that it links.
    fn infer(&mut self) {
        for index in self.groups.iter().flatten().copied().collect::<Vec<_>>() {
            let Some(descriptor) = &self.descriptors[index] else { continue };
            let graph = self.graph;
            let node = &graph.nodes[index];
            let maps = |input: &NodeInput| {
                descriptor.input_named(&input.name.value).is_some_and(|port| self.is_mapped(port, &input.value))
            };
            let bypassed = self.bypassed.contains(&index);
            let mapped = !bypassed && node.inputs.iter().any(maps);
            let offers = descriptor.outputs.iter().map(|output| {
                let source = || bypass_source(descriptor, node, &output.name).map(|input| &input.value);
                let passed = bypassed.then(source).flatten();
                let ty = match passed.and_then(|value| self.offered(value)) {
                    Some(passed) => passed,
                    None if mapped => Type::list(output.ty.clone()),
                    None => output.ty.clone(),
                };
                Offer { ty, argument: passed.and_then(|value| self.argument(value)) }
            });
            self.outputs[index] = offers.collect();
        }
    }

    pub fn is_subgraph(&self, node: usize) -> bool {
        matches!(self.graph.nodes[node].kind, NodeKind::Subgraph(_))
    }

    /// The type of what a link gives; `*` if that is not known.
    pub fn type_of(&self, link: &Link) -> Type {
        self.offer(link).map_or(Type::Any, |offer| offer.ty.clone())
    }

    /// The argument that a value comes to, itself or through bypassed nodes.
    pub fn argument(&self, value: &'a Value) -> Option<&'a str> {
        match value {
            Value::Arg(name) => Some(name),
            Value::Link(link) => self.offer(link)?.argument,
            _ => None,
        }
    }

    fn offer(&self, link: &Link) -> Option<&Offer<'a>> {
        let node = *self.ids.get(&*link.node.value)?;
        let descriptor = self.descriptors[node].as_ref()?;
        let output = descriptor.output_named(&link.output.value)?;
        let at = descriptor.outputs.iter().position(|other| other.name == output.name)?;
        self.outputs[node].get(at)
    }

    /// The type of what a link or an argument gives.
    pub fn offered(&self, value: &Value) -> Option<Type> {
        match value {
            Value::Link(link) => Some(self.type_of(link)),
            Value::Arg(name) => self.args.get(&**name).map(|arg| arg.port.value_type()),
            _ => None,
        }
    }

    /// Whether a list arrives at an input that takes only what is in it, so that the node runs once for each of them.
    pub fn is_mapped(&self, port: &InputPort, value: &Value) -> bool {
        self.offered(value).is_some_and(|offered| {
            let wanted = port.value_type();
            !wanted.accepts(&offered) && offered.element().is_some_and(|element| wanted.accepts(element))
        })
    }
}

/// What stands in for an output of a bypassed node: the input of the same name and type, else the first linked input
/// of the same type.
pub(crate) fn bypass_source<'n>(descriptor: &NodeDescriptor, node: &'n Node, output: &str) -> Option<&'n NodeInput> {
    let output = descriptor.output_named(output)?;
    let fits = |input: &&NodeInput| {
        matches!(input.value, Value::Link(_) | Value::Arg(_))
            && descriptor.input_named(&input.name.value).is_some_and(|port| port.value_type() == output.ty)
    };
    let same_name = node.inputs.iter().find(|input| input.name.value == output.name && fits(input));
    // In the order of the descriptor, so that the order in the file does not matter.
    let in_order = || {
        let given = |port: &InputPort| node.inputs.iter().find(|input| input.name.value == port.name && fits(input));
        descriptor.inputs.iter().find_map(given)
    };
    same_name.or_else(in_order)
}
