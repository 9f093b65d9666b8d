//! Plugins that a graph needs.

use super::Scope;
use crate::document::Graph;
use crate::plugins::{KnownPlugin, Plugins, fits};
use crate::problem::{Code, Problem};
use crate::suggest;

/// What the graph says of the plugins that it needs.
pub(super) fn check(scope: &Scope, plugins: &Plugins, problems: &mut Vec<Problem>) {
    for (id, wanted) in &scope.graph.plugins {
        match plugins.get(&id.value) {
            None => problems.push(missing(&id.value, &wanted.value, plugins).at(scope.source, id.span)),
            Some(KnownPlugin { unusable: Some(unusable), .. }) => {
                let message =
                    format!("the graph needs the plugin `{}`, which cannot be used: {}", id.value, unusable.why);
                let problem = Problem::new(Code::MissingPlugin, message).hint(unusable.hint.clone());
                problems.push(problem.at(scope.source, id.span));
            }
            Some(known) if fits(&wanted.value, &known.version) == Some(false) => {
                let message = format!(
                    "the graph was written for version {} of plugin `{}`, and this is version {}: results may differ",
                    wanted.value, id.value, known.version
                );
                problems.push(Problem::new(Code::PluginVersion, message).at(scope.source, wanted.span));
            }
            Some(_) => {}
        }
    }
}

fn missing(id: &str, wanted: &str, plugins: &Plugins) -> Problem {
    let ids = plugins.known.iter().map(|plugin| &*plugin.id);
    let hint = suggest::did_you_mean(id, ids).unwrap_or_else(|| match plugins.looked.is_empty() {
        true => "no plugins are looked for here".to_owned(),
        false => "put its bundle, a folder `NAME.selfsame`, into one of these folders".to_owned(),
    });
    let message = format!("the graph needs the plugin `{id}` {wanted}, which is not there");
    let mut problem = Problem::new(Code::MissingPlugin, message).hint(hint);
    problem.looked.clone_from(&plugins.looked);
    problem
}

/// The problem of a node type that is not there because a plugin is missing, as far as that is known.
pub(super) fn of_missing_node(type_name: &str, graph: &Graph, plugins: &Plugins) -> Option<Problem> {
    if let Some((plugin, unusable)) = plugins.would_have(type_name) {
        let message = format!(
            "there is no node type `{type_name}`: plugin `{}` {} has it, but cannot be used: {}",
            plugin.id, plugin.version, unusable.why
        );
        return Some(Problem::new(Code::MissingPlugin, message).hint(unusable.hint.clone()));
    }
    let absent = |id: &str| plugins.get(id).is_none();
    let absent: Vec<&str> = graph.plugins.iter().map(|(id, _)| &*id.value).filter(|id| absent(id)).collect();
    let [first, ..] = absent[..] else { return None };
    let message = format!("there is no node type `{type_name}`");
    let hint = match absent.len() {
        1 => format!("it may be a node of the plugin `{first}`, which is not there"),
        _ => format!("it may be a node of one of the plugins {}, which are not there", absent.join(", ")),
    };
    Some(Problem::new(Code::UnknownNode, message).hint(hint))
}
