//! Fixtures that do what a plugin must not: run in a host, which must tell of it and then go on as if nothing had been.

use crate::kit::*;
use selfsame_host::plugin::Plugin;
use selfsame_host::{Host, NodeState, Outcome, RunOptions, RunResult};
use selfsame_sdk::{Status, Value};
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex};

/// A host with the node `Hazard` of a fixture.
pub struct Hazard {
    pub plugin: Arc<Plugin>,
    pub host: Host,
    folder: tempfile::TempDir,
}

impl Hazard {
    /// With the source `plugins/fixtures/c/NAME.c`, and an output of this type. Each is a library of its own, with strikes of its
    /// own.
    pub fn new(name: &str, output: &str) -> Self {
        static BUILT: LazyLock<Mutex<HashMap<String, PathBuf>>> = LazyLock::new(Mutex::default);
        let output = format!("-DOUTPUT=\"{output}\"");
        let mut all = BUILT.lock().unwrap();
        let built = all.entry(name.to_owned() + &output).or_insert_with_key(|key| {
            let file = file(&format!("plugins/fixtures/c/{name}.c"));
            build_c(&file, &key.replace(|c: char| !c.is_ascii_alphanumeric(), "_"), &[&output, "-pthread"])
        });
        let plugin = Plugin::load(&copy_of(built)).unwrap();
        Hazard { host: host(&plugin), plugin, folder: tempfile::tempdir().unwrap() }
    }

    pub fn run(&self, how: &str) -> Outcome {
        self.run_with(how, &RunOptions::default(), &Events::default())
    }

    pub fn run_with(&self, how: &str, options: &RunOptions, events: &Events) -> Outcome {
        run_with(&self.host, self.folder.path(), &hazard_graph(how), options, events)
    }

    /// Runs what fails; gives the status and the failure, without where it comes from. Then the same host runs well.
    #[track_caller]
    pub fn fails(&self, how: &str) -> (Status, String) {
        let outcome = self.run(how);
        assert_eq!((outcome.result, state(&outcome, "h")), (RunResult::Failed, NodeState::Failed), "{how}");
        self.runs_well();
        let told = failure(&outcome);
        assert!(told.contains(" (plugin hazard 1.0.0)"), "{how}: {told}");
        (outcome.failures[0].status, told.replace(" (plugin hazard 1.0.0)", ""))
    }

    /// Runs what gives something. Then the same host runs well.
    #[track_caller]
    pub fn gives(&self, how: &str) -> Value {
        let value = output(&self.run(how));
        self.runs_well();
        value
    }

    /// The same node does as it should, and so do others.
    #[track_caller]
    pub fn runs_well(&self) {
        let outcome = self.run("well");
        assert!(matches!(output(&outcome), Value::Float(1.0) | Value::Object(_)), "{outcome:?}");
        runs_well(&self.host);
    }
}

/// A graph with a picture and the node `h`, which does this.
pub fn hazard_graph(how: &str) -> String {
    let nodes = format!(
        "\"white\": SolidImage(width: 2, height: 2, color: \"#ffffff\"), \
         \"h\": Hazard(how: \"{how}\", image: Out(\"white.image\"))"
    );
    graph(&nodes, "h.out")
}

/// The nodes that come with Selfsame do in this host what they do in any.
#[track_caller]
pub fn runs_well(host: &Host) {
    let folder = tempfile::tempdir().unwrap();
    let nodes = "\"white\": SolidImage(width: 2, height: 2, color: \"#ffffff\"), \
                 \"black\": InvertImage(image: Out(\"white.image\"))";
    let outcome = run(host, folder.path(), &graph(nodes, "black.image"));
    assert_eq!(image(&output(&outcome)).data(), [0.0; 12]);
}

/// Runs the program on a graph with a plugin, in a process of its own that may take neither many seconds nor much memory.
pub fn in_a_child(folder: &std::path::Path, library: &std::path::Path, graph: &str) -> Command {
    std::fs::write(folder.join("g.ron"), graph).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -c 0; ulimit -t 30; ulimit -v 8000000; exec \"$@\"", "sh"]);
    command.args([env!("CARGO_BIN_EXE_selfsame"), "run", "g.ron", "--plugin"]).arg(library);
    command.current_dir(folder).env("SELFSAME_CONFIG", "").env("HOME", folder).env("XDG_CACHE_HOME", folder);
    command
}

/// The list of hazards names a test for each of them, and all of these are there and run.
#[test]
fn every_hazard_has_its_test() {
    let list = std::fs::read_to_string(file("plugins/fixtures/README.md")).unwrap();
    let names: Vec<(&str, &str)> = list.split('`').filter_map(|word| word.rsplit_once("::")).collect();
    assert!(names.len() > 60, "{} tests", names.len());
    for (module, test) in names.into_iter().filter(|(module, _)| *module != "file") {
        let folder = if module.starts_with("ffi::") { "plugins/sdk/src" } else { "tests/plugins" };
        let source = std::fs::read_to_string(file(&format!("{folder}/{}.rs", module.replace("::", "/")))).unwrap();
        let (before, _) = source.split_once(&format!("fn {test}()")).unwrap_or_else(|| panic!("{module}::{test}"));
        let above = before.lines().rev().map(str::trim).skip_while(|line| line.is_empty());
        let above: Vec<&str> = above.take_while(|line| line.starts_with("#[") || line.starts_with("///")).collect();
        assert!(above.contains(&"#[test]"), "{module}::{test} is no test");
        assert!(!above.iter().any(|line| line.starts_with("#[ignore")), "{module}::{test} does not run by itself");
    }
}
