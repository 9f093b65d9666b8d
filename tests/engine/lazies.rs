//! Inputs that are computed only when they are asked for.

use crate::kit::*;
use selfsame_host::{NodeState, RunResult};
use selfsame_sdk::{Error, Status, Type, Value};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

fn pick(which: i32) -> String {
    let nodes = format!(
        r#""w": Int(value: {which}), "a": Thing(value: 1.0), "b": Thing(value: 2.0), "pb": Plus(thing: Out("b.out")),
           "p": Pick(which: Out("w.out"), a: Out("a.out"), b: Out("pb.out"))"#
    );
    graph(&nodes, "p.out")
}

#[test]
fn only_what_is_asked_for_runs_and_both_sides_are_kept() {
    let kit = Kit::new();
    let host = kit.host();
    let (outcome, ran) = kit.run(&host, &pick(0));
    assert_eq!((number(output(&outcome)), &*ran), (1.0, "a p w"));
    assert_eq!(in_state(&outcome, NodeState::NotNeeded), "b pb");
    assert_eq!(kit.numbers(&host, &pick(1)), (vec![3.0], "b p pb w".to_owned()));
    for (which, gives) in [(0, 1.0), (1, 3.0), (0, 1.0)] {
        assert_eq!(kit.numbers(&host, &pick(which)), (vec![gives], String::new()));
    }
}

#[test]
fn without_memory_the_asked_side_is_made_again() {
    let kit = Kit::new();
    let host = kit.host_of(|settings| settings.memory_bytes = 0);
    for (which, gives, runs) in [(0, 1.0, "a p w"), (0, 1.0, "a p"), (1, 3.0, "b p pb w"), (1, 3.0, "b p pb")] {
        assert_eq!(kit.numbers(&host, &pick(which)), (vec![gives], runs.to_owned()));
    }
}

#[test]
fn switches_behind_switches() {
    let kit = Kit::new();
    let host = kit.host();
    let text = |outer: i32, inner: i32| {
        let nodes = format!(
            r#""a": Thing(value: 1.0), "b": Thing(value: 2.0), "c": Thing(value: 3.0),
               "in": Pick(which: {inner}, a: Out("a.out"), b: Out("b.out")),
               "out": Pick(which: {outer}, a: Out("in.out"), b: Out("c.out")), "y": Plus(thing: Out("out.out"))"#
        );
        graph(&nodes, "y.out")
    };
    assert_eq!(kit.numbers(&host, &text(1, 0)), (vec![4.0], "c out y".to_owned()));
    assert_eq!(kit.numbers(&host, &text(0, 1)), (vec![3.0], "b in out y".to_owned()));
    // `out` is now given what `in` was, so that it is the same call.
    assert_eq!(kit.numbers(&host, &text(0, 0)), (vec![2.0], "a in y".to_owned()));
    assert_eq!(kit.numbers(&host, &text(0, 1)), (vec![3.0], String::new()));
}

