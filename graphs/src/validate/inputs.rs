//! What the inputs of nodes are set to.

use super::Scope;
use super::sinks::{Given, Sinks};
use crate::document::{Link, NodeInput, Value};
use crate::problem::{Code, Problem};
use crate::source::Span;
use crate::suggest;
use selfsame_sdk::{InputPort, Literal, NodeDescriptor, Type};
use std::collections::BTreeMap;

pub(super) fn check<'a>(scope: &Scope<'a>, sinks: &mut Sinks<'a, '_>, problems: &mut Vec<Problem>) {
    for index in 0..scope.graph.nodes.len() {
        let mut inputs = Inputs { scope, node: index, sinks, problems };
        match &scope.descriptors[index] {
            Some(descriptor) => inputs.check(descriptor),
            None => inputs.check_names_only(),
        }
    }
}

struct Inputs<'c, 'a, 's> {
    scope: &'c Scope<'a>,
    node: usize,
    sinks: &'c mut Sinks<'a, 's>,
    problems: &'c mut Vec<Problem>,
}

impl<'a> Inputs<'_, 'a, '_> {
    fn id(&self) -> &'a str {
        &self.scope.graph.nodes[self.node].id.value
    }

    fn type_name(&self) -> &'a str {
        self.scope.graph.nodes[self.node].type_name()
    }

    fn add(&mut self, span: Span, problem: Problem) {
        let node = problem.node.is_none().then(|| self.id().to_owned()).or(problem.node.clone());
        self.problems.push(Problem { node, ..problem }.at(self.scope.source, span));
    }

    fn check(&mut self, descriptor: &NodeDescriptor) {
        let node = &self.scope.graph.nodes[self.node];
        let bypassed = self.scope.bypassed.contains(&self.node);
        let mut given: BTreeMap<&str, &NodeInput> = BTreeMap::new();
        for input in &node.inputs {
            let Some(port) = descriptor.input_named(&input.name.value) else {
                self.unknown_input(input, descriptor);
                self.names_in(&input.value, input.span, &input.name.value);
                continue;
            };
            if port.name != input.name.value {
                self.renamed_input(input, port);
            }
            if let Some(first) = given.insert(&port.name, input) {
                let message = format!("node `{}` sets `{}` twice, once by its former name", self.id(), port.name);
                let problem = Problem::new(Code::DuplicateField, message).port(&*port.name);
                self.add(input.name.span, problem.related(self.scope.source, first.name.span, "first set here"));
            }
            if bypassed {
                self.names_in(&input.value, input.span, &input.name.value);
            } else {
                self.value(port, &input.value, input.span);
            }
        }
        if bypassed {
            return;
        }
        // An input that was only misspelled, or a node whose inputs have no names at all, is no further problem.
        let mut misspelled: Vec<&str> = Vec::new();
        for input in &node.inputs {
            if descriptor.input_named(&input.name.value).is_none() {
                misspelled.extend(suggest::nearest(&input.name.value, descriptor.inputs.iter().map(|p| &*p.name)));
            }
        }
        for port in descriptor.inputs.iter().filter(|port| !given.contains_key(&*port.name)) {
            if port.is_required() && !node.has_unnamed_inputs && !misspelled.contains(&&*port.name) {
                self.missing_input(port);
            }
            self.sinks.unset(self.scope.document, self.node, port);
        }
    }

    /// For a node of unknown type: what its links and arguments name must exist all the same.
    fn check_names_only(&mut self) {
        for input in &self.scope.graph.nodes[self.node].inputs {
            self.names_in(&input.value, input.span, &input.name.value);
        }
    }

    fn names_in(&mut self, value: &Value, span: Span, port: &str) {
        match value {
            Value::Link(link) => self.link_names(link, port),
            Value::Arg(name) => self.arg_name(name, span, port),
            Value::List(items) => items.iter().for_each(|item| self.names_in(&item.value, item.span, port)),
            Value::Literal(_) | Value::Unreadable => {}
        }
    }

    fn value(&mut self, port: &InputPort, value: &'a Value, span: Span) {
        let what = format!("input `{}` of node `{}`", port.name, self.id());
        match value {
            Value::Unreadable => {}
            Value::Link(link) => {
                self.link_names(link, &port.name);
                let from = format!("`{}.{}`", link.node.value, link.output.value);
                self.source_fits(port, value, &from, &what, span);
            }
            Value::Arg(name) => {
                self.arg_name(name, span, &port.name);
                self.source_fits(port, value, &format!("argument `{name}`"), &what, span);
            }
            Value::Literal(literal) => {
                let file = self.scope.source.name();
                let given = Given { literal, what: &what, document: self.scope.document, span, graph: Some(file) };
                let before = self.problems.len();
                self.sinks.literal(&given, self.node, port, self.problems);
                for problem in &mut self.problems[before..] {
                    problem.node = Some(self.scope.graph.nodes[self.node].id.value.clone());
                    problem.port = Some(port.name.clone());
                }
            }
            Value::List(items) => match element_of(port) {
                Some(element) => items.iter().for_each(|item| self.value(&element, &item.value, item.span)),
                None => {
                    let (wanted, count) =
                        (port.value_type(), Literal::List(vec![false.into(); items.len()]).in_words());
                    let message = format!("{what} takes {wanted}, not {count}");
                    let problem = Problem::new(Code::WrongLiteral, message).port(&*port.name);
                    self.add(span, problem.expected(wanted.to_string()).got(count));
                    self.names_in(value, span, &port.name);
                }
            },
        }
    }

    /// Checks what a link or an argument gives. A link comes to an argument if bypassed nodes hand one on.
    fn source_fits(&mut self, port: &InputPort, value: &'a Value, from: &str, what: &str, span: Span) {
        let fits = self.type_fits(port, value, from, span);
        let Some(arg) = self.scope.argument(value).and_then(|name| self.scope.args.get(name)) else { return };
        let name = &arg.name.value;
        if fits {
            self.sinks.argument(self.scope, name, self.node, port, what, span);
        }
        if arg.port.optional {
            self.sinks.unset_with(name, self.scope.document, self.node, port);
        }
        if arg.port.optional && port.is_required() {
            let message = format!("{what} must be set, and argument `{name}` is optional");
            let problem = Problem::new(Code::MissingInput, message).port(&*port.name);
            self.add(span, problem.hint("give the argument a default, or make it required".to_owned()));
        }
    }

    /// Whether what a link or an argument gives fits an input.
    fn type_fits(&mut self, port: &InputPort, value: &Value, from: &str, span: Span) -> bool {
        let Some(offered) = self.scope.offered(value) else { return false };
        let wanted = port.value_type();
        let mapped = self.scope.is_mapped(port, value);
        if wanted.accepts(&offered) || (mapped && !self.scope.is_subgraph(self.node)) {
            return true;
        }
        let message =
            format!("input `{}` of node `{}` takes {wanted}, but {from} gives {offered}", port.name, self.id());
        let hint = if mapped {
            Some("a sub-graph does not run once for each element of a list, only single nodes do".to_owned())
        } else {
            self.other_output(port, value)
        };
        let problem = Problem::new(Code::TypeMismatch, message).port(&*port.name).hint(hint);
        self.add(span, problem.expected(wanted.to_string()).got(offered.to_string()));
        false
    }

    /// An output of the same node that would fit.
    fn other_output(&self, port: &InputPort, value: &Value) -> Option<String> {
        let Value::Link(link) = value else { return None };
        let node = *self.scope.ids.get(&*link.node.value)?;
        let outputs = &self.scope.descriptors[node].as_ref()?.outputs;
        let fits = |name: &str| {
            let ty = self.scope.type_of(&Link::new(&*link.node.value, name));
            ty != Type::Any && port.value_type().accepts(&ty)
        };
        let output = outputs.iter().find(|output| fits(&output.name))?;
        Some(format!("did you mean Out(\"{}.{}\")?", link.node.value, output.name))
    }

    fn link_names(&mut self, link: &Link, port: &str) {
        let problem = link_problem(self.scope, link);
        if let Some((span, problem)) = problem {
            self.add(span, problem.port(port));
        } else if let Some(present) = former_output(self.scope, link) {
            let message =
                format!("output `{}` of node `{}` is now called `{present}`", link.output.value, link.node.value);
            self.add(link.output.span, Problem::new(Code::Renamed, message).port(port));
        }
    }

    fn arg_name(&mut self, name: &str, span: Span, port: &str) {
        if !self.scope.args.contains_key(name) {
            let message = format!("the graph has no argument `{name}`");
            let names = self.scope.graph.args.iter().map(|arg| &*arg.name.value);
            let problem = Problem::new(Code::UnknownArgument, message).hint(suggest::hint(name, "argument", names));
            self.add(span, problem.port(port));
        }
    }

    fn unknown_input(&mut self, input: &NodeInput, descriptor: &NodeDescriptor) {
        let name = &input.name.value;
        let message = format!("node `{}` ({}) has no input `{name}`", self.id(), self.type_name());
        let names = descriptor.inputs.iter().map(|port| &*port.name);
        let problem = Problem::new(Code::UnknownInput, message).port(&**name);
        self.add(input.name.span, problem.hint(suggest::hint(name, "input", names)));
    }

    fn renamed_input(&mut self, input: &NodeInput, port: &InputPort) {
        let message = format!("input `{}` of {} is now called `{}`", input.name.value, self.type_name(), port.name);
        self.add(input.name.span, Problem::new(Code::Renamed, message).port(&*port.name));
    }

    fn missing_input(&mut self, port: &InputPort) {
        let span = self.scope.graph.nodes[self.node].kind_span;
        let message = format!("node `{}` ({}) needs its input `{}`", self.id(), self.type_name(), port.name);
        let problem = Problem::new(Code::MissingInput, message).port(&*port.name);
        self.add(span, problem.expected(port.value_type().to_string()));
    }
}

