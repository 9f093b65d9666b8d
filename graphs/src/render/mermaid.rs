//! Mermaid, which GitHub and many editors draw.

use super::{Look, Picture};
use std::fmt::Write;

impl Picture {
    /// The graph as a Mermaid flowchart.
    pub fn mermaid(&self) -> String {
        let mut out = String::from("flowchart LR\n");
        for (index, node) in self.boxes.iter().enumerate() {
            let label = format!("\"<b>{}</b><br/>{}\"", escape(&node.id), escape(&node.type_name));
            let (open, close) = match node.look {
                Look::Node | Look::Unknown => ("[", "]"),
                Look::Subgraph => ("[[", "]]"),
                Look::GraphOutput => ("([", "])"),
            };
            let class = match (node.look, node.bypassed) {
                (Look::Unknown, _) => ":::unknown",
                (_, true) => ":::bypassed",
                _ => "",
            };
            let _ = writeln!(out, "    n{index}{open}{label}{close}{class}");
        }
        for wire in &self.wires {
            let output = &self.boxes[wire.from.0].outputs[wire.from.1].name;
            let input = &self.boxes[wire.to.0].inputs[wire.to.1].name;
            let label =
                if output == input { escape(output) } else { format!("{} → {}", escape(output), escape(input)) };
            let arrow = if wire.lazy { "-.->" } else { "-->" };
            let _ = writeln!(out, "    n{} {arrow}|\"{label}\"| n{}", wire.from.0, wire.to.0);
        }
        if self.boxes.iter().any(|node| node.look == Look::Unknown) {
            out.push_str("    classDef unknown stroke:#c0392b,stroke-dasharray:4\n");
        }
        if self.boxes.iter().any(|node| node.bypassed) {
            out.push_str("    classDef bypassed opacity:0.5,stroke-dasharray:4\n");
        }
        out
    }
}

/// Mermaid takes HTML's names for characters that mean something to it.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' => out.push_str("#quot;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '#' => out.push_str("#35;"),
            '`' => out.push_str("#96;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
