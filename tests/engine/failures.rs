//! Nodes that fail, and what becomes of the others.

use crate::kit::*;
use selfsame_host::{NodeState, RunResult};
use selfsame_sdk::{Error, Status, Type, Value};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

#[test]
fn a_failure_says_everything() {
    let kit = Kit::new();
    let host = kit.host();
    let nodes = "\n  \"r\": Range(count: 4),\n  \"f\": FailAt(x: Out(\"r.out\"), at: 2.0),\n  \"a\": Add(a: Out(\"f.out\"), b: 1)\n";
    let events = Events::default();
    let outcome = run_with(&host, &graph(nodes, "a.out"), &[], &options(), &events);
    assert_eq!(outcome.result, RunResult::Failed);
    let [failure] = &outcome.failures[..] else { panic!("{:?}", outcome.failures) };
    assert_eq!((&*failure.node, &*failure.type_name, &*failure.at), ("f", "FailAt", "test.ron:3:3"));
    assert_eq!(
        (failure.status, failure.port.as_deref(), failure.element),
        (Status::InvalidArgument, Some("x"), Some(2))
    );
    assert_eq!((&*failure.message, failure.hint.as_deref()), ("it is the one", Some("take another")));
    assert_eq!(
        failure.inputs,
        [("x".to_owned(), "the number 2.0".to_owned()), ("at".to_owned(), "the number 2.0".to_owned())]
    );
    assert_eq!(
        failure.to_string(),
        "node `f` (FailAt), element 2, input `x`: it is the one\n --> test.ron:3:3\n  = inputs: x: the number 2.0, at: the number 2.0\n  = hint: take another"
    );
    assert_eq!(outcome.output("y").map(numbers), None);
    assert_eq!(
        (in_state(&outcome, NodeState::Failed), in_state(&outcome, NodeState::Blocked)),
        ("f".into(), "a".into())
    );
    assert!(events.of("f").contains(&"node_failed".to_owned()));
    assert!(events.of("a").is_empty());
    let last = events.0.lock().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["event"], &last["result"], &last["failed"]),
        (&"run_finished".into(), &"failed".into(), &1.into())
    );
}

#[test]
fn nothing_of_a_failure_is_kept() {
    let mut kit = Kit::new();
    let count = Arc::new(AtomicUsize::new(0));
    kit.add("Second", [], [Type::FLOAT], move |_, _| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Err(Error::new("the first time it fails")),
        _ => Ok(vec![Value::Float(1.0)]),
    });
    let host = kit.host();
    let graph = graph(r#""s": Second()"#, "s.out");
    assert_eq!(run(&host, &graph).result, RunResult::Failed);
    assert_eq!(kit.numbers(&host, &graph), (vec![1.0], "s".to_owned()));
}

/// Two nodes that start together; one fails while the other waits to be told.
#[test]
fn running_nodes_are_told_to_stop_and_nothing_new_starts() {
    let mut kit = Kit::new();
    let both = Arc::new(Barrier::new(2));
    let at = both.clone();
    kit.add("Fails", [], [Type::FLOAT], move |_, _| {
        at.wait();
        Err(Error::new("no"))
    });
    kit.add("Waits", [], [Type::FLOAT], move |ctx, _| {
        both.wait();
        while !ctx.is_cancelled() {
            std::thread::yield_now();
        }
        ctx.check_cancelled()?;
        Ok(vec![Value::Float(0.0)])
    });
    let host = kit.host();
    let nodes =
        r#""f": Fails(), "w": Waits(), "x": Add(a: Out("w.out"), b: 1), "y": Add(a: Out("f.out"), b: Out("x.out"))"#;
    let (outcome, ran) = kit.run(&host, &graph(nodes, "y.out"));
    assert_eq!(ran, "f w");
    assert_eq!(outcome.result, RunResult::Failed);
    assert_eq!(outcome.failures.len(), 1, "being told to stop is no failure: {:?}", outcome.failures);
    assert_eq!(in_state(&outcome, NodeState::Failed), "f");
    assert_eq!(in_state(&outcome, NodeState::Stopped), "w x");
    assert_eq!(in_state(&outcome, NodeState::Blocked), "y");
}

