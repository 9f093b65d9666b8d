//! What a call of a plugin costs beside the work of its node.
//!
//! `cargo bench -p selfsame --bench plugin_calls`, and a name such as `image` for a part of it. Each node is called as a part of the
//! program (`static`), as that of a dynamic library in Rust (`rust`), and, where there is one, of one in C (`c`).
//!
//! | name | what is measured |
//! |---|---|
//! | `add` | two numbers in, one out |
//! | `image_through` | a picture of 1000 x 1000 x 3 f32, 12 MB, goes in and comes out as it is |
//! | `image_new` | the same picture goes in, a copy comes out |
//! | `chain` | a graph of 1000 additions, one after the other, run for the first time |

use criterion::{BatchSize, Criterion};
use selfsame_graphs::{ArgValues, Disk, Document, Project, Targets};
use selfsame_host::plugin::Plugin;
use selfsame_host::{Host, HostSettings, Nodes, RunOptions, RunResult};
use selfsame_sdk::testing::TestHost;
use selfsame_sdk::{Image, Inputs, NodeType, Slot, Value, nodes};
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fmt::Write;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

// The same source as in the library, compiled in.
#[path = "../../plugins/fixtures/src/plain.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod plain;

/// The library of a package, which cargo has built beside this program.
fn library(package: &str) -> PathBuf {
    let folder = std::env::current_exe().expect("this program is somewhere");
    folder.with_file_name(format!("{DLL_PREFIX}{package}{DLL_SUFFIX}"))
}

fn plugin(library: &Path) -> Arc<Plugin> {
    Plugin::load(library).unwrap_or_else(|error| panic!("{}: {error}", library.display()))
}

/// The addition in C; none where there is no compiler.
fn add_in_c() -> Option<Arc<Plugin>> {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
    let built = std::env::temp_dir().join(format!("selfsame-bench-add-{}{DLL_SUFFIX}", std::process::id()));
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-fvisibility=hidden", "-O2", "-o"]).arg(&built);
    command.arg("-I").arg(plugins.join("abi/include")).arg(plugins.join("fixtures/c/add.c"));
    let is_built = command.status().is_ok_and(|status| status.success());
    let plugin = is_built.then(|| plugin(&built));
    // It is loaded, and needed no more.
    let _ = std::fs::remove_file(built);
    plugin
}

fn find(nodes: &[Arc<dyn NodeType>], name: &str) -> Arc<dyn NodeType> {
    nodes.iter().find(|node| node.descriptor().name == name).cloned().unwrap_or_else(|| panic!("there is no {name}"))
}

/// Calls a node again and again.
fn call(criterion: &mut Criterion, name: &str, node: &dyn NodeType, values: &[Value]) {
    let (host, mut instance) = (TestHost::new(), node.create());
    let slots: Vec<Slot> = values.iter().cloned().map(Slot::Value).collect();
    let inputs = Inputs::new(&node.descriptor().inputs, &slots).expect("as many values as inputs");
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| black_box(instance.run(host.ctx(), &inputs)).expect("it cannot fail"));
    });
}

/// A graph of additions, one after the other.
fn chain(node: &str, length: usize) -> String {
    let mut text = format!("\"0\": {node}(a: 0.5, b: 0.25),");
    for i in 1..length {
        write!(text, "\"{i}\": {node}(a: Out(\"{}.sum\"), b: {:?}),", i - 1, i as f64 / 8192.0).expect("a text");
    }
    format!("Graph(version: 1, nodes: {{{text}}}, outputs: {{\"y\": Out(\"{}.sum\")}})", length - 1)
}

fn run_chain(criterion: &mut Criterion, name: &str, node: &str, add: impl Fn(&mut Nodes)) {
    let host = || {
        let mut nodes = Nodes::none();
        add(&mut nodes);
        let settings = HostSettings { nodes, device: "cpu".to_owned(), ..HostSettings::default() };
        Host::new(settings).expect("there is a CPU")
    };
    let project = Project::around(&Disk, Document::parse("chain.ron", chain(node, 1000)));
    let prepared = host().load(&project, &ArgValues::default(), Targets::All).unwrap_or_else(|error| panic!("{error}"));
    let run = |host: Host| {
        let outcome = host.run(&prepared, &RunOptions::default(), &());
        assert_eq!(outcome.result, RunResult::Ok);
        (host, outcome)
    };
    criterion.bench_function(name, |bencher| bencher.iter_batched(host, run, BatchSize::LargeInput));
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let (fixtures, samples) = (plugin(&library("selfsame_fixtures")), plugin(&library("selfsame_samples")));
    let in_c = add_in_c();
    let (built_in, built_in_samples) = (nodes![plain::plain_add, plain::plain_copy], selfsame_samples::all());

    let numbers = [Value::Float(0.5), Value::Float(0.25)];
    call(&mut criterion, "add/static", &*find(&built_in, "PlainAdd"), &numbers);
    call(&mut criterion, "add/rust", &*find(fixtures.nodes(), "PlainAdd"), &numbers);
    if let Some(plugin) = &in_c {
        call(&mut criterion, "add/c", &*find(plugin.nodes(), "CAdd"), &numbers);
    }
    let data = (0..3_000_000).map(|i| i as f32 / 3e6).collect();
    let picture = [Value::object(Image::new([1, 1000, 1000, 3], data).expect("a picture"))];
    call(&mut criterion, "image_through/static", &*find(&built_in_samples, "CountCalls"), &picture);
    call(&mut criterion, "image_through/rust", &*find(samples.nodes(), "CountCalls"), &picture);
    call(&mut criterion, "image_new/static", &*find(&built_in, "PlainCopy"), &picture);
    call(&mut criterion, "image_new/rust", &*find(fixtures.nodes(), "PlainCopy"), &picture);

    run_chain(&mut criterion, "chain/static", "PlainAdd", |nodes| nodes.extend(built_in.clone()).expect("sound nodes"));
    run_chain(&mut criterion, "chain/rust", "PlainAdd", |nodes| nodes.add_plugin(&fixtures).expect("sound nodes"));
    if let Some(plugin) = &in_c {
        run_chain(&mut criterion, "chain/c", "CAdd", |nodes| nodes.add_plugin(plugin).expect("sound nodes"));
    }
    criterion.final_summary();
}
