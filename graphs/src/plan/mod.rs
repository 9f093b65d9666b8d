//! What has to run, in which order, for the results that are wanted.

mod expand;

use crate::document::{Graph, GraphOutput, Link, Node, Value};
use crate::source::{Location, Source, Span, Spanned};
use crate::suggest;
use crate::validate::Valid;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use selfsame_sdk::{Literal, is_port_name};
use std::collections::{BTreeSet, HashSet};

/// Which results are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub enum Targets<'t> {
    /// All output nodes and all outputs of the graph.
    ///
    /// A sub-graph that has `outputs` is used for these, and its own output nodes do not run; one without runs for its
    /// output nodes.
    #[default]
    All,
    /// Only these: ids of nodes (`"save"`), outputs of nodes (`"image.image"`), or outputs of the graph (`"result"`).
    Only(&'t [String]),
}

/// Why a plan cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no node or output `{name}` to run{}", .hint.as_ref().map(|hint| format!(": {hint}")).unwrap_or_default())]
pub struct UnknownTarget {
    /// What was wanted.
    pub name: String,
    /// What may have been meant.
    pub hint: Option<String>,
}

/// The nodes that have to run, with sub-graphs unfolded, arguments replaced by their values, bypassed nodes left out
/// and defaults filled in.
#[derive(Clone, Debug)]
pub struct Plan {
    graph: DiGraph<PlanNode, PlanEdge>,
    order: Vec<NodeIndex>,
    targets: Vec<NodeIndex>,
    outputs: Vec<PlanOutput>,
}

/// A node that has to run.
#[derive(Clone, Debug)]
pub struct PlanNode {
    /// Its id in the graph; in a sub-graph after the id of that and a slash: `portrait/faces`.
    pub id: String,
    /// The stable id of its type: `core.image.load`.
    pub type_id: String,
    /// The name of its type: `LoadImage`.
    pub type_name: String,
    /// The version of its type.
    pub version: u32,
    /// Every input that has a value, in the order of the descriptor.
    pub inputs: Vec<PlanInput>,
    /// The names of its outputs, in the order of the descriptor.
    pub outputs: Vec<String>,
    /// It certainly runs. Other nodes only feed lazy inputs and run when these are asked for.
    pub eager: bool,
    source: Source,
    span: Span,
}

impl PlanNode {
    /// Where it stands. The place is looked up at each call, since few nodes are ever asked for theirs.
    pub fn at(&self) -> Location {
        self.source.locate(self.span)
    }
}

/// An input with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanInput {
    /// Its index among the inputs of the descriptor.
    pub port: usize,
    /// Its name.
    pub name: String,
    /// Its value. Names of files, folders and models are replaced by what [`Assets::find`](crate::Assets::find) gave for
    /// them, if [`Settings::assets`](crate::Settings::assets) was there to look.
    pub value: PlanValue,
    /// For an input that names files, folders or models: what the graph files say.
    pub asset: Option<PlanAsset>,
}

/// What an input says that names files, folders or models.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanAsset {
    /// Models, not files or folders.
    pub is_model: bool,
    /// The value of the input with all names as they were written.
    pub written: PlanValue,
}

/// How a graph that is made from a plan names files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssetNames {
    /// As they were written. Relative paths then need the place of the graph file that wrote them.
    Written,
    /// Files and folders by what they were resolved to, so that the graph can be put anywhere; models still as they were
    /// written, since they are looked for by name. This is what a saved picture carries.
    Resolved,
}

/// What an input receives.
#[derive(Clone, Debug, PartialEq)]
pub enum PlanValue {
    /// A literal, of the type of the input; or a list of such literals where the input takes no list, and the node runs
    /// once for each element.
    Literal(Literal),
    /// What another node gives. Here too a list that meets an input that takes none runs the node once for each element.
    Output(PlanLink),
    /// Several values.
    List(Vec<PlanValue>),
}

/// An output of a node of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanLink {
    /// The node.
    pub node: NodeIndex,
    /// The index of the output in its descriptor.
    pub output: usize,
}

impl PlanValue {
    /// The outputs in it, in order.
    pub fn links(&self) -> Vec<PlanLink> {
        match self {
            PlanValue::Literal(_) => Vec::new(),
            PlanValue::Output(link) => vec![*link],
            PlanValue::List(items) => items.iter().flat_map(PlanValue::links).collect(),
        }
    }
}

/// From a node to one that takes a value of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanEdge {
    /// The index of the output among those of the giving node.
    pub output: usize,
    /// The index of the input among those of the taking node.
    pub input: usize,
    /// The value is computed only if the taking node asks for it.
    pub lazy: bool,
}

/// A result that is wanted as a value.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanOutput {
    /// The name of the graph's output, or `node.output`.
    pub name: String,
    /// What it is; none if the value of an optional argument that is not set ends up here.
    pub value: Option<PlanValue>,
}

impl Plan {
    /// The plan for these results.
    ///
    /// Arguments have the values that `valid` was made with, or their defaults; an input whose argument has neither is
    /// missing from the plan, which does not happen if [`Settings::args`](crate::Settings::args) was given.
    ///
    /// The order depends on ids, links and descriptors, never on the order of the file.
    ///
    /// # Errors
    /// If there is no such target.
    pub fn new(valid: &Valid, targets: Targets) -> Result<Plan, UnknownTarget> {
        let mut expansion = expand::Expansion::new(valid);
        match targets {
            Targets::All => expansion.all(),
            Targets::Only(names) => {
                for name in names.iter().collect::<BTreeSet<_>>() {
                    if !expansion.only(name) {
                        return Err(unknown_target(valid, name));
                    }
                }
            }
        }
        Ok(expansion.finish())
    }