#[test]
fn a_literal_behind_a_lazy_input_is_there_at_once() {
    let kit = Kit::new();
    let host = kit.host();
    let text =
        |a: f64| graph(&format!(r#""b": Thing(value: 2.0), "p": Pick(which: 0, a: {a:?}, b: Out("b.out"))"#), "p.out");
    assert_eq!(kit.numbers(&host, &text(5.0)), (vec![5.0], "p".to_owned()));
    assert_eq!(kit.numbers(&host, &text(6.0)), (vec![6.0], "p".to_owned()));
    assert_eq!(kit.numbers(&host, &text(5.0)), (vec![5.0], String::new()));
}

#[test]
fn each_element_asks_for_what_it_wants() {
    for output_node in [false, true] {
        let mut kit = Kit::new();
        let descriptor = kit.describe("Choose");
        let descriptor = if output_node { descriptor.not_deterministic() } else { descriptor };
        let lazy = |name| port(name, Type::FLOAT).lazy();
        kit.add_as(descriptor, [port("x", Type::FLOAT), lazy("a"), lazy("b")], [Type::FLOAT], |_, i| {
            Ok(vec![i.value(if f(i, 0) < 1.0 { 1 } else { 2 })?.unwrap().clone()])
        });
        let host = kit.host();
        let nodes = r#""r": Range(count: 4), "a": Num(value: 10), "b": Num(value: 20),
                       "c": Choose(x: Out("r.out"), a: Out("a.out"), b: Out("b.out"))"#;
        let (numbers, ran) = kit.numbers(&host, &graph(nodes, "c.out"));
        assert_eq!(numbers, [10.0, 20.0, 20.0, 20.0]);
        assert_eq!(ran, "a b c c c c r");
    }
}

/// What one element asks for must not reach the result of another that has not asked for it.
#[test]
fn what_another_element_asked_for_is_not_taken_unasked() {
    let mut kit = Kit::new();
    let lazy = |name| port(name, Type::FLOAT).lazy();
    // The first element asks for `a` and then for `b`; the second for `b` at once.
    kit.add("Steps", [port("x", Type::FLOAT), lazy("a"), lazy("b")], [Type::FLOAT], |_, i| {
        let mut sum = 0.0;
        if f(i, 0) == 0.0 {
            sum += number(i.value(1)?.unwrap());
        }
        Ok(vec![Value::Float(sum + number(i.value(2)?.unwrap()))])
    });
    let host = kit.host();
    let text = |b: i32| {
        let nodes = format!(
            r#""r": Range(count: 2), "a": Num(value: 1), "b": Num(value: {b}),
               "s": Steps(x: Out("r.out"), a: Out("a.out"), b: Out("b.out"))"#
        );
        graph(&nodes, "s.out")
    };
    assert_eq!(kit.numbers(&host, &text(10)).0, [11.0, 10.0]);
    assert_eq!(kit.numbers(&host, &text(20)).0, [21.0, 20.0]);
    assert_eq!(kit.numbers(&host, &text(10)), (vec![11.0, 10.0], String::new()));
}

#[test]
fn an_input_that_is_asked_for_twice_is_computed_once() {
    let mut kit = Kit::new();
    let lazy = |name| port(name, Type::FLOAT).lazy();
    kit.add("Twice", [lazy("a"), lazy("b")], [Type::FLOAT], |_, i| {
        let sum = number(i.value(0)?.unwrap()) + number(i.value(1)?.unwrap()) + number(i.value(0)?.unwrap());
        Ok(vec![Value::Float(sum)])
    });
    let host = kit.host();
    let nodes = r#""a": Num(value: 1), "b": Num(value: 10), "t": Twice(a: Out("a.out"), b: Out("b.out"))"#;
    assert_eq!(kit.numbers(&host, &graph(nodes, "t.out")), (vec![12.0], "a b t".to_owned()));
    let one_source = r#""a": Num(value: 1), "t": Twice(a: Out("a.out"), b: Out("a.out"))"#;
    assert_eq!(kit.numbers(&host, &graph(one_source, "t.out")), (vec![3.0], "t".to_owned()));
}

#[test]
fn a_list_behind_a_lazy_input_makes_it_a_call_for_each_element() {
    let mut kit = Kit::new();
    kit.add("Late", [port("on", Type::INT), port("x", Type::FLOAT).lazy()], [Type::FLOAT], |_, i| match int(i, 0) {
        0 => Ok(vec![Value::Float(-1.0)]),
        _ => Ok(vec![i.value(1)?.unwrap().clone()]),
    });
    let host = kit.host();
    let text = |on: i32| graph(&format!(r#""r": Range(count: 3), "l": Late(on: {on}, x: Out("r.out"))"#), "l.out");
    assert_eq!(kit.numbers(&host, &text(1)), (vec![0.0, 1.0, 2.0], "l l l r".to_owned()));
    assert_eq!(kit.numbers(&host, &text(1)), (vec![0.0, 1.0, 2.0], String::new()));
}

#[test]
fn a_failing_side_that_nobody_asks_for_does_no_harm() {
    let kit = Kit::new();
    let host = kit.host();
    let text = |which: i32| {
        let nodes = format!(
            r#""bad": FailAt(x: 0.0), "good": Num(value: 1), "p": Pick(which: {which}, a: Out("good.out"), b: Out("bad.out"))"#
        );
        graph(&nodes, "p.out")
    };
    assert_eq!(kit.numbers(&host, &text(0)), (vec![1.0], "good p".to_owned()));
    let (outcome, _) = kit.run(&host, &text(1));
    assert_eq!(outcome.result, RunResult::Failed);
    assert_eq!(outcome.failures[0].node, "bad");
    assert_eq!(in_state(&outcome, NodeState::Blocked), "p");
}

#[test]
fn an_unset_lazy_input_can_be_seen() {
    let mut kit = Kit::new();
    kit.add("Maybe", [port("x", Type::FLOAT).lazy().optional()], [Type::FLOAT], |_, i| {
        Ok(vec![i.value(0)?.cloned().unwrap_or(Value::Float(-1.0))])
    });
    let host = kit.host();
    assert_eq!(kit.numbers(&host, &graph(r#""m": Maybe()"#, "m.out")), (vec![-1.0], "m".to_owned()));
    let nodes = r#""n": Num(value: 4), "m": Maybe(x: Out("n.out"))"#;
    assert_eq!(kit.numbers(&host, &graph(nodes, "m.out")), (vec![4.0], "m n".to_owned()));
}

/// A node that asks on and on must not run on and on.
#[test]
fn a_node_that_never_stops_asking_fails() {
    let give_up = Arc::new(AtomicUsize::new(0));
    for (name, input) in [("given", "x: Out(\"n.out\")"), ("unset", ""), ("literal", "x: 1.0")] {
        for deterministic in [true, false] {
            let mut kit = Kit::new();
            let count = give_up.clone();
            count.store(0, Ordering::SeqCst);
            let descriptor = kit.describe("Greedy");
            let descriptor = if deterministic { descriptor } else { descriptor.not_deterministic() };
            kit.add_as(descriptor, [port("x", Type::FLOAT).lazy().optional()], [Type::FLOAT], move |_, _| {
                if count.fetch_add(1, Ordering::SeqCst) > 50 {
                    return Err(Error::new("asked fifty times"));
                }
                let mut error = Error::input("x", "this lazy input is wanted");
                error.status = Status::NeedsInput;
                Err(error)
            });
            let host = kit.host();
            let outcome = run(&host, &graph(&format!(r#""n": Num(value: 4), "g": Greedy({input})"#), "g.out"));
            assert_eq!(outcome.result, RunResult::Failed, "{name}");
            let failure = &outcome.failures[0];
            assert_eq!((&*failure.node, failure.port.as_deref()), ("g", Some("x")), "{name}");
            assert!(failure.message.contains("asks"), "{name}: {}", failure.message);
            assert!(give_up.load(Ordering::SeqCst) <= 2, "{name}");
        }
    }
}

#[test]
fn a_node_that_asks_for_what_is_not_lazy_fails() {
    let mut kit = Kit::new();
    kit.add("Odd", [port("x", Type::FLOAT)], [Type::FLOAT], |_, _| {
        let mut error = Error::input("x", "wanted");
        error.status = Status::NeedsInput;
        Err(error)
    });
    let host = kit.host();
    let outcome = run(&host, &graph(r#""o": Odd(x: 1.0)"#, "o.out"));
    assert_eq!(outcome.failures[0].message, "the node asks for an input that is not lazy");
}

#[test]
fn what_is_asked_for_late_is_freed_as_what_is_given_at_once() {
    let kit = Kit::new();
    let host = kit.host_of(|settings| settings.memory_bytes = 0);
    let seen = Arc::new(Mutex::new(Vec::new()));
    for which in [0, 1, 0] {
        let outcome = run(&host, &pick(which));
        drop(outcome);
        seen.lock().unwrap().push(kit.live.now());
    }
    assert_eq!(*seen.lock().unwrap(), [0, 0, 0]);
}
