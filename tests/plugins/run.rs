//! How calls of a plugin end: what is wrong with it is a failure of its node, told with its reason, and without harm to the host.

use crate::hazards::{Hazard, hazard_graph, in_a_child, runs_well};
use crate::kit::*;
use selfsame_host::plugin::Plugin;
use selfsame_host::{NodeState, RunOptions, RunResult};
use selfsame_sdk::testing::TestHost;
use selfsame_sdk::{Status, Value};
use std::sync::Arc;
use std::time::{Duration, Instant};

const REPORT: &str = " | this is a mistake in the plugin; please report it to its author";

#[test]
fn wrong_outputs_are_found_and_told() {
    let cases = [
        ("unset", "it was not set"),
        ("unknown tag", "a value with the unknown tag 77"),
        ("bool of 7", "a BOOL of 7; expected 0 or 1"),
        ("nan", "a FLOAT of NaN; expected a finite number"),
        ("infinite", "a FLOAT of -inf; expected a finite number"),
        ("text", "expected FLOAT, got the string \"seven\""),
        ("null object", "an object is broken: a null pointer"),
        ("low address", "an object is broken: its address is none"),
        ("odd address", "an object is broken: its address is none"),
        ("without table", "an object is broken: it has no table"),
        ("short table", "an object is broken: its table lacks a function"),
        ("model", "a MODEL that is not the host's: only the host makes those"),
        ("nameless", "an object whose type is called \"\"; expected a name such as com.acme.MESH/1"),
        ("name not utf8", "the type of an object: a text is not UTF-8"),
        ("name far away", "the type of an object: 5 elements at the address 0x0"),
        ("no image", "an object that says it is IMAGE, but lacks the interface selfsame.tensor/1"),
        ("long list", "a list of 18446744073709551615 values; expected at most 10000000"),
        ("list of itself", "LIST 17 values deep in another"),
        ("lists of itself", "LIST 17 values deep in another"),
        ("list of nothing", "a list of 1000 values with nothing as number 0"),
        ("list that refuses", "a list of 1000 values does not give number 0 (status 6)"),
        ("latent of itself", "LATENT 17 values deep in another"),
    ];
    for (how, expected) in cases {
        // A library each, since three of them disable a node type.
        let (status, told) = Hazard::new("run", "FLOAT").fails(how);
        assert_eq!((status, told), (Status::Internal, format!("-: output `out`: {expected}{REPORT}")), "{how}");
    }
    assert!(matches!(Hazard::new("run", "FLOAT").gives("integer"), Value::Int(7)));
}

#[test]
fn failures_have_their_status_and_a_reason() {
    let cases = [
        ("silent", Status::InvalidArgument, "-: the node failed without saying why (status 2) | -"),
        ("unknown status", Status::Internal, "-: the node failed without saying why (status 4711) | -"),
        ("fail with OK", Status::Internal, "how: all is well | -"),
        ("fail without UTF-8", Status::Internal, "-: (not UTF-8) | -"),
        ("panic", Status::Panic, "-: the node failed without saying why (status 7) | -"),
        ("out of memory", Status::OutOfMemory, "-: there is none left | -"),
        ("cancelled", Status::Internal, "-: the node says that it was cancelled, which it was not | -"),
        ("text not utf8", Status::Internal, "-: a text is not UTF-8 | -"),
        ("resource of itself", Status::Internal, "-: the shared resource cannot be made | -"),
        ("no such case", Status::Unsupported, "how: this fixture does not know how | -"),
    ];
    let hazard = Hazard::new("run", "FLOAT");
    for (how, status, expected) in cases {
        assert_eq!(hazard.fails(how), (status, expected.to_owned()), "{how}");
    }
    let (status, told) = hazard.fails("host fails");
    assert_eq!(status, Status::NotFound);
    assert!(told.contains("`none such`: not found"), "{told}");
    // What a call says of a failure that it then does not have is of no account.
    assert!(matches!(hazard.gives("fail, then OK"), Value::Float(1.0)));
}

