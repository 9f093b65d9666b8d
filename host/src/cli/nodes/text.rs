//! Node types as text for a terminal.

use super::first_sentence;
use crate::cli::output::columns;
use selfsame_sdk::{InputPort, Literal, NodeDescriptor, Type, Widget, is_port_name};

/// Names and first sentences, by category.
pub fn list(nodes: &[&NodeDescriptor]) -> String {
    let mut text = String::new();
    for group in nodes.chunk_by(|a, b| a.category == b.category) {
        let row = |node: &&NodeDescriptor| [format!("  {}", node.name), first_sentence(&node.doc)];
        text += &format!("{}\n{}\n", group[0].category, columns(&group.iter().map(row).collect::<Vec<_>>()));
    }
    text.trim_end().to_owned()
}

/// Everything about a node type.
pub fn everything(node: &NodeDescriptor) -> String {
    let mut text =
        format!("{}, {}\n{}, version {}, in {}\n", node.name, node.title, node.id, node.version, node.category);
    for (what, names) in [("formerly", &node.aliases), ("found by", &node.search_terms)] {
        if !names.is_empty() {
            text += &format!("{what} {}\n", names.join(", "));
        }
    }
    for remark in remarks(node) {
        text += &format!("{remark}\n");
    }
    text += &format!("\n{}\n", node.doc.trim());
    let ports = [
        ("Inputs", node.inputs.iter().map(|port| (&*port.name, input_facts(port), &*port.doc)).collect()),
        ("Outputs", node.outputs.iter().map(|port| (&*port.name, port.ty.to_string(), &*port.doc)).collect::<Vec<_>>()),
    ];
    for (title, ports) in ports.into_iter().filter(|(_, ports)| !ports.is_empty()) {
        text += &format!("\n{title}\n");
        for (name, facts, doc) in ports {
            text += &format!("  {name}: {facts}\n");
            for line in doc.lines() {
                text += format!("      {line}").trim_end();
                text.push('\n');
            }
        }
    }
    text + &format!("\nExample\n  {}\n", example(node))
}

/// What a person should know besides inputs and outputs.
pub fn remarks(node: &NodeDescriptor) -> Vec<String> {
    let deprecated = node.deprecated.as_ref().map(|instead| format!("deprecated: {instead}"));
    let effect = node.output_node.then(|| "runs for its effect, also if nothing is linked to it".to_owned());
    let chance = (!node.deterministic).then(|| "runs every time: the same inputs may give something else".to_owned());
    deprecated.into_iter().chain(effect).chain(chance).collect()
}

/// Type, default, range, unit and choices of an input, on one line.
pub fn input_facts(port: &InputPort) -> String {
    let mut facts = vec![port.value_type().to_string()];
    match &port.default {
        Some(default) => facts.push(format!("default {default}")),
        None if port.optional => facts.push("optional".to_owned()),
        None => facts.push("required".to_owned()),
    }
    let is_seed = port.widget == Widget::Seed;
    let range = |what: &str, range: &selfsame_sdk::Range| range.is_bounded().then(|| format!("{what}{range}"));
    facts.extend(range("", &port.hard).filter(|_| !is_seed));
    facts.extend(range("usually ", &port.soft).filter(|_| !is_seed && port.soft != port.hard));
    facts.extend(port.step.map(|step| format!("in steps of {step}")));
    facts.extend(port.unit.as_ref().map(|unit| format!("in {unit}")));
    facts.extend((!port.choices.is_empty()).then(|| format!("one of {}", port.choices.join(", "))));
    facts.extend(meaning(&port.widget));
    facts.extend(port.lazy.then(|| "computed only if needed".to_owned()));
    facts.extend((!port.aliases.is_empty()).then(|| format!("formerly {}", port.aliases.join(", "))));
    facts.join(", ")
}

/// What a text or number means, where the type does not say it.
fn meaning(widget: &Widget) -> Option<String> {
    match widget {
        Widget::Seed => Some("a seed of 64 bits".to_owned()),
        Widget::Color => Some("a colour #rrggbb or #rrggbbaa".to_owned()),
        Widget::File { extensions } if extensions.is_empty() => Some("the path of a file".to_owned()),
        Widget::File { extensions } => Some(format!("the path of a file ({})", extensions.join(", "))),
        Widget::Folder => Some("the path of a folder".to_owned()),
        Widget::Model { folder } => Some(format!("the name of a model in {folder}")),
        _ => None,
    }
}

/// How a graph may write the node: what is required, and one input that has a default.
pub fn example(node: &NodeDescriptor) -> String {
    let mut shown: Vec<&InputPort> = node.inputs.iter().filter(|port| port.is_required()).collect();
    shown.extend(node.inputs.iter().find(|port| port.default.is_some()));
    let inputs: Vec<String> = shown.iter().map(|port| format!("{}: {}", port.name, sample(port))).collect();
    let name = if is_port_name(&node.name) { node.name.clone() } else { format!("r#{}", node.name) };
    format!("\"my node\": {name}({}),", inputs.join(", "))
}

/// A value that an input takes.
fn sample(port: &InputPort) -> String {
    if let Some(default) = &port.default {
        return default.to_string();
    }
    let text = |text: &str| Literal::from(text).to_string();
    let scalar = match &port.widget {
        Widget::Color => text("#ff8800"),
        Widget::File { extensions } => text(&format!("file.{}", extensions.first().map_or("txt", String::as_str))),
        Widget::Folder => text("folder"),
        Widget::Model { .. } => text("model.safetensors"),
        _ => match port.ty.members() {
            _ if !port.choices.is_empty() => text(&port.choices[0]),
            types if types.contains(&Type::INT) => number(port),
            types if types.contains(&Type::FLOAT) => number(port),
            types if types.contains(&Type::BOOL) => "true".to_owned(),
            types if types.contains(&Type::STRING) => text("text"),
            _ => format!("Out(\"other.{}\")", port.name),
        },
    };
    if port.list { format!("[{scalar}]") } else { scalar }
}

/// 1, or the bound next to it.
fn number(port: &InputPort) -> String {
    let at_least = 1.0_f64.max(port.hard.min.unwrap_or(1.0));
    at_least.min(port.hard.max.unwrap_or(at_least)).to_string()
}