#[test]
fn keep_going_finishes_the_other_branches() {
    let kit = Kit::new();
    let host = kit.host();
    let text = r#"Graph(version: 1, nodes: {
        "f": FailAt(x: 0), "g": Add(a: Out("f.out"), b: 1), "h": Effect(x: Out("g.out")),
        "n": Num(value: 1), "m": Add(a: Out("n.out"), b: 1), "e": Effect(x: Out("m.out")),
        "f2": FailAt(x: 5, at: 5),
    }, outputs: {"y": Out("m.out"), "z": Out("g.out"), "z2": Out("f2.out")})"#;
    kit.ran();
    let outcome = run_with(&host, text, &[], &keep_going(), &());
    assert_eq!(kit.ran().join(" "), "e f f2 m n");
    assert_eq!(outcome.result, RunResult::Failed);
    let mut failed: Vec<_> = outcome.failures.iter().map(|f| &*f.node).collect();
    failed.sort_unstable();
    assert_eq!(failed, ["f", "f2"]);
    assert_eq!(numbers(output(&outcome)), [2.0]);
    assert!(outcome.output("z").is_none());
    assert_eq!(
        (in_state(&outcome, NodeState::Failed), in_state(&outcome, NodeState::Blocked)),
        ("f f2".into(), "g h".into())
    );
}

#[test]
fn keep_going_finishes_the_other_elements() {
    let kit = Kit::new();
    let host = kit.host();
    let text = r#"Graph(version: 1, nodes: {
        "r": Range(count: 4), "f": FailAt(x: Out("r.out"), at: 1), "t": Thing(value: Out("f.out")),
        "e": Effect(x: Out("f.out")), "s": Sum(values: Out("f.out")), "n": Num(value: Out("f.out")),
    }, outputs: {"y": Out("t.out"), "s": Out("s.out"), "n": Out("n.out")})"#;
    kit.ran();
    let events = Events::default();
    let outcome = run_with(&host, text, &[], &keep_going(), &events);
    assert_eq!(kit.ran().join(" "), "f f f f n n n r t t t", "what takes the list whole has to do without");
    assert_eq!(outcome.result, RunResult::Failed);
    assert_eq!(outcome.failures.iter().map(|f| (&*f.node, f.element)).collect::<Vec<_>>(), [("f", Some(1))]);
    assert_eq!(in_state(&outcome, NodeState::Failed), "f", "one element has failed");
    assert_eq!(in_state(&outcome, NodeState::Blocked), "e s", "they need all of the list");
    assert!(outcome.output("y").is_none() && outcome.output("s").is_none());
    assert!(events.of("s").is_empty(), "{:?}", events.of("s"));
    let last = events.0.lock().unwrap().last().unwrap().clone();
    assert_eq!(last["failed"], 1);

    // Next time only the missing one is tried again.
    kit.ran();
    run_with(&host, text, &[], &keep_going(), &());
    assert_eq!(kit.ran().join(" "), "f");
}

#[test]
fn a_chain_of_missing_elements_is_blocked() {
    let kit = Kit::new();
    let host = kit.host();
    let nodes = r#""r": Range(count: 1), "f": FailAt(x: Out("r.out")), "n": Num(value: Out("f.out")), "m": Num(value: Out("n.out"))"#;
    kit.ran();
    let outcome = run_with(&host, &graph(nodes, "m.out"), &[], &keep_going(), &());
    assert_eq!(kit.ran().join(" "), "f r");
    assert_eq!(in_state(&outcome, NodeState::Blocked), "m n");
}

#[test]
fn an_error_in_the_middle_of_a_list_stops_the_rest() {
    let mut kit = Kit::new();
    kit.add("Bad", [port("x", Type::FLOAT)], [Type::FLOAT], |ctx, i| match f(i, 0) {
        1.0 => Err(Error::new("one")),
        x => {
            ctx.check_cancelled()?;
            Ok(vec![Value::Float(x)])
        }
    });
    let host = kit.host();
    let nodes = r#""r": Range(count: 1000), "b": Bad(x: Out("r.out"))"#;
    kit.ran();
    let one_at_a_time = selfsame_host::RunOptions { threads: 1, ..options() };
    let outcome = run_with(&host, &graph(nodes, "b.out"), &[], &one_at_a_time, &());
    assert_eq!(kit.ran().join(" "), "b b r");
    assert_eq!((outcome.failures.len(), outcome.failures[0].element), (1, Some(1)));
}

