//! Where values end up: literals, and arguments through any depth of sub-graphs.

use super::{Scope, Settings, arriving};
use crate::assets::{Asset, AssetKey, AssetKind, AssetMissing, Resolved, names_in};
use crate::document::Argument;
use crate::problem::{Code, Problem, Related};
use crate::project::Project;
use crate::source::Span;
use crate::suggest;
use selfsame_sdk::{InputPort, Literal};
use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};

/// An input that an argument ends up in.
#[derive(Clone)]
struct Sink {
    port: InputPort,
    /// In words: ``input `steps` of node `sampler` ``.
    what: String,
    span: Span,
}

/// A place, as the index of a document and where it starts there.
type Place = (usize, usize);

/// An argument, as the index of its document and its name.
type ArgKey = (usize, String);

/// A literal on its way into an input.
pub(super) struct Given<'l> {
    pub literal: &'l Literal,
    /// Whose it is, in words.
    pub what: &'l str,
    pub document: usize,
    pub span: Span,
    /// The file that it stands in; none if it was set from outside.
    pub graph: Option<&'l str>,
}

/// Collects where each argument ends up, and what is missing on disk.
pub(super) struct Sinks<'a, 's> {
    project: &'a Project,
    settings: Settings<'s>,
    by_arg: BTreeMap<ArgKey, BTreeMap<Place, Sink>>,
    /// Arguments that are not set somewhere, so that their default counts.
    unset: BTreeSet<ArgKey>,
    /// Inputs that an optional argument is linked to: if it is not set, neither are they.
    behind_optional: BTreeMap<ArgKey, Vec<(usize, usize, InputPort)>>,
    /// Everything that was looked for, each once: what it came to, or that it is missing.
    assets: BTreeMap<AssetKey, Result<String, Problem>>,
}

impl<'a, 's> Sinks<'a, 's> {
    pub fn new(project: &'a Project, settings: Settings<'s>) -> Self {
        Sinks {
            project,
            settings,
            by_arg: BTreeMap::new(),
            unset: BTreeSet::new(),
            behind_optional: BTreeMap::new(),
            assets: BTreeMap::new(),
        }
    }

    /// Notes that an argument is linked to an input. `span` is where the input is set.
    pub fn argument(&mut self, scope: &Scope, name: &str, node: usize, port: &InputPort, what: &str, span: Span) {
        let mut sinks = BTreeMap::new();
        if let Some(used) = self.project.subgraph(scope.document, node)
            && let Some(inner) = self.by_arg.get(&(used, port.name.clone()))
        {
            sinks.extend(inner.iter().map(|(place, sink)| (*place, sink.clone())));
        }
        let sink = Sink { port: port.clone(), what: what.to_owned(), span };
        sinks.insert((scope.document, span.start), sink);
        self.by_arg.entry((scope.document, name.to_owned())).or_default().extend(sinks);
    }

    /// Notes that a node does not set an input, so that its default counts.
    pub fn unset(&mut self, document: usize, node: usize, port: &InputPort) {
        if let Some(used) = self.project.subgraph(document, node) {
            self.unset.insert((used, port.name.clone()));
        } else if let Some(default) = &port.default {
            let span = self.project.documents()[document].graph().nodes[node].kind_span;
            let given = Given { literal: default, what: "", document, span, graph: None };
            self.assets(&given, default, port);
        }
    }

    /// Notes that an input is not set if an optional argument is not.
    pub fn unset_with(&mut self, name: &str, document: usize, node: usize, port: &InputPort) {
        self.behind_optional.entry((document, name.to_owned())).or_default().push((document, node, port.clone()));
    }

    /// Checks a literal that an input is set to: the input itself, and if it is a sub-graph's, what lies behind.
    pub fn literal(&mut self, given: &Given, node: usize, port: &InputPort, problems: &mut Vec<Problem>) {
        match given.literal.for_type(&port.value_type()) {
            Err(mismatch) => {
                problems.push(self.place(given, Problem::of_literal(given.what, mismatch)));
            }
            // As it was written, so that a message says 9 and not 9.0.
            Ok(value) => match port.check_value(given.literal) {
                Err(wrong) => problems.push(self.place(given, Problem::of_value(given.what, wrong))),
                Ok(()) => {
                    self.assets(given, &value, port);
                    if let Some(used) = self.project.subgraph(given.document, node) {
                        self.behind(given, &value, (used, port.name.clone()), problems);
                    }
                }
            },
        }
    }

    /// Checks a value against every input that an argument ends up in.
    fn behind(&mut self, given: &Given, value: &Literal, arg: ArgKey, problems: &mut Vec<Problem>) {
        let Some(sinks) = self.by_arg.get(&arg) else { return };
        for ((document, _), sink) in sinks.clone() {
            let source = self.project.documents()[document].source();
            let what = format!("{}, which ends up in {},", given.what, sink.what);
            let problem = match arriving(value, &sink.port.value_type()) {
                Err(mismatch) => Problem::of_literal(&what, mismatch),
                Ok(value) => match sink.port.check_value(given.literal) {
                    Err(wrong) => Problem::of_value(&what, wrong),
                    Ok(()) => {
                        self.assets(given, &value, &sink.port);
                        continue;
                    }
                },
            };
            problems.push(self.place(given, problem).related(source, sink.span, "it ends up here"));
        }
    }

