//! From the tree to the graph. Everything that cannot be read is reported, and the rest is read on.

use super::argument;
use super::fields::{Fields, Problems};
use super::{Argument, Graph, GraphOutput, Link, Node, NodeInput, NodeKind, SUBGRAPH, Value};
use crate::problem::{Code, Problem};
use crate::source::{Source, Span, Spanned};
use crate::syntax::{self, Brackets, Group, Key, Kind};
use selfsame_sdk::{Literal, is_port_name};
use std::collections::{BTreeMap, HashSet};

/// The words of the format itself, which no node type can be called.
const WORDS: [&str; 3] = ["Graph", "Arg", "Out"];

/// Reads `Graph(...)`, whose name and version have been seen to be right.
pub(super) fn read(tree: &syntax::Value, source: &Source) -> (Graph, Vec<Problem>) {
    let mut problems = Problems { source, found: Vec::new() };
    let mut graph = Graph::default();
    if let Some(group) = tree.as_group(Brackets::Round) {
        let mut fields = Fields::of(group, "the graph".to_owned(), &mut problems);
        fields.take("version");
        graph.title = fields.string("title", &mut problems);
        graph.doc = fields.string("doc", &mut problems);
        graph.args = entries(fields.take("args"), "`args`", "argument", &mut problems, argument);
        match fields.take("nodes") {
            None => problems.add(tree.span, Problem::new(Code::MissingField, "the graph has no `nodes`")),
            nodes => graph.nodes = entries(nodes, "`nodes`", "node", &mut problems, node),
        }
        graph.outputs = entries(fields.take("outputs"), "`outputs`", "output", &mut problems, output);
        graph.bypass = fields.strings("bypass", &mut problems).unwrap_or_default();
        graph.node_versions =
            entries(fields.take("node_versions"), "`node_versions`", "node type", &mut problems, node_version);
        graph.plugins = entries(fields.take("plugins"), "`plugins`", "plugin", &mut problems, plugin);
        fields.finish(&mut problems);
    }
    let ids: HashSet<&str> = graph.nodes.iter().map(|node| &*node.id.value).collect();
    for bypassed in &graph.bypass {
        if !ids.contains(&*bypassed.value) {
            let message = format!("`bypass` names `{}`, which is no node", bypassed.value);
            let ids = graph.nodes.iter().map(|node| &*node.id.value);
            let problem = Problem::new(Code::UnknownLink, message);
            problems.add(bypassed.span, problem.hint(crate::suggest::hint(&bypassed.value, "node", ids)));
        }
    }
    (graph, problems.found)
}

/// Reads the entries of a map. An entry whose name was used before is reported and left out.
fn entries<T>(
    map: Option<&syntax::Value>,
    what: &str,
    each: &str,
    problems: &mut Problems,
    read: impl Fn(Spanned<String>, &syntax::Value, &mut Problems) -> Option<T>,
) -> Vec<T> {
    let Some(map) = map else { return Vec::new() };
    let Some(group) = map.as_group(Brackets::Curly) else {
        problems.wrong_form(map, what, "a map {\"name\": ...}");
        return Vec::new();
    };
    let mut seen = BTreeMap::new();
    let mut out = Vec::with_capacity(group.items.len());
    for item in &group.items {
        let Some(Key::Value(key)) = &item.key else { continue };
        let Some(name) = key.as_str() else {
            problems.wrong_form(key, &format!("the name of this {each}"), "a string");
            continue;
        };
        if let Some(first) = seen.insert(name, key.span) {
            let problem = Problem::new(Code::DuplicateId, format!("there are two {each}s `{name}`"));
            let source = problems.source;
            problems.add(key.span, problem.related(source, first, "the first one"));
            continue;
        }
        out.extend(read(Spanned::new(name.to_owned(), key.span), &item.value, problems));
    }
    out
}

fn argument(name: Spanned<String>, value: &syntax::Value, problems: &mut Problems) -> Option<Argument> {
    port_name(&name, "argument", problems);
    if name.value == "file" {
        let message = format!("an argument cannot be called `file`: {SUBGRAPH}(file: ..) already means the graph file");
        problems.add(name.span, Problem::new(Code::BadName, message));
    }
    Some(argument::read(name, value, problems))
}