/// What an element of a list given to this input must be; none if it takes no list.
fn element_of(port: &InputPort) -> Option<InputPort> {
    let ty = match (port.list, &port.ty) {
        (true, ty) => ty.clone(),
        (false, Type::Any) => Type::Any,
        (false, ty) => ty.members().iter().find_map(Type::element)?.clone(),
    };
    Some(InputPort { list: false, ty, ..port.clone() })
}

/// Why a link leads nowhere.
pub(super) fn link_problem(scope: &Scope, link: &Link) -> Option<(Span, Problem)> {
    let (id, output) = (&*link.node.value, &*link.output.value);
    let Some(&node) = scope.ids.get(id) else {
        let ids = scope.graph.nodes.iter().map(|node| &*node.id.value);
        let hint = match scope.args.contains_key(id) {
            true => Some(format!("`{id}` is an argument: write Arg(\"{id}\")")),
            false => suggest::hint(id, "node", ids),
        };
        let problem = Problem::new(Code::UnknownLink, format!("there is no node `{id}`")).hint(hint);
        return Some((link.node.span, problem));
    };
    let descriptor = scope.descriptors[node].as_ref()?;
    if descriptor.output_named(output).is_some() {
        return None;
    }
    let message = format!("node `{id}` ({}) has no output `{output}`", scope.graph.nodes[node].type_name());
    let names = descriptor.outputs.iter().map(|port| &*port.name);
    let problem = Problem::new(Code::UnknownOutput, message).hint(suggest::hint(output, "output", names));
    Some((link.output.span, problem))
}

/// The present name of an output that is linked by a former one.
fn former_output<'s>(scope: &'s Scope, link: &Link) -> Option<&'s str> {
    let descriptor = scope.descriptors[*scope.ids.get(&*link.node.value)?].as_ref()?;
    let output = descriptor.output_named(&link.output.value)?;
    (output.name != link.output.value).then_some(&*output.name)
}