#[test]
fn only_lazy_inputs_can_be_asked_for() {
    let hazard = Hazard::new("run", "FLOAT");
    for how in ["ask for nothing", "ask for how"] {
        let outcome = hazard.run(how);
        assert_eq!(failure(&outcome), "-: the node asks for an input that is not lazy | -");
        hazard.runs_well();
    }
}

#[test]
fn a_node_may_call_itself() {
    assert!(matches!(Hazard::new("run", "FLOAT").gives("itself"), Value::Float(1.0)));
}

#[test]
fn three_strikes_disable_a_node_type() {
    let hazard = Hazard::new("run", "FLOAT");
    assert_eq!(hazard.fails("panic").0, Status::Panic);
    assert_eq!(hazard.fails("unset").0, Status::Internal);
    // A failure that is told is none.
    assert_eq!(hazard.fails("silent").0, Status::InvalidArgument);
    assert_eq!(hazard.run("panic").failures[0].status, Status::Panic);
    let disabled = hazard.run("well");
    assert_eq!(disabled.failures[0].status, Status::Unsupported);
    assert_eq!(
        failure(&disabled),
        "-: this node type is disabled: it panicked or broke the rules of plugins 3 times (plugin hazard 1.0.0) | \
         start again once its plugin is mended"
    );
    // Others are not.
    runs_well(&hazard.host);
    Hazard::new("run", "FLOAT").runs_well();
}

/// The fixtures in Rust, as a plugin of its own.
fn fixtures() -> Arc<Plugin> {
    Plugin::load(&copy_of(&library("selfsame-fixtures"))).unwrap()
}

fn explode(how: &str) -> String {
    graph(&format!("\"e\": Explode(how: \"{how}\")"), "e.calls")
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
        let host = host(&fixtures());
        let outcome = run(&host, folder.path(), &explode(how));
        assert_eq!((outcome.result, state(&outcome, "e")), (RunResult::Failed, NodeState::Failed));
        assert_eq!(outcome.failures[0].status, Status::Panic);
        let text = failure(&outcome);
        assert!(text.contains("the node panicked at plugins/fixtures/src/explode.rs:"), "{text}");
        assert!(text.contains(&format!(": {expected} (plugin selfsame-fixtures")), "{text}");
        let well = run(&host, folder.path(), &explode("not"));
        assert_eq!(well.result, RunResult::Ok);
        runs_well(&host);
    }
}

#[test]
fn a_panic_on_a_thread_of_the_plugins_own_is_no_failure_of_the_host() {
    let (host, folder) = (host(&fixtures()), tempfile::tempdir().unwrap());
    let joined = run(&host, folder.path(), &explode("thread"));
    assert!(failure(&joined).starts_with("-: its thread panicked"), "{joined:?}");
    assert!(matches!(output(&run(&host, folder.path(), &explode("loose_thread"))), Value::Int(1)));
    runs_well(&host);
}

/// The language ends the process then; only a process of its own can keep that from the host.
#[test]
#[cfg(unix)]
fn a_panic_while_another_unwinds_ends_the_process() {
    use std::os::unix::process::ExitStatusExt;
    let folder = tempfile::tempdir().unwrap();
    let child = |how| in_a_child(folder.path(), &library("selfsame-fixtures"), &explode(how)).output().unwrap();
    let ended = child("unwinding");
    assert_eq!(ended.status.signal(), Some(6), "{ended:?}");
    let well = child("not");
    assert_eq!(well.status.code(), Some(0), "{}", String::from_utf8_lossy(&well.stderr));
}

#[test]
#[cfg(target_os = "linux")]
fn a_panic_while_another_unwinds_is_a_failure_of_an_isolated_node() {
    let plugin = Plugin::load_isolated(&library("selfsame-fixtures"), &isolation()).unwrap();
    let (host, folder) = (host(&plugin), tempfile::tempdir().unwrap());
    let told = failure(&run(&host, folder.path(), &explode("unwinding")));
    assert!(told.contains("the plugin crashed, and the host goes on: ") && told.contains("SIGABRT"), "{told}");
    assert!(matches!(output(&run(&host, folder.path(), &explode("not"))), Value::Int(1)));
    runs_well(&host);
}

