//! What a plugin does wrong is a failure of its node: told with its reason, and without harm to the host.

use crate::kit::*;
use selfsame_host::plugin::Plugin;
use selfsame_host::{NodeState, RunOptions, RunResult};
use selfsame_sdk::testing::TestHost;
use selfsame_sdk::{Error, Latent, NodeType, Status, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The node that breaks rules, with an output of some type. Each is a library of its own, with strikes of its own.
fn rules(output: &str) -> Arc<dyn NodeType> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("rules{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let output = format!("-DOUTPUT=\"{output}\"");
    let plugin = Plugin::load(&build_c(&file("plugins/fixtures/c/rules.c"), &name, &[&output])).unwrap();
    plugin.nodes()[0].clone()
}

fn call(node: &Arc<dyn NodeType>, how: i64) -> selfsame_sdk::Result<Vec<Value>> {
    TestHost::new().run(&**node, &[("how", Value::Int(how))])
}

/// The message of a failure, without where it comes from.
fn told(error: &Error) -> &str {
    error.message.strip_suffix(" (plugin rules 1.0.0)").unwrap_or_else(|| panic!("{error}"))
}

#[test]
fn wrong_outputs_are_found_and_told() {
    let cases = [
        (1, "output `out`: it was not set"),
        (2, "output `out`: a value with the unknown tag 77"),
        (4, "output `out`: expected FLOAT, got the string \"seven\""),
        (5, "output `out`: an object is broken: a null pointer"),
        (6, "output `out`: a MODEL that is not the host's: only the host makes those"),
        (7, "output `out`: an object whose type is called \"\"; expected a name such as com.acme.MESH/1"),
        (8, "output `out`: an object that says it is IMAGE, but lacks the interface selfsame.tensor/1"),
        (9, "output `out`: an object is broken: its table lacks a function"),
        (10, "output `out`: an object is broken: it has no table"),
        (11, "output `out`: a list of 18446744073709551615 values 0 lists deep"),
    ];
    for (how, expected) in cases {
        // A library each, since three of them disable a node type.
        let node = rules("FLOAT");
        let error = error(call(&node, how));
        assert_eq!((told(&error), error.status), (expected, Status::Internal));
        assert!(matches!(call(&node, 0).unwrap()[..], [Value::Float(1.0)]));
    }
    assert!(matches!(call(&rules("FLOAT"), 3).unwrap()[..], [Value::Int(7)]));
}

#[test]
fn failures_have_their_status_and_a_reason() {
    let node = rules("FLOAT");
    let cases = [
        (12, Status::InvalidArgument, "the node failed without saying why (status 2)"),
        (13, Status::Internal, "the node failed without saying why (status 4711)"),
        (14, Status::Internal, "all is well"),
        (20, Status::InvalidArgument, "no tensor has the shape [9223372036854775807, 9223372036854775807]"),
        (23, Status::NotFound, "there is no model none such"),
    ];
    for (how, status, expected) in cases {
        let error = error(call(&node, how));
        assert_eq!((told(&error), error.status), (expected, status));
    }
    assert_eq!(error(call(&node, 14)).port.as_deref(), Some("how"));
    let bytes = error(call(&node, 21));
    assert_eq!(bytes.status, Status::Unsupported);
    assert!(told(&bytes).ends_with("the host makes tensors of f32 in main memory"), "{bytes}");
}

#[test]
fn three_strikes_disable_a_node_type() {
    let node = rules("FLOAT");
    assert_eq!(error(call(&node, 15)).status, Status::Panic);
    assert_eq!(error(call(&node, 1)).status, Status::Internal);
    // A failure that is told is none.
    assert_eq!(error(call(&node, 12)).status, Status::InvalidArgument);
    assert!(call(&node, 0).is_ok());
    assert_eq!(error(call(&node, 15)).status, Status::Panic);
    let disabled = error(call(&node, 0));
    assert_eq!(disabled.status, Status::Unsupported);
    assert_eq!(told(&disabled), "this node type is disabled: it panicked or broke the rules of plugins 3 times");
    assert_eq!(disabled.hint.as_deref(), Some("start again once its plugin is mended"));
    // Another plugin is not.
    assert!(call(&rules("FLOAT"), 0).is_ok());
}