    /// The nodes, with an edge for every value that goes from one to another.
    pub fn graph(&self) -> &DiGraph<PlanNode, PlanEdge> {
        &self.graph
    }

    /// All nodes, each after those whose values it takes. What a node needs stands as close before it as possible, so
    /// that values can be freed early.
    pub fn order(&self) -> &[NodeIndex] {
        &self.order
    }

    /// Nodes that run for their effect or because they were asked for.
    pub fn targets(&self) -> &[NodeIndex] {
        &self.targets
    }

    /// Results that are wanted as values.
    pub fn outputs(&self) -> &[PlanOutput] {
        &self.outputs
    }

    /// A node.
    pub fn node(&self, index: NodeIndex) -> &PlanNode {
        &self.graph[index]
    }

    /// The plan as a graph of its own that needs no other graph file and no argument. Running all of it gives the same
    /// results.
    ///
    /// Only links can be outputs of a graph: a result that is no link, or has no name of its own, is left out.
    pub fn to_graph(&self, names: AssetNames) -> Graph {
        self.to_graph_with(names, &|_, _, _| None)
    }

    /// As [`to_graph`](Self::to_graph), with some links replaced by what they gave: `known(link, node, port)` is written
    /// instead of a link at an input (by its index in the descriptor) of a node. Nodes that nothing needs then are left out.
    pub fn to_graph_with(
        &self,
        names: AssetNames,
        known: &dyn Fn(PlanLink, NodeIndex, usize) -> Option<Value>,
    ) -> Graph {
        let mut graph = Graph::default();
        let mut versions = BTreeSet::new();
        let of_outputs = self.outputs.iter().filter_map(|output| output.value.as_ref()).flat_map(PlanValue::links);
        let mut needed: HashSet<NodeIndex> =
            self.targets.iter().copied().chain(of_outputs.map(|link| link.node)).collect();
        // What a node needs stands before it.
        for &index in self.order.iter().rev() {
            if !needed.contains(&index) {
                continue;
            }
            for input in &self.node(index).inputs {
                let open = input.value.links().into_iter().filter(|link| known(*link, index, input.port).is_none());
                needed.extend(open.map(|link| link.node));
            }
        }
        for &index in self.order.iter().filter(|index| needed.contains(index)) {
            let planned = self.node(index);
            let mut node = Node::new(&*planned.id, &*planned.type_name);
            for input in &planned.inputs {
                let value = match &input.asset {
                    Some(asset) if asset.is_model || names == AssetNames::Written => &asset.written,
                    _ => &input.value,
                };
                node = node.set(&input.name, self.written(value, &|link| known(link, index, input.port)));
            }
            versions.insert((planned.type_name.clone(), planned.version));
            graph.nodes.push(node);
        }
        for output in self.outputs.iter().filter(|output| is_port_name(&output.name)) {
            if let Some(PlanValue::Output(link)) = &output.value {
                let name = Spanned::from(&*output.name);
                graph.outputs.push(GraphOutput { name, link: self.link(*link) });
            }
        }
        graph.node_versions = versions.into_iter().map(|(name, version)| (Spanned::from(name), version)).collect();
        graph
    }

    fn link(&self, link: PlanLink) -> Link {
        let node = self.node(link.node);
        Link::new(&*node.id, node.outputs.get(link.output).map_or("", |name| name))
    }

    fn written(&self, value: &PlanValue, known: &dyn Fn(PlanLink) -> Option<Value>) -> Value {
        match value {
            PlanValue::Literal(literal) => Value::from(literal.clone()),
            PlanValue::Output(link) => known(*link).unwrap_or_else(|| Value::Link(self.link(*link))),
            PlanValue::List(items) => {
                let written = |item| Spanned::new(self.written(item, known), Span::default());
                Value::List(items.iter().map(written).collect())
            }
        }
    }

    /// Marks what certainly runs: targets, and what they need other than through lazy inputs.
    fn mark_eager(&mut self) {
        let of_outputs = self.outputs.iter().filter_map(|output| output.value.as_ref()).flat_map(PlanValue::links);
        let mut open: Vec<NodeIndex> = self.targets.iter().copied().chain(of_outputs.map(|link| link.node)).collect();
        while let Some(index) = open.pop() {
            if !std::mem::replace(&mut self.graph[index].eager, true) {
                let needed = self.graph.edges_directed(index, petgraph::Direction::Incoming);
                open.extend(needed.filter(|edge| !edge.weight().lazy).map(|edge| edge.source()));
            }
        }
    }
}

fn unknown_target(valid: &Valid, name: &str) -> UnknownTarget {
    let graph = valid.project.root().graph();
    let nodes = graph.nodes.iter().map(|node| &*node.id.value);
    let names = nodes.chain(graph.outputs.iter().map(|output| &*output.name.value));
    let hint = match graph.is_bypassed(name) {
        true => Some("it is bypassed".to_owned()),
        false => suggest::did_you_mean(name, names),
    };
    UnknownTarget { name: name.to_owned(), hint }
}
