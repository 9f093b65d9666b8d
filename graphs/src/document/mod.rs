//! A graph file: what it says, where it says it, and its text.

mod argument;
mod fields;
mod migrate;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use argument::{ArgKind, Argument};

use crate::problem::{Problem, Report};
use crate::source::{Source, Span, Spanned};
use crate::syntax;
use selfsame_sdk::Literal;

/// The version of the format that this program writes.
pub const VERSION: u32 = 1;

/// The type name of a node that stands for another graph file.
pub const SUBGRAPH: &str = "Subgraph";

/// A graph file that was opened, with its text, so that it can be saved unchanged and problems can point into it.
#[derive(Clone, Debug)]
pub struct Document {
    source: Source,
    graph: Graph,
    problems: Vec<Problem>,
    upgraded: Option<String>,
}

impl Document {
    /// Reads a graph. `name` is what problems call it, its path as a rule.
    ///
    /// This never fails: what could not be read is in [`problems`](Self::problems), and the graph holds the rest. Node
    /// types are not looked at, so that a graph opens when a plugin is missing.
    pub fn parse(name: impl Into<String>, text: impl Into<String>) -> Document {
        Document::parse_with(Source::new(name, text), VERSION, migrate::MIGRATIONS)
    }

    fn parse_with(source: Source, version: u32, migrations: &[migrate::Migration]) -> Document {
        let mut document = Document { source, graph: Graph::default(), problems: Vec::new(), upgraded: None };
        match syntax::parse(document.source.text()) {
            Err(errors) => document.problems = Report::of_syntax(&document.source, errors).problems,
            Ok(mut file) => match migrate::migrate(&mut file.value, version, migrations, &document.source) {
                Err(problem) => document.problems.push(*problem),
                Ok(migrated) => {
                    (document.graph, document.problems) = read::read(&file.value, &document.source);
                    document.upgraded = migrated.then(|| crate::format::print(&file));
                }
            },
        }
        document
    }

    /// What the file says.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The text as it was read, which is also how to save it unchanged, and the places in it.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What could not be read.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The text in the present version of the format, if the file was written in an older one. Comments are kept.
    pub fn upgraded(&self) -> Option<&str> {
        self.upgraded.as_deref()
    }
}

/// What a graph file says.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// What people call it.
    pub title: Option<String>,
    /// What it is for. Markdown.
    pub doc: Option<String>,
    /// What can be set from outside.
    pub args: Vec<Argument>,
    /// The nodes, in the order of the file.
    pub nodes: Vec<Node>,
    /// What it gives to a graph that uses it as a node.
    pub outputs: Vec<GraphOutput>,
    /// Ids of nodes that are left out: what they would have changed passes through unchanged.
    pub bypass: Vec<Spanned<String>>,
    /// For node types, the version that the graph was written for.
    pub node_versions: Vec<(Spanned<String>, u32)>,
    /// The plugins that the graph needs: ids, and the versions that it was written for.
    pub plugins: Vec<(Spanned<String>, Spanned<String>)>,
}

impl Graph {
    /// The node with this id.
    pub fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id.value == id)
    }

    /// The argument with this name.
    pub fn arg(&self, name: &str) -> Option<&Argument> {
        self.args.iter().find(|arg| arg.name.value == name)
    }

    /// Whether the node with this id is left out.
    pub fn is_bypassed(&self, id: &str) -> bool {
        self.bypass.iter().any(|bypassed| bypassed.value == id)
    }
}

/// A node of a graph.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name in the graph.
    pub id: Spanned<String>,
    /// What it is.
    pub kind: NodeKind,
    /// Where the type name stands.
    pub kind_span: Span,
    /// The inputs that are set.
    pub inputs: Vec<NodeInput>,
    /// Values without names stood there; [`Document::problems`] has it.
    pub(crate) has_unnamed_inputs: bool,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// A node of the catalogue, by its type name or id.
    Typed(String),
    /// Another graph file, by its path from the folder of this one.
    Subgraph(Spanned<String>),
    /// Something that is no node; [`Document::problems`] has it.
    Unreadable,
}