#[test]
fn a_context_is_closed_when_its_call_is_over() {
    let node = rules("FLOAT");
    call(&node, 16).unwrap();
    // While another call has that context, the next one gets another.
    let held = |how| TestHost::new().run(&*node, &[("how", Value::Int(how))]);
    assert!(matches!(held(17).unwrap()[..], [Value::Float(1.0)]));
}

#[test]
fn tensors_are_finished_once_or_dropped() {
    let image = rules("IMAGE");
    let error_twice = error(call(&image, 18));
    assert_eq!(told(&error_twice), "the tensor is finished or dropped already, or of another call");
    assert_eq!(error_twice.status, Status::InvalidArgument);
    assert_eq!(told(&error(call(&image, 22))), "expected a tensor [B,H,W,C], got shape [1, 2]");
    assert!(call(&rules("FLOAT"), 19).is_ok());
    let refused = call(&rules("FLOAT"), 24).unwrap();
    assert!(matches!(refused[..], [Value::Float(status)] if status != 0.0));
}

#[test]
fn texts_that_are_none_are_not_shown() {
    let (host, node) = (TestHost::new(), rules("FLOAT"));
    host.run(&*node, &[("how", Value::Int(25))]).unwrap();
    assert_eq!(host.said().logs, []);
}

#[test]
fn only_lazy_inputs_can_be_asked_for() {
    let (plugin, folder) =
        (build_c(&file("plugins/fixtures/c/rules.c"), "lazy", &["-DOUTPUT=\"FLOAT\""]), tempfile::tempdir().unwrap());
    let host = host(&Plugin::load(&plugin).unwrap());
    for how in [26, 27] {
        let outcome = run(&host, folder.path(), &graph(&format!("\"r\": Rules(how: {how})"), "r.out"));
        assert_eq!(failure(&outcome), "-: the node asks for an input that is not lazy | -");
    }
}

#[test]
fn values_are_made_by_their_rules() {
    assert!(matches!(call(&rules("FLOAT"), 28).unwrap()[..], [Value::Float(status)] if status != 0.0));
    let latent = call(&rules("LATENT"), 29).unwrap()[0].downcast::<Latent>().unwrap();
    assert_eq!((latent.samples.shape(), latent.noise_mask.is_none()), (&[1, 4, 2, 2][..], true));
    let pair = call(&rules("LIST<*>"), 30).unwrap();
    let Value::List(items) = &pair[0] else { panic!("{pair:?}") };
    assert_eq!(items[0].to_string(), "org.example.BYTES/1 (3 bytes)");
    assert_eq!(items[1].to_string(), "org.example.PAIR/1 (with x)");
}

fn fixtures() -> Arc<Plugin> {
    Plugin::load(&library("selfsame-fixtures")).unwrap()
}

/// The node types of a copy of the library, which is a plugin of its own.
fn copy_of_fixtures(name: &str) -> Arc<Plugin> {
    static FOLDER: std::sync::OnceLock<tempfile::TempDir> = std::sync::OnceLock::new();
    let path = FOLDER.get_or_init(|| tempfile::tempdir().unwrap()).path().join(name);
    std::fs::copy(library("selfsame-fixtures"), &path).unwrap();
    Plugin::load(&path).unwrap()
}

