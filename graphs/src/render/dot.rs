//! Graphviz's language.

use super::color::type_color;
use super::{Look, Picture, Shown};
use selfsame_sdk::Type;
use std::fmt::Write;

impl Picture {
    /// The graph in Graphviz's language, for programs that lay out graphs themselves.
    pub fn dot(&self) -> String {
        let mut out = String::from("digraph {\n    rankdir=LR;\n    node [shape=none, fontname=\"sans-serif\"];\n");
        for (index, node) in self.boxes.iter().enumerate() {
            let color = match node.look {
                Look::Unknown => "#c0392b",
                _ => "#888888",
            };
            let style = if node.bypassed { " style=\"dashed\"" } else { "" };
            let head = format!("<b>{}</b><br/>{}", escape(&node.id), escape(&node.type_name));
            let mut rows = format!("<tr><td colspan=\"2\">{head}</td></tr>");
            for i in 0..node.inputs.len().max(node.outputs.len()) {
                let input = node.inputs.get(i).map(|row| match &row.shown {
                    Shown::Wires => escape(&row.name),
                    Shown::Literal(text) => format!("{} = {}", escape(&row.name), escape(text)),
                    Shown::Arg(name) => format!("{} = ${}", escape(&row.name), escape(name)),
                });
                let output = node.outputs.get(i).map(|port| escape(&port.name));
                let cell = |side: &str, align: &str, text: Option<String>| match text {
                    Some(text) => format!("<td port=\"{side}{i}\" align=\"{align}\">{text}</td>"),
                    None => "<td></td>".to_owned(),
                };
                let _ = write!(rows, "<tr>{}{}</tr>", cell("i", "left", input), cell("o", "right", output));
            }
            let table = format!("<table border=\"1\" cellborder=\"0\" color=\"{color}\"{style}>{rows}</table>");
            let _ = writeln!(out, "    n{index} [label=<{table}>];");
        }
        for wire in &self.wires {
            let ((from, output), (to, input)) = (wire.from, wire.to);
            let width = if matches!(wire.ty, Type::List(_)) { 3 } else { 1 };
            let style = if wire.lazy { "dashed" } else { "solid" };
            let color = type_color(&wire.ty);
            let _ = writeln!(
                out,
                "    n{from}:o{output}:e -> n{to}:i{input}:w [color=\"{color}\", penwidth={width}, style={style}, \
                 tooltip=\"{}\"];",
                wire.ty
            );
        }
        out.push_str("}\n");
        out
    }
}

/// For HTML-like labels.
fn escape(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    printable.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
