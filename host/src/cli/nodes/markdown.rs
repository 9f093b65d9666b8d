//! Node types as a document in Markdown.

use super::text::{example, input_facts, remarks};
use selfsame_sdk::NodeDescriptor;

/// A chapter for each category, a section for each node type.
pub fn document(nodes: &[&NodeDescriptor]) -> String {
    let mut text = "# Nodes\n".to_owned();
    for group in nodes.chunk_by(|a, b| a.category == b.category) {
        text += &format!("\n## {}\n", group[0].category);
        group.iter().for_each(|node| text += &section(node));
    }
    text
}

fn section(node: &NodeDescriptor) -> String {
    let mut text = format!("\n### {}\n\n`{}`, version {}\n", node.name, node.id, node.version);
    for remark in remarks(node) {
        text += &format!("\n*{remark}*\n");
    }
    text += &format!("\n{}\n", node.doc.trim());
    if !node.inputs.is_empty() {
        text += "\n| input | | |\n|---|---|---|\n";
        for port in &node.inputs {
            text += &format!("| `{}` | {} | {} |\n", port.name, cell(&input_facts(port)), cell(&port.doc));
        }
    }
    if !node.outputs.is_empty() {
        text += "\n| output | | |\n|---|---|---|\n";
        for port in &node.outputs {
            text += &format!("| `{}` | {} | {} |\n", port.name, cell(&port.ty.to_string()), cell(&port.doc));
        }
    }
    text + &format!("\n```ron\n{}\n```\n", example(node))
}

/// Text inside a table: one line, and no bar that would end the cell.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