#[test]
fn a_panic_is_a_failure_of_its_node_whatever_it_panics_with() {
    let cases = [
        ("str", "plain words"),
        ("text", "number 1"),
        ("custom", "no message"),
        ("bomb", "no message"),
        ("drop", "while it was dropped"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (how, expected) in cases {
        let host = host(&copy_of_fixtures(how));
        let outcome = run(&host, folder.path(), &graph(&format!("\"e\": Explode(how: \"{how}\")"), "e.calls"));
        assert_eq!((outcome.result, state(&outcome, "e")), (RunResult::Failed, NodeState::Failed));
        let text = failure(&outcome);
        assert!(text.contains("the node panicked at plugins/fixtures/src/explode.rs:"), "{text}");
        assert!(text.contains(&format!(": {expected} (plugin selfsame-fixtures")), "{text}");
        let well = run(&host, folder.path(), &graph("\"e\": Explode(how: \"not\")", "e.calls"));
        assert_eq!(well.result, RunResult::Ok);
    }
}

#[test]
fn a_node_that_panicked_is_made_anew() {
    let node = copy_of_fixtures("anew").nodes()[1].clone();
    let (host, ports) = (TestHost::new(), &node.descriptor().inputs);
    let mut instance = node.create();
    let mut call = |how: &str| {
        let slots = [selfsame_sdk::Slot::Value(Value::Text(how.into()))];
        instance.run(host.ctx(), &selfsame_sdk::Inputs::new(ports, &slots).unwrap())
    };
    assert!(matches!(call("not").unwrap()[..], [Value::Int(1)]));
    assert_eq!(error(call("fail")).hint.as_deref(), Some("ask another"));
    assert!(error(call("thread")).message.starts_with("its thread panicked"));
    assert!(matches!(call("not").unwrap()[..], [Value::Int(4)]));
}

#[test]
fn a_node_stops_when_its_run_is_cancelled() {
    let (host, folder) = (host(&fixtures()), tempfile::tempdir().unwrap());
    let options = RunOptions::default();
    let cancel = options.cancel.clone();
    let events = Events::default();
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            while events.named("log").is_empty() {
                std::thread::sleep(Duration::from_millis(1));
            }
            cancel.cancel();
        });
        run_with(&host, folder.path(), &graph("\"w\": Wait()", "w.nothing"), &options, &events)
    });
    assert_eq!((outcome.result, state(&outcome, "w")), (RunResult::Cancelled, NodeState::Stopped));
    assert_eq!(events.named("log")[0]["message"], "waiting");
}

#[test]
fn a_node_is_given_everything_that_it_asks_for() {
    let host = TestHost::new();
    std::fs::write(host.folder().join("a.txt"), "some extra text").unwrap();
    let node = fixtures().nodes()[0].clone();
    let inputs = |path: &str| [("path", Value::Text(path.into())), ("model", Value::Text("none".into()))];
    let values = host.run(&*node, &inputs("a.txt")).unwrap();
    let Value::List(answers) = &values[0] else { panic!("{values:?}") };
    let text = |value: &Value| match value {
        Value::Text(text) => text.replace(host.folder().to_str().unwrap(), "[DIR]"),
        other => panic!("{other}"),
    };
    let answers: Vec<String> = answers.iter().map(text).collect();
    assert_eq!(
        answers,
        [
            "test",
            "[DIR]/a.txt",
            "some extra text",
            "NotFound: there is no model none | None",
            "[DIR]/folder/answer_0001.txt",
            "Internal: there is nothing to write",
            "selfsame",
            "1 1",
            "NotFound: it is nowhere",
            "Unsupported: this host offers no alloc::string::String",
            "not set",
        ]
    );
    assert_eq!(std::fs::read_to_string(host.folder().join("folder/answer_0001.txt")).unwrap(), "some extra text");
    let said = host.said();
    let levels: Vec<String> = said.logs.iter().map(|(level, text)| format!("{level:?} {text}")).collect();
    assert_eq!(levels, ["Debug debugging", "Info informing", "Warn warning"]);
    assert_eq!(said.reads, [host.folder().join("a.txt")]);
    // What is lazy is computed when it is asked for.
    let lazy = [inputs("a.txt").to_vec(), vec![("extra", Value::Text("here".into()))]].concat();
    let values = host.run(&*node, &lazy).unwrap();
    assert!(matches!(&values[0], Value::List(answers) if text(&answers[10]) == "here"));
    let missing = error(host.run(&*node, &inputs("b.txt")));
    assert_eq!(missing.status, Status::NotFound);
}