/// Arguments and outputs are inputs and outputs of the graph as a node, so they are named like these.
fn port_name(name: &Spanned<String>, each: &str, problems: &mut Problems) {
    if !is_port_name(&name.value) {
        let message = format!("`{}` cannot be the name of an {each}", name.value);
        let hint = "such names have ASCII letters, digits and `_`, and do not start with a digit".to_owned();
        problems.add(name.span, Problem::new(Code::BadName, message).hint(hint));
    }
}

fn output(name: Spanned<String>, value: &syntax::Value, problems: &mut Problems) -> Option<GraphOutput> {
    port_name(&name, "output", problems);
    match self::value(value, &format!("output `{}`", name.value), problems) {
        Value::Link(link) => Some(GraphOutput { name, link }),
        Value::Unreadable => None,
        _ => {
            problems.wrong_form(value, &format!("output `{}`", name.value), "a link Out(\"node.output\")");
            None
        }
    }
}

fn node_version(
    name: Spanned<String>,
    value: &syntax::Value,
    problems: &mut Problems,
) -> Option<(Spanned<String>, u32)> {
    let version = match value.kind {
        Kind::Scalar { literal: Literal::Int(version), .. } => u32::try_from(version).ok().filter(|v| *v > 0),
        _ => None,
    };
    if version.is_none() {
        problems.wrong_form(value, &format!("the version of {}", name.value), "an integer from 1");
    }
    Some((name, version?))
}

fn plugin(
    id: Spanned<String>,
    value: &syntax::Value,
    problems: &mut Problems,
) -> Option<(Spanned<String>, Spanned<String>)> {
    let Some(version) = value.as_str().filter(|text| crate::plugins::is_version(text)) else {
        problems.wrong_form(value, &format!("the version of plugin `{}`", id.value), "a text such as \"1.0\"");
        return None;
    };
    Some((id, Spanned::new(version.to_owned(), value.span)))
}

fn node(id: Spanned<String>, value: &syntax::Value, problems: &mut Problems) -> Option<Node> {
    if let Some(fault) = fault_of_id(&id.value) {
        let hint = "the dot separates node and output in Out(\"node.output\")";
        let problem = Problem::new(Code::BadName, format!("`{}` cannot be the id of a node: {fault}", id.value));
        problems.add(id.span, problem.hint(id.value.contains('.').then(|| hint.to_owned())));
    }
    let what = format!("node `{}`", id.value);
    let kind_span = name_span(value);
    // The id is known even so: links to it are no further problem.
    let unreadable = |id: Spanned<String>| {
        let kind = NodeKind::Unreadable;
        Some(Node { id, kind, kind_span, inputs: Vec::new(), has_unnamed_inputs: false })
    };
    let (type_name, group) = match &value.kind {
        Kind::Group(group @ Group { name: Some(name), .. }) => (&*name.value, Some(group)),
        Kind::Word(word) => (&**word, None),
        _ => ("", None),
    };
    if type_name.is_empty() || WORDS.contains(&type_name) {
        problems.wrong_form(value, &what, "a node type with its inputs, like LoadImage(path: \"ada.png\")");
        return unreadable(id);
    }
    let empty = Group { name: None, brackets: Brackets::Round, items: Vec::new(), tail: Vec::new() };
    let mut fields = Fields::of(group.unwrap_or(&empty), what.clone(), problems);
    let kind = if type_name == SUBGRAPH {
        let Some(file) = fields.take("file") else {
            let message = format!("{what} is a {SUBGRAPH} without `file`");
            let hint = format!("write {SUBGRAPH}(file: \"other.ron\", ...)");
            problems.add(kind_span, Problem::new(Code::MissingField, message).hint(hint));
            return unreadable(id);
        };
        let Some(path) = file.as_str() else {
            problems.wrong_form(file, &format!("`file` of {what}"), "a string");
            return unreadable(id);
        };
        NodeKind::Subgraph(Spanned::new(path.to_owned(), file.span))
    } else {
        NodeKind::Typed(type_name.to_owned())
    };
    let inputs = fields
        .rest()
        .into_iter()
        .map(|(name, value)| NodeInput {
            name: name.clone(),
            span: value.span,
            value: self::value(value, &format!("input `{}` of {what}", name.value), problems),
        })
        .collect();
    let has_unnamed_inputs = group.is_some_and(|group| group.items.iter().any(|item| item.key.is_none()));
    Some(Node { id, kind, kind_span, inputs, has_unnamed_inputs })
}

