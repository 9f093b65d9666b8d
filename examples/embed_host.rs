//! The host inside another program: two nodes of its own, a graph, two runs.
//!
//! `cargo run --release -p selfsame --example embed_host`

use selfsame_graphs::{ArgValues, Disk, Document, Project, Targets};
use selfsame_host::{Event, Host, HostSettings, Nodes, Observer, RunOptions};
use selfsame_sdk::prelude::*;

/// Repeats a text.
#[node(id = "example.repeat", category = "text")]
#[output(text = "the long text")]
fn repeat(
    /// What is repeated.
    text: String,
    /// How often.
    #[param(default = 2, hard = 0..=100)]
    times: usize,
) -> Result<String> {
    Ok(text.repeat(times))
}

const GRAPH: &str = r#"Graph(
    version: 1,
    args: { "word": Text(default: "hip ") },
    nodes: {
        "hips":  Repeat(text: Arg("word")),
        "cheer": Repeat(text: Out("hips.text"), times: 3),
    },
    outputs: { "cheer": Out("cheer.text") },
)"#;

struct Print;

impl Observer for Print {
    fn event(&self, event: &Event) {
        println!("  {event:?}");
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut nodes = Nodes::built_in();
    nodes.extend(nodes![repeat])?;
    let host = Host::new(HostSettings { nodes, ..HostSettings::default() })?;
    let project = Project::around(&Disk, Document::parse("cheers.ron", GRAPH));
    for word in ["word=hip ", "word=hurray ", "word=hip "] {
        let args = ArgValues::parse(project.root(), [word])?;
        let prepared = host.load(&project, &args, Targets::All)?;
        let outcome = host.run(&prepared, &RunOptions::default(), &Print);
        println!("{:?}", outcome.output("cheer"));
    }
    Ok(())
}
