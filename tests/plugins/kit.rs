//! Libraries to load, and short ways to run a graph with their nodes.

use selfsame_graphs::{ArgValues, Disk, Document, Project, Targets};
use selfsame_host::plugin::Plugin;
use selfsame_host::plugin::helper::{Isolation, Limits, Permissions};
use selfsame_host::{Event, Host, HostSettings, NodeState, Nodes, Observer, Outcome, RunOptions};
use selfsame_sdk::{Error, Image, NodeType, Value};
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

/// The library of a package that these tests depend on: cargo has built it beside them.
pub fn library(package: &str) -> PathBuf {
    let folder = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    folder.join(format!("{DLL_PREFIX}{}{DLL_SUFFIX}", package.replace('-', "_")))
}

/// The sample nodes, as a plugin.
pub fn samples() -> Arc<Plugin> {
    Plugin::load(&library("selfsame-samples")).unwrap()
}

/// How plugins are isolated here: by the program that these tests belong to, with little patience.
pub fn isolation() -> Isolation {
    let limits = Limits {
        memory_bytes: 1 << 30,
        call: Some(Duration::from_secs(60)),
        start: Duration::from_secs(20),
        cancel: Duration::from_millis(500),
        ..Limits::default()
    };
    // The folders of the test hosts are there.
    let permissions = Permissions { read: vec![std::env::temp_dir()], network: false };
    Isolation { program: env!("CARGO_BIN_EXE_selfsame").into(), limits, permissions }
}

/// A source in C as a library, built with these arguments.
pub fn build_c(source: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let strict = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1"];
    build_with("cc", source, name, &[&strict, arguments].concat()).expect("these tests need a C compiler")
}

/// A text in C as a library; what it says twice counts as it says it last.
pub fn build_source(source: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("source{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let path = libraries().join(format!("{name}.c"));
    std::fs::write(&path, source).unwrap();
    build_c(&path, &name, &["-Wno-unused", "-Wno-override-init"])
}

/// A source as a library, built by this compiler; none if it is not there.
pub fn build_with(compiler: &str, source: &Path, name: &str, arguments: &[&str]) -> Option<PathBuf> {
    let built = libraries().join(format!("{DLL_PREFIX}{name}{DLL_SUFFIX}"));
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/abi/include");
    let mut command = Command::new(compiler);
    command.args(["-shared", "-fPIC", "-fvisibility=hidden", "-o"]).arg(&built).args(arguments);
    let output = command.arg("-I").arg(include).arg(source).output().ok()?;
    assert!(output.status.success(), "{compiler} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(built)
}

/// Where libraries are built. They are loaded for good, so the folder stays until the next time.
pub fn libraries() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
        // There may have been no time before.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    });
    &FOLDER
}

/// A copy of a library, which is a library of its own.
pub fn copy_of(library: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let copy = libraries().join(format!("copy{}{DLL_SUFFIX}", COUNT.fetch_add(1, Ordering::Relaxed)));
    std::fs::copy(library, &copy).unwrap();
    copy
}

/// A file of this repository.
pub fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A node type of a plugin, by its name.
pub fn node(plugin: &Plugin, name: &str) -> Arc<dyn NodeType> {
    plugin.nodes().iter().find(|node| node.descriptor().name == name).unwrap().clone()
}

/// A host with the nodes that come with Selfsame and those of a plugin.
pub fn host(plugin: &Plugin) -> Host {
    host_of(plugin, |_| {})
}

pub fn host_of(plugin: &Plugin, change: impl FnOnce(&mut HostSettings)) -> Host {
    let mut nodes = Nodes::built_in();
    nodes.add_plugin(plugin).unwrap();
    let mut settings = HostSettings { nodes, device: "cpu".to_owned(), ..HostSettings::default() };
    change(&mut settings);
    Host::new(settings).unwrap()
}

/// A graph of these nodes, whose output `y` is `of`.
pub fn graph(nodes: &str, of: &str) -> String {
    format!("Graph(version: 1, nodes: {{{nodes}}}, outputs: {{\"y\": Out(\"{of}\")}})")
}

pub fn run(host: &Host, folder: &Path, graph: &str) -> Outcome {
    run_with(host, folder, graph, &RunOptions::default(), &())
}

pub fn run_with(host: &Host, folder: &Path, graph: &str, options: &RunOptions, observer: &dyn Observer) -> Outcome {
    let name = folder.join("test.ron");
    let project = Project::around(&Disk, Document::parse(name.to_str().unwrap(), graph));
    let loaded = host.load(&project, &ArgValues::default(), Targets::All);
    let options = RunOptions { output_folder: folder.join("output"), ..options.clone() };
    host.run(&loaded.unwrap_or_else(|error| panic!("{error}\nin {graph}")), &options, observer)
}

/// The output `y`, which must be there.
pub fn output(outcome: &Outcome) -> Value {
    outcome.output("y").cloned().unwrap_or_else(|| panic!("{:?}: {:#?}", outcome.result, outcome.failures))
}

pub fn image(value: &Value) -> Arc<Image> {
    value.downcast().unwrap_or_else(|| panic!("{value} is no picture"))
}

/// The one failure of a run, as `port: message | hint`.
pub fn failure(outcome: &Outcome) -> String {
    let [failure] = &outcome.failures[..] else { panic!("{:#?}", outcome.failures) };
    let part = |text: &Option<String>| text.clone().unwrap_or("-".to_owned());
    format!("{}: {} | {}", part(&failure.port), failure.message, part(&failure.hint))
}

pub fn state(outcome: &Outcome, node: &str) -> NodeState {
    outcome.nodes.iter().find(|report| &*report.node == node).unwrap().state
}

/// The error with which a node type fails outside of any graph.
pub fn error(result: selfsame_sdk::Result<Vec<Value>>) -> Error {
    result.map(|values| panic!("{values:?}")).unwrap_err()
}

/// What happened, each event as JSON.
#[derive(Default)]
pub struct Events(Mutex<Vec<serde_json::Value>>);

impl Observer for Events {
    fn event(&self, event: &Event) {
        self.0.lock().unwrap().push(serde_json::to_value(event).unwrap());
    }
}

impl Events {
    /// The events of this name.
    pub fn named(&self, name: &str) -> Vec<serde_json::Value> {
        self.0.lock().unwrap().iter().filter(|event| event["event"] == name).cloned().collect()
    }
}