    /// After all documents: the values of arguments that no literal has replaced, and everything missing on disk. Gives
    /// what was found there.
    pub fn finish(mut self, problems: &mut Vec<Problem>) -> Resolved {
        for arg in self.project.root().graph().args.iter() {
            let set = self.settings.args.and_then(|values| values.get(&arg.name.value));
            match (set, &arg.port.default) {
                (None, None) if self.settings.args.is_some() && !arg.port.optional => {
                    problems.push(self.missing_argument(arg));
                }
                (None, None) => drop(self.unset.insert((0, arg.name.value.clone()))),
                (None, Some(default)) => self.argument_value(0, arg, default, false, problems),
                (Some(value), _) => self.argument_value(0, arg, value, true, problems),
            }
        }
        let mut done = BTreeSet::new();
        while let Some((document, name)) = self.unset.pop_first() {
            if !done.insert((document, name.clone())) {
                continue;
            }
            if let Some(arg) = self.project.documents()[document].graph().arg(&name)
                && let Some(default) = &arg.port.default
            {
                self.argument_value(document, arg, default, false, problems);
            }
            for (document, node, port) in self.behind_optional.remove(&(document, name)).unwrap_or_default() {
                self.unset(document, node, &port);
            }
        }
        let mut resolved = Resolved::new();
        for (key, found) in self.assets {
            match found {
                Ok(path) => drop(resolved.insert(key, path)),
                Err(missing) => problems.push(missing),
            }
        }
        resolved
    }

    fn argument_value(
        &mut self,
        document: usize,
        arg: &Argument,
        value: &Literal,
        is_set: bool,
        problems: &mut Vec<Problem>,
    ) {
        let what = match is_set {
            true => format!("the value {value} of argument `{}`", arg.name.value),
            false => format!("the default of argument `{}`", arg.name.value),
        };
        let file = self.project.documents()[document].source().name();
        let span = if is_set { arg.name.span } else { arg.default_span };
        let graph = (!is_set).then_some(file);
        let given = Given { literal: value, what: &what, document, span, graph };
        self.assets(&given, value, &arg.port);
        self.behind(&given, value, (document, arg.name.value.clone()), problems);
    }

    fn missing_argument(&self, arg: &Argument) -> Problem {
        let name = &arg.name.value;
        let hint = format!("set it with --set {name}=..., or give it a default");
        Problem::new(Code::MissingArgument, format!("argument `{name}` has no value"))
            .at(self.project.root().source(), arg.name.span)
            .hint(hint)
    }

    /// Looks for the files or models that a value names.
    fn assets(&mut self, given: &Given, value: &Literal, port: &InputPort) {
        let (Some(assets), Some(kind)) = (self.settings.assets, AssetKind::of(&port.widget)) else { return };
        if kind == AssetKind::Model("") {
            return; // A declaration without a folder, which has been reported.
        }
        let source = self.project.documents()[given.document].source();
        for name in names_in(value) {
            let asset = Asset { kind, name, graph: given.graph };
            match self.assets.entry(AssetKey::from(&asset)) {
                Entry::Vacant(entry) => {
                    let found = assets.find(&asset);
                    entry.insert(found.map_err(|missing| missing_asset(&asset, missing).at(source, given.span)));
                }
                Entry::Occupied(mut entry) => {
                    if let Err(known) = entry.get_mut() {
                        let at = source.locate(given.span);
                        // One literal may come here several times in a row, for each input that it ends up in.
                        let last = known.related.last().map(|related| &related.at).or(known.at.as_ref());
                        if last != Some(&at) {
                            known.related.push(Related { at, message: "named here too".to_owned() });
                        }
                    }
                }
            }
        }
    }

    fn place(&self, given: &Given, problem: Problem) -> Problem {
        problem.at(self.project.documents()[given.document].source(), given.span)
    }
}

fn missing_asset(asset: &Asset, missing: AssetMissing) -> Problem {
    let name = asset.name;
    let (code, message) = match asset.kind {
        AssetKind::File => (Code::MissingFile, format!("there is no file `{name}`")),
        AssetKind::Folder => (Code::MissingFile, format!("there is no folder `{name}`")),
        AssetKind::Model(folder) => {
            (Code::MissingModel, format!("there is no model `{name}` in the folders for {folder}"))
        }
    };
    let guess = || suggest::did_you_mean(name, missing.candidates.iter().map(String::as_str));
    let hint = missing.hint.clone().or_else(guess);
    let problem = Problem::new(code, message).hint(hint);
    Problem { looked: missing.looked, ..problem }
}
