//! Stopping a run from outside.

use crate::kit::*;
use selfsame_host::{Host, NodeState, RunOptions, RunResult};
use selfsame_sdk::{Caps, Type, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const CHAIN: &str = r#""n": Num(value: 1), "a": Add(a: Out("n.out"), b: 1)"#;

#[test]
fn a_run_that_was_cancelled_before_runs_nothing() {
    let kit = Kit::new();
    let host = kit.host();
    let options = options();
    options.cancel.cancel();
    let outcome = run_with(&host, &graph(CHAIN, "a.out"), &[], &options, &());
    assert_eq!((outcome.result, outcome.failures.len()), (RunResult::Cancelled, 0));
    assert_eq!(kit.ran(), [] as [&str; 0]);
    assert_eq!(in_state(&outcome, NodeState::Stopped), "a n");
    assert_eq!(kit.numbers(&host, &graph(CHAIN, "a.out")), (vec![2.0], "a n".to_owned()));
    // Where nothing has to run there is nothing to cancel.
    assert_eq!(run_with(&host, &graph(CHAIN, "a.out"), &[], &options, &()).result, RunResult::Ok);
}

/// A kit with a node that waits until it is cancelled, and says when it has begun.
fn waiting(caps: Caps) -> (Kit, std::sync::mpsc::Receiver<()>) {
    let mut kit = Kit::new();
    let (begun, receiver) = std::sync::mpsc::channel();
    let begun = std::sync::Mutex::new(begun);
    let descriptor = kit.describe("Waits").caps(caps);
    kit.add_as(descriptor, [port("x", Type::FLOAT)], [Type::FLOAT], move |ctx, _| {
        begun.lock().unwrap().send(()).unwrap();
        while !ctx.is_cancelled() {
            std::thread::yield_now();
        }
        ctx.check_cancelled()?;
        Ok(vec![Value::Float(0.0)])
    });
    (kit, receiver)
}

fn cancel_when_begun(
    host: &Host,
    graph: &str,
    begun: &std::sync::mpsc::Receiver<()>,
    options: &RunOptions,
) -> selfsame_host::Outcome {
    std::thread::scope(|scope| {
        let running = scope.spawn(|| run_with(host, graph, &[], options, &()));
        begun.recv().unwrap();
        options.cancel.cancel();
        running.join().unwrap()
    })
}

#[test]
fn a_run_is_cancelled_from_another_thread() {
    for options in [options(), keep_going(), RunOptions { threads: 1, ..options() }] {
        let (kit, begun) = waiting(Caps::default());
        let host = kit.host();
        let nodes = r#""n": Num(value: 1), "w": Waits(x: Out("n.out")), "a": Add(a: Out("w.out"), b: 1), "b": Add(a: Out("a.out"), b: 1)"#;
        let outcome = cancel_when_begun(&host, &graph(nodes, "b.out"), &begun, &options);
        assert_eq!((outcome.result, outcome.failures.len()), (RunResult::Cancelled, 0));
        assert_eq!(kit.ran().join(" "), "n w");
        assert_eq!(in_state(&outcome, NodeState::Ran), "n");
        assert_eq!(in_state(&outcome, NodeState::Stopped), "a b w", "nothing has failed");
        assert_eq!(kit.numbers(&host, &graph(CHAIN, "a.out")), (vec![2.0], "a".to_owned()), "what was done is kept");
    }
}

#[test]
fn nodes_that_wait_for_their_lane_are_cancelled_too() {
    for caps in [Caps { cuda: true, ..Caps::default() }, Caps { serial: true, ..Caps::default() }] {
        let (kit, begun) = waiting(caps);
        let host = kit.host();
        let nodes = r#""r": Range(count: 10), "w": Waits(x: Out("r.out"))"#;
        let outcome = cancel_when_begun(&host, &graph(nodes, "w.out"), &begun, &options());
        assert_eq!(outcome.result, RunResult::Cancelled);
        assert_eq!(kit.ran().join(" "), "r w");
    }
}

#[test]
fn a_cancelled_node_saves_nothing() {
    let (mut kit, begun) = waiting(Caps::default());
    let (tell, told) = std::sync::mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    let descriptor = kit.describe("Writes").output_node();
    kit.add_as(descriptor, [], [], move |ctx, _| {
        ctx.save("half", "txt", |out| {
            out.write_all(b"half")?;
            tell.lock().unwrap().send(()).unwrap();
            while !ctx.is_cancelled() {
                std::thread::yield_now();
            }
            ctx.check_cancelled()
        })?;
        Ok(vec![])
    });
    drop(begun);
    let host = kit.host();
    let folder = tempfile::tempdir().unwrap();
    let options = RunOptions { output_folder: folder.path().to_owned(), ..options() };
    let outcome = cancel_when_begun(&host, r#"Graph(version: 1, nodes: {"w": Writes()})"#, &told, &options);
    assert_eq!((outcome.result, outcome.saved.len()), (RunResult::Cancelled, 0));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_node_that_ignores_it_ends_and_is_kept() {
    let mut kit = Kit::new();
    let cancel = selfsame_models::Cancel::default();
    let flip = cancel.clone();
    kit.add("Deaf", [], [Type::FLOAT], move |_, _| {
        flip.cancel();
        Ok(vec![Value::Float(4.0)])
    });
    let host = kit.host();
    let text = graph(r#""d": Deaf(), "a": Add(a: Out("d.out"), b: 1)"#, "a.out");
    let outcome = run_with(&host, &text, &[], &RunOptions { cancel, ..options() }, &());
    assert_eq!((outcome.result, outcome.failures.len()), (RunResult::Cancelled, 0));
    assert_eq!(kit.ran().join(" "), "d");
    assert_eq!(kit.numbers(&host, &text), (vec![5.0], "a".to_owned()));
}

#[test]
fn cancelling_at_any_moment_leaves_a_host_that_works() {
    let kit = Kit::new();
    let host = Arc::new(kit.host());
    let nodes: Vec<String> = (0..200)
        .map(|i| match i {
            0 => r#""n0": Thing(value: 0)"#.to_owned(),
            i => format!(r#""n{i}": Both(a: Out("n{}.out"), b: Out("n{}.out"))"#, i - 1, i / 2),
        })
        .collect();
    let text = graph(&nodes.join(", "), "n199.out");
    let cancelled = AtomicUsize::new(0);
    for round in 0..50 {
        let options = options();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..round * 200 {
                    std::hint::spin_loop();
                }
                options.cancel.cancel();
            });
            let outcome = run_with(&host, &text, &[], &options, &());
            assert!(outcome.failures.is_empty());
            cancelled.fetch_add(usize::from(outcome.result == RunResult::Cancelled), Ordering::Relaxed);
        });
    }
    assert_eq!(kit.numbers(&host, &text).0, [0.0]);
}
