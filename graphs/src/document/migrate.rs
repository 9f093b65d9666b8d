//! Older versions of the format.
//!
//! A change of the format that old files would not survive raises [`VERSION`](super::VERSION) and adds a [`Migration`]
//! here. It changes the tree before it is read, so that the reader knows only the present version, and comments stay.

use crate::problem::{Code, Problem};
use crate::source::{Source, Span};
use crate::syntax::{Brackets, Item, Key, Kind, Value};
use selfsame_sdk::Literal;

/// One step from a version to the next.
pub(super) struct Migration {
    /// The version that it starts from.
    pub from: u32,
    /// Changes the whole graph.
    pub apply: fn(&mut Value),
}

/// All steps. Version 1 is the first.
pub(super) const MIGRATIONS: &[Migration] = &[];

/// Brings a graph to version `to`; says whether anything was to be done.
pub(super) fn migrate(
    graph: &mut Value,
    to: u32,
    migrations: &[Migration],
    source: &Source,
) -> Result<bool, Box<Problem>> {
    let fail = |span: Span, message: String, hint: String| {
        Err(Box::new(Problem::new(Code::Version, message).at(source, span).hint(hint)))
    };
    let name = graph.as_group(Brackets::Round).and_then(|group| group.name.clone());
    let Some(name) = name.filter(|name| name.value == "Graph") else {
        let problem = Problem::new(Code::WrongForm, "a graph file is one `Graph(...)`").got(graph.in_words());
        return Err(Box::new(problem.at(source, Span::new(graph.span.start, graph.span.start))));
    };
    let Some(field) = version_field(graph) else {
        return fail(name.span, "the graph has no `version`".to_owned(), format!("write Graph(version: {to}, ...)"));
    };
    let span = field.value.span;
    let Kind::Scalar { literal: Literal::Int(version), .. } = field.value.kind else {
        return fail(span, "the version is not an integer".to_owned(), format!("this program writes version {to}"));
    };
    if version > i128::from(to) {
        let message = format!("the graph has version {version}, and this program knows versions up to {to}");
        return fail(span, message, "a newer program wrote it; update this one".to_owned());
    }
    let mut at = u32::try_from(version).unwrap_or(0);
    if at == 0 {
        return fail(span, format!("there is no version {version}"), "the first version is 1".to_owned());
    }
    let old = at < to;
    while at < to {
        let Some(step) = migrations.iter().find(|step| step.from == at) else {
            let message = format!("version {at} can no longer be read");
            return fail(span, message, "save it with an older program first".to_owned());
        };
        (step.apply)(graph);
        at += 1;
    }
    if old && let Some(field) = version_field_mut(graph) {
        field.value = Value { span, ..Value::literal(&Literal::Int(to.into())) };
    }
    Ok(old)
}

fn is_version(item: &Item) -> bool {
    matches!(&item.key, Some(Key::Name(name)) if name.value == "version")
}

fn version_field(graph: &Value) -> Option<&Item> {
    graph.as_group(Brackets::Round)?.items.iter().find(|item| is_version(item))
}

fn version_field_mut(graph: &mut Value) -> Option<&mut Item> {
    match &mut graph.kind {
        Kind::Group(group) => group.items.iter_mut().find(|item| is_version(item)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    /// A made-up step: `nodes` was called `boxes`.
    fn rename_boxes(graph: &mut Value) {
        let Kind::Group(group) = &mut graph.kind else { return };
        for item in &mut group.items {
            if let Some(Key::Name(name)) = &mut item.key
                && name.value == "boxes"
            {
                name.value = "nodes".to_owned();
            }
        }
    }

    fn open(text: &str) -> Document {
        let steps = [Migration { from: 1, apply: rename_boxes }, Migration { from: 2, apply: |_| {} }];
        Document::parse_with(Source::new("x.ron", text), 3, &steps)
    }

    #[test]
    fn an_old_graph_is_brought_up_to_date_and_keeps_its_comments() {
        let document = open("// mine\nGraph(version: 1, boxes: {\"a\": Load(x: 1)}) // end");
        assert_eq!(document.problems(), []);
        assert_eq!(document.graph().nodes[0].id.value, "a");
        let upgraded =
            "// mine\nGraph(\n    version: 3,\n    nodes: {\n        \"a\": Load(x: 1),\n    },\n)\n// end\n";
        assert_eq!(document.upgraded(), Some(upgraded));
        assert_eq!(open(upgraded).upgraded(), None);
    }

    #[test]
    fn places_after_a_migration_are_those_of_the_old_text() {
        let document = open("Graph(version: 1, boxes: {\"a\": 5})");
        assert_eq!(document.problems()[0].at.as_ref().map(|at| at.column), Some(32));
    }

    #[test]
    fn versions_that_cannot_be_read() {
        let message = |text: &str| {
            let problem = open(text).problems()[0].clone();
            format!("{}; {}", problem.message, problem.hint.unwrap_or_default())
        };
        assert_eq!(message("Graph()"), "the graph has no `version`; write Graph(version: 3, ...)");
        assert_eq!(message("Graph(version: 0)"), "there is no version 0; the first version is 1");
        assert_eq!(message("Graph(version: -1)"), "there is no version -1; the first version is 1");
        assert_eq!(message("Graph(version: \"1\")"), "the version is not an integer; this program writes version 3");
        assert_eq!(
            message("Graph(version: 4)"),
            "the graph has version 4, and this program knows versions up to 3; a newer program wrote it; update this one"
        );
        assert_eq!(message("[1]"), "a graph file is one `Graph(...)`; ");
    }
}
