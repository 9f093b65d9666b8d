//! `selfsame nodes`.

use crate::Scratch;
use selfsame_sdk::NodeDescriptor;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

#[test]
fn the_list_has_every_node_once() {
    let scratch = Scratch::new();
    let list = scratch.run(&["nodes"]).expect(0).stdout;
    for node in selfsame_nodes::all() {
        let name = &node.descriptor().name;
        let lines = list.lines().filter(|line| line.starts_with("  ") && line.split_whitespace().next() == Some(name));
        assert_eq!(lines.count(), 1, "{name}");
    }
}

#[test]
fn the_json_is_that_of_the_descriptors() {
    let scratch = Scratch::new();
    let all: Vec<NodeDescriptor> = serde_json::from_str(&scratch.run(&["nodes", "--json"]).expect(0).stdout).unwrap();
    assert_eq!(all.len(), selfsame_nodes::all().len());
    let one: Vec<NodeDescriptor> =
        serde_json::from_str(&scratch.run(&["nodes", "BlurImage", "--json"]).expect(0).stdout).unwrap();
    assert_eq!((one.len(), one[0].name.as_str()), (1, "BlurImage"));
}

#[test]
fn one_node_with_all_that_is_known_of_it() {
    let scratch = Scratch::new();
    let text = scratch.run(&["nodes", "BlurImage"]).expect(0).stdout;
    for part in ["core.image.blur", "image: IMAGE, required", "default 3.0, between 0 and 200", "in px", "Outputs"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(scratch.run(&["nodes", "core.image.blur"]).expect(0).stdout, text);
    let markdown = scratch.run(&["nodes", "BlurImage", "--markdown"]).expect(0).stdout;
    assert!(
        markdown.contains("\n### BlurImage\n") && markdown.contains("| `sigma` | FLOAT, default 3.0"),
        "{markdown}"
    );
}

#[test]
fn what_is_not_there() {
    let scratch = Scratch::new();
    let done = scratch.run(&["nodes", "BlurImagge"]).expect(2);
    assert_eq!(done.stderr, "error: there is no node type `BlurImagge`\n  = hint: did you mean `BlurImage`?\n");
    assert!(scratch.run(&["nodes", "--search", "gaussian"]).expect(0).stdout.contains("BlurImage"));
    scratch.run(&["nodes", "--search", "xyzzy"]).expect(1);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let scratch = Scratch::new();
    let mut command = scratch.command(&["nodes", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    // More is written than fits into a pipe, so the program is still writing when its reader goes.
    BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(first, "[\n");
    let done = scratch.done(child.wait_with_output().unwrap()).expect(0);
    assert_eq!(done.stderr, "");
}

/// The example that is shown for a node is a node that a graph can hold, with inputs that it has.
#[test]
fn every_example_is_a_graph() {
    let scratch = Scratch::new();
    let markdown = scratch.run(&["nodes", "--markdown"]).expect(0).stdout;
    let examples: Vec<&str> = markdown.split("```ron\n").skip(1).filter_map(|part| part.lines().next()).collect();
    assert_eq!(examples.len(), selfsame_nodes::all().len());
    let host = selfsame_host::Nodes::built_in();
    for example in examples {
        let text = format!("Graph(version: 1, nodes: {{ {example} }}, outputs: {{}})");
        let document = selfsame_graphs::Document::parse("example.ron", text);
        assert_eq!(document.problems(), [], "{example}");
        let project = selfsame_graphs::Project::around(&selfsame_graphs::Disk, document);
        let report = selfsame_graphs::validate(&project, &host, Default::default()).err().unwrap_or_default();
        // Nothing in the graph uses it, and what it links is not there.
        let known = ["no-output", "unused-node", "unknown-link"];
        let other = report.problems.iter().filter(|problem| !known.contains(&problem.code.name()));
        assert_eq!(other.map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new(), "{example}");
    }
}