#[test]
fn a_node_that_panicked_is_made_anew() {
    let plugin = fixtures();
    let node = plugin.nodes().iter().find(|node| node.descriptor().name == "Explode").unwrap();
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
    assert_eq!(error(call("str")).status, Status::Panic);
    // What the engine does after a panic.
    let mut another = node.create();
    let slots = [selfsame_sdk::Slot::Value(Value::Text("not".into()))];
    let values = another.run(host.ctx(), &selfsame_sdk::Inputs::new(ports, &slots).unwrap()).unwrap();
    assert!(matches!(values[..], [Value::Int(1)]));
    runs_well(&crate::kit::host(&plugin));
}

/// Cancels a run as soon as a node has said something.
fn cancelled_after_a_message(
    run: impl FnOnce(&RunOptions, &Events) -> selfsame_host::Outcome,
) -> (selfsame_host::Outcome, Events) {
    let (options, events) = (RunOptions::default(), Events::default());
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            while events.named("log").is_empty() {
                std::thread::sleep(Duration::from_millis(1));
            }
            options.cancel.cancel();
        });
        run(&options, &events)
    });
    (outcome, events)
}

#[test]
fn a_node_stops_when_its_run_is_cancelled() {
    let (host, folder) = (host(&fixtures()), tempfile::tempdir().unwrap());
    let (outcome, events) = cancelled_after_a_message(|options, events| {
        run_with(&host, folder.path(), &graph("\"w\": Wait()", "w.nothing"), options, events)
    });
    assert_eq!((outcome.result, state(&outcome, "w")), (RunResult::Cancelled, NodeState::Stopped));
    let said = events.named("log");
    assert_eq!((said.len(), &said[0]["message"]), (1, &"waiting".into()));
    runs_well(&host);
}

#[test]
fn a_node_that_does_not_react_to_cancelling_is_named() {
    let hazard = Hazard::new("run", "FLOAT");
    let started = Instant::now();
    let (outcome, events) = cancelled_after_a_message(|options, events| hazard.run_with("deaf", options, events));
    assert!(started.elapsed() > Duration::from_secs(3));
    let said = events.named("log");
    assert_eq!((said.len(), &said[1]["node"], &said[1]["level"]), (2, &"h".into(), &"warn".into()));
    assert_eq!(
        said[1]["message"],
        "plugin hazard 1.0.0 has not reacted to cancelling for 3 seconds; the run ends when it does"
    );
    // It ends at last, and whatever it gives is of no account: the run was cancelled.
    assert!(matches!(outcome.result, RunResult::Cancelled | RunResult::Ok), "{outcome:?}");
    hazard.runs_well();
}

/// Nothing but the end of the process ends it, which a second signal asks for.
#[test]
#[cfg(unix)]
fn an_endless_node_is_named_and_ends_with_the_program() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let hazard = Hazard::new("run", "FLOAT");
    let mut command = in_a_child(folder.path(), hazard.plugin.path(), &hazard_graph("endless"));
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let signal = |child: &std::process::Child| {
        let status = std::process::Command::new("kill").arg("-INT").arg(child.id().to_string()).status();
        assert!(status.unwrap().success());
    };
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "node `h`: begun"));
    signal(&child);
    let named =
        "warning: node `h`: plugin hazard 1.0.0 has not reacted to cancelling for 3 seconds; the run ends when it does";
    assert!(lines.any(|line| line == named));
    signal(&child);
    assert_eq!(child.wait().unwrap().code(), Some(4));
    hazard.runs_well();
}

#[test]
fn texts_that_are_none_are_not_shown() {
    let (hazard, events) = (Hazard::new("run", "FLOAT"), Events::default());
    let outcome = hazard.run_with("text not utf8", &RunOptions::default(), &events);
    assert_eq!(outcome.result, RunResult::Failed);
    assert!(events.named("log").is_empty() && events.named("node_progress").is_empty());
    hazard.runs_well();
}
