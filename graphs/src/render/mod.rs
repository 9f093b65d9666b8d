//! Graphs as pictures: SVG for people, Mermaid for documents, DOT for other programs.

mod color;
mod dot;
mod layout;
mod mermaid;
mod svg;

use crate::document::{NodeKind, Value};
use crate::plugins::Plugins;
use crate::project::Project;
use crate::registry::Registry;
use crate::validate::Scope;
use selfsame_sdk::{Literal, Type};
use std::collections::BTreeSet;

/// A graph as boxes and wires, before it is drawn. Graphs with mistakes can be drawn too: boxes of unknown types show
/// what the file says about them, and which plugin is missing if that is known; links that lead nowhere are left out.
#[derive(Clone, Debug)]
pub struct Picture {
    title: String,
    subtitle: String,
    args: Vec<ArgChip>,
    boxes: Vec<NodeBox>,
    wires: Vec<Wire>,
}

#[derive(Clone, Debug)]
struct ArgChip {
    name: String,
    kind: &'static str,
    default: Option<String>,
}

#[derive(Clone, Debug)]
struct NodeBox {
    id: String,
    type_name: String,
    /// The first part of the category, which gives the colour.
    family: String,
    look: Look,
    bypassed: bool,
    inputs: Vec<Row>,
    outputs: Vec<Port>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Node,
    Subgraph,
    Unknown,
    /// Not a node: an output of the graph.
    GraphOutput,
}

/// An input that is set.
#[derive(Clone, Debug)]
struct Row {
    name: String,
    ty: Type,
    shown: Shown,
}

#[derive(Clone, Debug, PartialEq)]
enum Shown {
    /// Only wires.
    Wires,
    Literal(String),
    Arg(String),
}

#[derive(Clone, Debug)]
struct Port {
    name: String,
    ty: Type,
    linked: bool,
}

#[derive(Clone, Debug)]
struct Wire {
    /// A box and one of its outputs.
    from: (usize, usize),
    /// A box and one of its inputs.
    to: (usize, usize),
    ty: Type,
    lazy: bool,
}

impl Picture {
    /// The picture of the graph that a project was opened for. Sub-graphs are single boxes in it.
    pub fn new(project: &Project, registry: &dyn Registry) -> Picture {
        let scopes = Scope::all(project, registry);
        let (scope, graph) = (&scopes[0], project.root().graph());
        let file = std::path::Path::new(project.root().source().name());
        let name = file.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned());
        let args = graph.args.iter().map(|arg| ArgChip {
            name: arg.name.value.clone(),
            kind: arg.kind.name(),
            default: arg.port.default.as_ref().map(shorten),
        });
        let doc = graph.doc.as_deref().unwrap_or_default();
        let mut picture = Picture {
            title: graph.title.clone().unwrap_or(name),
            subtitle: doc.lines().next().unwrap_or_default().to_owned(),
            args: args.collect(),
            boxes: (0..graph.nodes.len()).map(|node| node_box(scope, node, registry.plugins())).collect(),
            wires: Vec::new(),
        };
        for to in 0..graph.nodes.len() {
            picture.wires_into(scope, to);
        }
        for output in &graph.outputs {
            let ty = scope.type_of(&output.link);
            let row = Row { name: output.name.value.clone(), ty, shown: Shown::Wires };
            picture.boxes.push(NodeBox {
                id: output.name.value.clone(),
                type_name: "output of the graph".to_owned(),
                family: String::new(),
                look: Look::GraphOutput,
                bypassed: false,
                inputs: vec![row],
                outputs: Vec::new(),
            });
            picture.wire(scope, &output.link, (picture.boxes.len() - 1, 0), false);
        }
        for wire in &picture.wires {
            picture.boxes[wire.from.0].outputs[wire.from.1].linked = true;
        }
        picture
    }

    fn wires_into(&mut self, scope: &Scope, to: usize) {
        let node = &scope.graph.nodes[to];
        for row in 0..self.boxes[to].inputs.len() {
            let name = self.boxes[to].inputs[row].name.clone();
            let port = scope.descriptors[to].as_ref().and_then(|descriptor| descriptor.input_named(&name));
            let is_row = |input: &&crate::NodeInput| {
                input.name.value == name || port.is_some_and(|port| port.aliases.contains(&input.name.value))
            };
            let links = node.inputs.iter().filter(is_row).flat_map(|input| input.value.links());
            for link in links.collect::<Vec<_>>() {
                self.wire(scope, link, (to, row), port.is_some_and(|port| port.lazy));
            }
        }
    }

    fn wire(&mut self, scope: &Scope, link: &crate::Link, to: (usize, usize), lazy: bool) {
        let Some(&from) = scope.ids.get(&*link.node.value) else { return };
        let name = match &scope.descriptors[from] {
            Some(descriptor) => descriptor.output_named(&link.output.value).map(|output| &*output.name),
            None => Some(&*link.output.value),
        };
        let output = self.boxes[from].outputs.iter().position(|output| Some(&*output.name) == name);
        if let Some(output) = output {
            self.wires.push(Wire { from: (from, output), to, ty: scope.type_of(link), lazy });
        }
    }
}

