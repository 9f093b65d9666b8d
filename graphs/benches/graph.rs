//! From text to plan: long chains and a wide tree. `cargo bench -p selfsame-graphs`.

use criterion::{Criterion, criterion_group, criterion_main};
use selfsame_graphs::{Catalogue, Disk, Document, Plan, Project, Settings, Targets, format, validate};
use selfsame_sdk::{InputPort, NodeDescriptor, OutputPort, Type};
use std::fmt::Write;
use std::hint::black_box;

fn catalogue() -> Catalogue {
    let int = |name: &str| InputPort::new(name, Type::INT).doc("a number");
    let add = NodeDescriptor::new("bench.add", "Add")
        .input(int("a").default(0))
        .input(int("b").default(1).hard(-1000..=1000))
        .output(OutputPort::new("sum", Type::INT).doc("a + b"));
    Catalogue::new([add]).expect("one name")
}

/// Each node adds to the one before.
fn chain(nodes: usize) -> String {
    let mut text = String::from("Graph(\n    version: 1,\n    nodes: {\n        \"n0\": Add(a: 1, b: 2),\n");
    for i in 1..nodes {
        let _ = writeln!(text, "        \"n{i}\": Add(a: Out(\"n{}.sum\"), b: {}),", i - 1, i % 1000);
    }
    let _ = write!(text, "    }},\n    outputs: {{\n        \"sum\": Out(\"n{}.sum\"),\n    }},\n)\n", nodes - 1);
    text
}

/// A binary tree: node `i` adds its children `2 i` and `2 i + 1`; the last `leaves` nodes are leaves.
fn tree(leaves: usize) -> String {
    let mut text = String::from("Graph(\n    version: 1,\n    nodes: {\n");
    for i in 1..2 * leaves {
        let _ = match i < leaves {
            true => {
                writeln!(text, "        \"n{i}\": Add(a: Out(\"n{}.sum\"), b: Out(\"n{}.sum\")),", 2 * i, 2 * i + 1)
            }
            false => writeln!(text, "        \"n{i}\": Add(a: {}),", i % 1000),
        };
    }
    text.push_str("    },\n    outputs: {\n        \"sum\": Out(\"n1.sum\"),\n    },\n)\n");
    text
}

fn graphs(criterion: &mut Criterion) {
    let catalogue = catalogue();
    let texts = [("chain-1000", chain(1000)), ("chain-5000", chain(5000)), ("tree-1000-leaves", tree(1000))];
    let parsed = |text: &str| Project::around(&Disk, Document::parse("bench.ron", text));
    for (name, text) in &texts {
        let project = parsed(text);
        let valid = validate(&project, &catalogue, Settings::default()).expect("the graphs are sound");
        let mut bench = |step: &str, run: &mut dyn FnMut()| {
            criterion.bench_function(&format!("{step}/{name}"), |bencher| bencher.iter(&mut *run));
        };
        bench("parse", &mut || drop(black_box(parsed(text))));
        bench("validate", &mut || {
            let valid = validate(&project, &catalogue, Settings::default());
            black_box(valid.expect("the graphs are sound"));
        });
        bench("plan", &mut || drop(black_box(Plan::new(&valid, Targets::All))));
        bench("parse+validate+plan", &mut || {
            let project = parsed(text);
            let valid = validate(&project, &catalogue, Settings::default()).expect("the graphs are sound");
            black_box(Plan::new(&valid, Targets::All).expect("all targets are there"));
        });
        bench("format", &mut || drop(black_box(format("bench.ron", text))));
    }
}

criterion_group!(benches, graphs);
criterion_main!(benches);