#[test]
fn wrong_outputs_are_the_fault_of_the_node() {
    type Gives = fn() -> Vec<Value>;
    let cases: [(&str, Gives, &str); 5] = [
        ("none", Vec::new, "the node gave 0 outputs instead of 1"),
        ("two", || vec![Value::Float(1.0); 2], "the node gave 2 outputs instead of 1"),
        ("text", || vec![Value::Text("x".into())], "output `out` should be FLOAT, but is the string \"x\""),
        ("list", || vec![Value::list([Value::Float(1.0)])], "output `out` should be FLOAT, but is a list of 1 values"),
        ("object", || vec![Value::object(Pebble(1.0))], "output `out` should be FLOAT, but is PEBBLE (PEBBLE)"),
    ];
    for (name, gives, message) in cases {
        let mut kit = Kit::new();
        kit.add("Wrong", [], [Type::FLOAT], move |_, _| Ok(gives()));
        let host = kit.host();
        for _ in 0..2 {
            let outcome = run(&host, &graph(r#""w": Wrong()"#, "w.out"));
            assert_eq!(outcome.failures[0].message, message, "{name}");
            assert_eq!(outcome.failures[0].status, Status::Internal);
            assert!(outcome.failures[0].hint.as_ref().unwrap().contains("mistake in the node"));
        }
    }
}

#[test]
fn an_empty_list_is_a_list_of_anything_and_an_integer_output_of_floats_is_one() {
    let mut kit = Kit::new();
    kit.add("Nothing", [], [Type::list(THING)], |_, _| Ok(vec![Value::list([])]));
    kit.add("Whole", [], [Type::FLOAT], |_, _| Ok(vec![Value::Int(3)]));
    let host = kit.host();
    assert_eq!(kit.numbers(&host, &graph(r#""n": Nothing()"#, "n.out")).0, [] as [f64; 0]);
    assert_eq!(kit.numbers(&host, &graph(r#""w": Whole(), "a": Add(a: Out("w.out"), b: 1)"#, "a.out")).0, [4.0]);
}

#[test]
fn a_value_of_the_wrong_type_is_stopped_at_the_input() {
    let kit = Kit::new();
    let host = kit.host();
    // Nobody knows what `Id` gives until it runs.
    let nodes = r#""t": Thing(value: 1), "i": Id(x: Out("t.out")), "a": Add(a: Out("i.out"), b: 1)"#;
    let (outcome, ran) = kit.run(&host, &graph(nodes, "a.out"));
    assert_eq!(ran, "i t");
    let failure = &outcome.failures[0];
    assert_eq!(
        (&*failure.node, failure.port.as_deref(), &*failure.message),
        ("a", Some("a"), "expected FLOAT, got THING")
    );
}

#[test]
fn memory_that_ran_out_is_tried_once_more_with_what_can_be_freed() {
    for (fails, ok) in [(1, true), (2, false)] {
        let mut kit = Kit::new();
        let count = Arc::new(AtomicUsize::new(0));
        kit.add("Hungry", [], [Type::FLOAT], move |_, _| match count.fetch_add(1, Ordering::SeqCst) {
            n if n < fails => Err(Error::with(Status::OutOfMemory, "out of memory")),
            _ => Ok(vec![Value::Float(1.0)]),
        });
        let host = kit.host();
        kit.run(&host, &graph(r#""t": Thing(value: 1)"#, "t.out"));
        assert_eq!(host.memory_use().entries, 1);
        let (outcome, ran) = kit.run(&host, &graph(r#""h": Hungry()"#, "h.out"));
        assert_eq!(ran, "h h");
        assert_eq!(host.memory_use().entries, 0);
        assert_eq!(outcome.failures.is_empty(), ok);
        assert!(outcome.failures.iter().all(|failure| failure.status == Status::OutOfMemory));
    }
}

#[test]
fn a_node_that_says_cancelled_by_itself_has_failed() {
    let mut kit = Kit::new();
    kit.add("Quits", [], [Type::FLOAT], |_, _| Err(Error::cancelled()));
    let host = kit.host();
    let outcome = run(&host, &graph(r#""q": Quits()"#, "q.out"));
    assert_eq!((outcome.result, outcome.failures.len()), (RunResult::Failed, 1));
}