impl Node {
    /// A node without inputs.
    pub fn new(id: impl Into<String>, type_name: impl Into<String>) -> Self {
        let kind = NodeKind::Typed(type_name.into());
        Node::of_kind(id.into(), kind)
    }

    /// A node that stands for another graph file.
    pub fn subgraph(id: impl Into<String>, file: impl Into<String>) -> Self {
        let kind = NodeKind::Subgraph(Spanned::from(file.into()));
        Node::of_kind(id.into(), kind)
    }

    fn of_kind(id: String, kind: NodeKind) -> Self {
        let (id, kind_span) = (Spanned::from(id), Span::default());
        Node { id, kind, kind_span, inputs: Vec::new(), has_unnamed_inputs: false }
    }

    /// Sets an input.
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.inputs.push(NodeInput { name: Spanned::from(name), value: value.into(), span: Span::default() });
        self
    }

    /// The type name that the file says.
    pub fn type_name(&self) -> &str {
        match &self.kind {
            NodeKind::Typed(name) => name,
            NodeKind::Subgraph(_) => SUBGRAPH,
            NodeKind::Unreadable => "",
        }
    }

    /// What is set for an input.
    pub fn input(&self, name: &str) -> Option<&NodeInput> {
        self.inputs.iter().find(|input| input.name.value == name)
    }
}

/// An input that is set.
#[derive(Clone, Debug)]
pub struct NodeInput {
    /// Its name.
    pub name: Spanned<String>,
    /// To what it is set.
    pub value: Value,
    /// Where the value stands.
    pub span: Span,
}

/// To what an input is set.
#[derive(Clone, Debug)]
pub enum Value {
    /// A literal other than a list.
    Literal(Literal),
    /// `[...]`: literals, links and arguments.
    List(Vec<Spanned<Value>>),
    /// `Out("node.output")`.
    Link(Link),
    /// `Arg("name")`.
    Arg(String),
    /// Something that no graph can say; [`Document::problems`] has it.
    Unreadable,
}

impl Value {
    /// The links in it.
    pub fn links(&self) -> Vec<&Link> {
        match self {
            Value::Link(link) => vec![link],
            Value::List(items) => items.iter().flat_map(|item| item.value.links()).collect(),
            _ => Vec::new(),
        }
    }

    /// It as a literal, if there are only literals in it.
    pub fn as_literal(&self) -> Option<Literal> {
        match self {
            Value::Literal(literal) => Some(literal.clone()),
            Value::List(items) => {
                items.iter().map(|item| item.value.as_literal()).collect::<Option<Vec<_>>>().map(Literal::List)
            }
            _ => None,
        }
    }
}

impl<T: Into<Literal>> From<T> for Value {
    fn from(literal: T) -> Self {
        match literal.into() {
            Literal::List(items) => {
                Value::List(items.into_iter().map(|i| Spanned::new(Value::from(i), Span::default())).collect())
            }
            scalar => Value::Literal(scalar),
        }
    }
}

impl From<Link> for Value {
    fn from(link: Link) -> Self {
        Value::Link(link)
    }
}

/// `Out("node.output")`: an output of a node.
#[derive(Clone, Debug)]
pub struct Link {
    /// The node's id.
    pub node: Spanned<String>,
    /// The output's name.
    pub output: Spanned<String>,
}

impl Link {
    /// A link to an output of a node.
    pub fn new(node: impl Into<String>, output: impl Into<String>) -> Self {
        Link { node: Spanned::from(node.into()), output: Spanned::from(output.into()) }
    }
}

/// An output of a graph.
#[derive(Clone, Debug)]
pub struct GraphOutput {
    /// Its name.
    pub name: Spanned<String>,
    /// Where it comes from.
    pub link: Link,
}