fn node_box(scope: &Scope, index: usize, plugins: &Plugins) -> NodeBox {
    let node = &scope.graph.nodes[index];
    let descriptor = scope.descriptors[index].as_deref();
    let mut inputs = Vec::new();
    let mut outputs = Vec::new();
    if let Some(descriptor) = descriptor {
        for port in &descriptor.inputs {
            let is_port = |name: &String| *name == port.name || port.aliases.contains(name);
            if let Some(given) = node.inputs.iter().find(|input| is_port(&input.name.value)) {
                inputs.push(Row { name: port.name.clone(), ty: port.value_type(), shown: shown(&given.value) });
            }
        }
        outputs.extend(descriptor.outputs.iter().map(|output| {
            let ty = scope.type_of(&crate::Link::new(&*node.id.value, &*output.name));
            Port { name: output.name.clone(), ty, linked: false }
        }));
    } else {
        let rows = node.inputs.iter();
        inputs.extend(rows.map(|i| Row { name: i.name.value.clone(), ty: Type::Any, shown: shown(&i.value) }));
        // Of an unknown node only those outputs are known that something links.
        let links = scope.graph.nodes.iter().flat_map(|node| &node.inputs).flat_map(|input| input.value.links());
        let links = links.chain(scope.graph.outputs.iter().map(|output| &output.link));
        let names: BTreeSet<&str> =
            links.filter(|link| link.node.value == node.id.value).map(|link| &*link.output.value).collect();
        outputs.extend(names.into_iter().map(|name| Port { name: name.to_owned(), ty: Type::Any, linked: true }));
    }
    let category = descriptor.map_or("", |descriptor| &descriptor.category);
    NodeBox {
        id: node.id.value.clone(),
        type_name: match &node.kind {
            NodeKind::Subgraph(file) => file.value.clone(),
            NodeKind::Typed(name) if descriptor.is_none() => match plugins.would_have(name) {
                Some((plugin, _)) => format!("{name} (plugin {})", plugin.id),
                None => name.clone(),
            },
            _ => node.type_name().to_owned(),
        },
        family: category.split('/').next().unwrap_or_default().to_owned(),
        look: match (&node.kind, descriptor) {
            (NodeKind::Subgraph(_), _) => Look::Subgraph,
            (_, Some(_)) => Look::Node,
            (_, None) => Look::Unknown,
        },
        bypassed: scope.bypassed.contains(&index),
        inputs,
        outputs,
    }
}

fn shown(value: &Value) -> Shown {
    match value {
        Value::Literal(literal) => Shown::Literal(shorten(literal)),
        Value::Arg(name) => Shown::Arg(name.clone()),
        Value::Link(_) | Value::Unreadable => Shown::Wires,
        Value::List(_) => value.as_literal().map_or(Shown::Wires, |literal| Shown::Literal(shorten(&literal))),
    }
}

/// A literal in a few characters. Text stands without quotes.
fn shorten(literal: &Literal) -> String {
    const MAX: usize = 26;
    let text = match literal {
        Literal::Str(text) if text.is_empty() => "\"\"".to_owned(),
        Literal::Str(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    if text.chars().count() > MAX { format!("{}…", text.chars().take(MAX - 1).collect::<String>()) } else { text }
}