/// Why a node cannot have this id.
fn fault_of_id(id: &str) -> Option<&'static str> {
    if id.is_empty() {
        Some("it is empty")
    } else if id.contains('.') {
        Some("it contains a dot")
    } else if id.trim() != id {
        Some("it starts or ends with a space")
    } else if id.chars().any(char::is_control) {
        Some("it contains a control character")
    } else {
        None
    }
}

/// Where the name of `Name(...)` stands.
pub(super) fn name_span(value: &syntax::Value) -> Span {
    match &value.kind {
        Kind::Group(Group { name: Some(name), .. }) => name.span,
        _ => value.span,
    }
}

/// Reads what an input is set to. `what` is the input, in words.
pub(super) fn value(value: &syntax::Value, what: &str, problems: &mut Problems) -> Value {
    const FORMS: &str = "a literal, a list, a link Out(\"node.output\") or an argument Arg(\"name\")";
    match &value.kind {
        Kind::Scalar { literal, .. } => Value::Literal(literal.clone()),
        Kind::Group(group) if group.brackets == Brackets::Square => {
            let items = group.items.iter();
            let item = |item: &syntax::Value, problems: &mut Problems| self::value(item, what, problems);
            Value::List(items.map(|i| Spanned::new(item(&i.value, problems), i.value.span)).collect())
        }
        Kind::Group(Group { name: Some(name), items, .. }) if matches!(&*name.value, "Out" | "Arg") => {
            let text = match &items[..] {
                [only] if only.key.is_none() => only.value.as_str().map(|text| (text, &only.value)),
                _ => None,
            };
            let example = if name.value == "Out" { "Out(\"node.output\")" } else { "Arg(\"name\")" };
            match text {
                Some((text, string)) if name.value == "Out" => link(text, string, what, problems),
                Some((text, _)) => Value::Arg(text.to_owned()),
                None => {
                    problems.wrong_form(value, what, &format!("of the form {example}"));
                    Value::Unreadable
                }
            }
        }
        kind => {
            let hint = match kind {
                Kind::Word(word) => Some(format!("write \"{word}\" in quotes")),
                Kind::Group(Group { name: Some(_), .. }) => {
                    Some("nodes do not nest: give it an id of its own, and link it with Out(\"id.output\")".to_owned())
                }
                _ => None,
            };
            let problem = Problem::new(Code::WrongForm, format!("{what} is not {FORMS}")).got(value.in_words());
            problems.add(value.span, problem.hint(hint));
            Value::Unreadable
        }
    }
}

fn link(text: &str, string: &syntax::Value, what: &str, problems: &mut Problems) -> Value {
    match text.rsplit_once('.') {
        Some((node, output)) if !node.is_empty() && !output.is_empty() => {
            // Both parts can be pointed at if the string is spelled as it reads.
            let plain = string.span.end.saturating_sub(string.span.start) == text.len() + 2;
            let part = |from: usize, len: usize| {
                if plain {
                    Span::new(string.span.start + 1 + from, string.span.start + 1 + from + len)
                } else {
                    string.span
                }
            };
            Value::Link(Link {
                node: Spanned::new(node.to_owned(), part(0, node.len())),
                output: Spanned::new(output.to_owned(), part(node.len() + 1, output.len())),
            })
        }
        _ => {
            let problem = Problem::new(Code::WrongForm, format!("{what} links \"{text}\", which names no output"));
            problems.add(string.span, problem.hint(format!("write Out(\"{}.output\")", text.trim_matches('.'))));
            Value::Unreadable
        }
    }
}
