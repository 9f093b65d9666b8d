//! From the graph to a text.

use super::{ArgKind, Argument, Graph, Link, Node, NodeKind, SUBGRAPH, VERSION, Value};
use crate::format;
use crate::source::Spanned;
use crate::syntax::{self, Brackets, Key};
use selfsame_sdk::{Literal, Widget};

impl Graph {
    /// The graph as the text of a file, formatted. Reading it gives an equal graph; comments of a file that the graph
    /// was read from are not in it, see [`Document::source`](super::Document::source) for these.
    pub fn to_ron(&self) -> String {
        let mut fields = Fields::default();
        fields.add("version", literal(i64::from(VERSION)));
        fields.add_some("title", self.title.as_deref().map(literal));
        fields.add_some("doc", self.doc.as_deref().map(literal));
        fields.add_some("args", map(self.args.iter().map(|arg| (&*arg.name.value, argument(arg)))));
        let nodes = map(self.nodes.iter().map(|n| (&*n.id.value, node(n))));
        fields.add("nodes", nodes.unwrap_or_else(|| syntax::Value::group(None, Brackets::Curly, [])));
        fields.add_some("outputs", map(self.outputs.iter().map(|out| (&*out.name.value, link(&out.link)))));
        let bypass = self.bypass.iter().map(|id| Literal::from(&*id.value)).collect::<Vec<_>>();
        fields.add_some("bypass", (!bypass.is_empty()).then(|| literal(Literal::List(bypass))));
        let versions = self.node_versions.iter();
        fields.add_some("node_versions", map(versions.map(|(name, v)| (&*name.value, literal(i64::from(*v))))));
        let plugins = self.plugins.iter();
        fields.add_some("plugins", map(plugins.map(|(id, version)| (&*id.value, literal(&*version.value)))));
        let value = fields.named("Graph");
        format::print(&syntax::File { lead: Vec::new(), blank_before: false, value, tail: Vec::new() })
    }
}

#[derive(Default)]
struct Fields(Vec<(Option<Key>, syntax::Value)>);

impl Fields {
    fn add(&mut self, name: &str, value: syntax::Value) {
        self.0.push((Some(Key::Name(Spanned::from(name))), value));
    }

    fn add_some(&mut self, name: &str, value: Option<syntax::Value>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    fn named(self, name: &str) -> syntax::Value {
        syntax::Value::group(Some(name), Brackets::Round, self.0)
    }
}

fn literal(literal: impl Into<Literal>) -> syntax::Value {
    syntax::Value::literal(&literal.into())
}

/// None if there are no entries.
fn map<'a>(entries: impl Iterator<Item = (&'a str, syntax::Value)>) -> Option<syntax::Value> {
    let entries: Vec<_> = entries.map(|(name, value)| (Some(Key::Value(literal(name))), value)).collect();
    (!entries.is_empty()).then(|| syntax::Value::group(None, Brackets::Curly, entries))
}

fn call(name: &str, text: &str) -> syntax::Value {
    syntax::Value::group(Some(name), Brackets::Round, [(None, literal(text))])
}

fn link(link: &Link) -> syntax::Value {
    call("Out", &format!("{}.{}", link.node.value, link.output.value))
}

fn value(value: &Value) -> syntax::Value {
    match value {
        Value::Literal(scalar) => syntax::Value::literal(scalar),
        Value::List(items) => {
            syntax::Value::group(None, Brackets::Square, items.iter().map(|item| (None, self::value(&item.value))))
        }
        Value::Link(to) => link(to),
        Value::Arg(name) => call("Arg", name),
        // It was reported when the file was read; an empty list is RON at least.
        Value::Unreadable => syntax::Value::group(None, Brackets::Square, []),
    }
}

fn node(node: &Node) -> syntax::Value {
    let mut fields = Fields::default();
    let name = match &node.kind {
        NodeKind::Typed(name) => name,
        // It was reported when the file was read.
        NodeKind::Unreadable => "Unreadable",
        NodeKind::Subgraph(file) => {
            fields.add("file", literal(&*file.value));
            SUBGRAPH
        }
    };
    for input in &node.inputs {
        fields.add(&input.name.value, value(&input.value));
    }
    fields.named(name)
}

fn argument(arg: &Argument) -> syntax::Value {
    let port = &arg.port;
    let mut fields = Fields::default();
    let number = |x: f64| {
        let whole = arg.kind == ArgKind::Int && x.fract() == 0.0 && x.abs() < 9e15;
        if whole { literal(x as i64) } else { literal(x) }
    };
    let strings = |texts: &[String]| literal(Literal::List(texts.iter().map(|t| Literal::from(&**t)).collect()));
    match (arg.kind, &port.widget) {
        (ArgKind::Input, _) => fields.add("type", literal(&*port.value_type().to_string())),
        (ArgKind::Choice, _) => fields.add("choices", strings(&port.choices)),
        (ArgKind::Model, Widget::Model { folder }) => fields.add("folder", literal(&**folder)),
        _ => {}
    }
    fields.add_some("default", port.default.as_ref().map(syntax::Value::literal));
    match (arg.kind, &port.widget) {
        (ArgKind::Int | ArgKind::Float, _) => {
            fields.add_some("min", port.hard.min.map(number));
            fields.add_some("max", port.hard.max.map(number));
            fields.add_some("step", port.step.map(number));
            fields.add_some("unit", port.unit.as_deref().map(literal));
        }
        (ArgKind::Text, Widget::Multiline) => fields.add("multiline", literal(true)),
        (ArgKind::File, Widget::File { extensions }) if !extensions.is_empty() => {
            fields.add("extensions", strings(extensions));
        }
        (ArgKind::Input, _) if port.optional => fields.add("optional", literal(true)),
        _ => {}
    }
    fields.add_some("doc", (!port.doc.is_empty()).then(|| literal(&*port.doc)));
    fields.named(arg.kind.name())
}
