//! What runs again and what does not.

use crate::kit::*;
use selfsame_host::{NodeState, RunResult};
use selfsame_sdk::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const CHAIN: &str = r#""n": Num(value: 1), "t": Thing(value: Out("n.out")), "p": Plus(thing: Out("t.out"), by: 2.0)"#;

#[test]
fn an_identical_run_runs_nothing() {
    let kit = Kit::new();
    let host = kit.host();
    let graph = graph(CHAIN, "p.out");
    assert_eq!(kit.numbers(&host, &graph), (vec![3.0], "n p t".to_owned()));
    assert_eq!(kit.numbers(&host, &graph), (vec![3.0], String::new()));
}

#[test]
fn a_changed_literal_runs_what_depends_on_it() {
    let kit = Kit::new();
    let host = kit.host();
    let text = |a: f64, b: f64| {
        let nodes = format!(
            r#""a": Num(value: {a:?}), "ta": Thing(value: Out("a.out")), "pa": Plus(thing: Out("ta.out")),
               "b": Num(value: {b:?}), "tb": Thing(value: Out("b.out")), "both": Both(a: Out("pa.out"), b: Out("tb.out"))"#
        );
        graph(&nodes, "both.out")
    };
    kit.run(&host, &text(1.0, 10.0));
    assert_eq!(kit.numbers(&host, &text(1.0, 20.0)), (vec![22.0], "b both tb".to_owned()));
    assert_eq!(kit.numbers(&host, &text(5.0, 20.0)), (vec![26.0], "a both pa ta".to_owned()));
    assert_eq!(kit.numbers(&host, &text(1.0, 10.0)), (vec![12.0], String::new()), "all of it is known by now");
    assert_eq!(kit.numbers(&host, &text(5.0, 10.0)), (vec![16.0], "both".to_owned()));
}

#[test]
fn ids_titles_and_order_do_not_matter() {
    let kit = Kit::new();
    let host = kit.host();
    kit.run(&host, &graph(CHAIN, "p.out"));
    let other = r#"
        // Another place, another order, other names.
        Graph(version: 1, title: "other", outputs: {"y": Out("z.out")}, nodes: {
            "z": Plus(by: 2.0, thing: Out("y.out")), "y": Thing(value: Out("x.out")), "x": Num(value: 1.0),
        })"#;
    assert_eq!(kit.numbers(&host, other), (vec![3.0], String::new()));
}

#[test]
fn a_node_that_gives_the_same_number_stops_a_change() {
    let kit = Kit::new();
    let host = kit.host();
    let text = |x: f64| {
        graph(
            &format!(r#""f": Floor(x: {x:?}), "t": Thing(value: Out("f.out")), "p": Plus(thing: Out("t.out"))"#),
            "p.out",
        )
    };
    assert_eq!(kit.numbers(&host, &text(1.2)), (vec![2.0], "f p t".to_owned()));
    assert_eq!(kit.numbers(&host, &text(1.7)), (vec![2.0], "f".to_owned()));
    assert_eq!(kit.numbers(&host, &text(2.7)), (vec![3.0], "f p t".to_owned()));
}

#[test]
fn a_zero_below_zero_is_another_number() {
    let kit = Kit::new();
    let host = kit.host();
    kit.run(&host, &graph(r#""n": Num(value: 0.0)"#, "n.out"));
    assert_eq!(kit.run(&host, &graph(r#""n": Num(value: -0.0)"#, "n.out")).1, "n");
}

#[test]
fn a_version_of_a_node_type_has_results_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let of_version = |version: u32, gives: f64| {
        let mut kit = Kit::new();
        let descriptor = kit.describe("Gives").version(version);
        kit.add_as(descriptor, [], [selfsame_sdk::Type::FLOAT], move |_, _| Ok(vec![Value::Float(gives)]));
        let host = kit.host_on(folder.path());
        kit.numbers(&host, &graph(r#""g": Gives()"#, "g.out"))
    };
    assert_eq!(of_version(1, 1.0), (vec![1.0], "g".to_owned()));
    assert_eq!(of_version(2, 2.0), (vec![2.0], "g".to_owned()));
    assert_eq!(of_version(1, 3.0), (vec![1.0], String::new()), "the result of version 1 is still there");
}

#[test]
fn what_is_not_deterministic_runs_every_time_and_a_number_from_it_stops_there() {
    let kit = Kit::new();
    let host = kit.host();
    let graph = graph(r#""r": Roll(x: 2.0), "t": Thing(value: Out("r.out"))"#, "t.out");
    assert_eq!(kit.numbers(&host, &graph), (vec![2.0], "r t".to_owned()));
    assert_eq!(kit.numbers(&host, &graph), (vec![2.0], "r".to_owned()));
}

#[test]
fn what_is_not_deterministic_runs_once_in_a_run_whatever_the_budget() {
    let mut kit = Kit::new();
    let (live, count) = (kit.live.clone(), Arc::new(AtomicUsize::new(0)));
    let descriptor = kit.describe("Draw").not_deterministic();
    kit.add_as(descriptor, [], [THING], move |_, _| {
        Ok(vec![live.thing(count.fetch_add(1, Ordering::SeqCst) as f64, 1000)])
    });
    let host = kit.host_of(|settings| settings.memory_bytes = 0);
    let nodes = r#""d": Draw(), "a": Plus(thing: Out("d.out")), "b": Plus(thing: Out("a.out")),
                   "y": Both(a: Out("d.out"), b: Out("b.out"))"#;
    for run in 0..3 {
        let (numbers, ran) = kit.numbers(&host, &graph(nodes, "y.out"));
        assert_eq!(ran, "a b d y");
        assert_eq!(numbers, [2.0 * f64::from(run) + 2.0]);
    }
}

#[test]
fn output_nodes_run_every_time_and_what_they_need_does_not() {
    let kit = Kit::new();
    let host = kit.host();
    let text = r#"Graph(version: 1, nodes: {"t": Thing(value: 1.0), "e": Effect(x: Out("t.out"))})"#;
    assert_eq!(kit.run(&host, text).1, "e t");
    let (outcome, ran) = kit.run(&host, text);
    assert_eq!(ran, "e");
    assert_eq!(in_state(&outcome, NodeState::Reused), "t");
}

#[test]
fn an_output_node_without_kept_values_has_them_made_again() {
    let kit = Kit::new();
    let host = kit.host();
    let text = r#"Graph(version: 1, nodes: {"n": Num(value: 1.0), "t": Thing(value: Out("n.out")), "e": Effect(x: Out("t.out"))})"#;
    kit.run(&host, text);
    host.free_memory();
    let (outcome, ran) = kit.run(&host, text);
    assert_eq!(ran, "e t", "a number is kept with its record");
    assert_eq!(outcome.result, RunResult::Ok);
}

/// A diamond of which nothing may run twice.
fn diamond(n: f64, by: f64) -> String {
    let nodes = format!(
        r#""t": Thing(value: {n:?}), "l": Plus(thing: Out("t.out"), by: 1.0), "r": Plus(thing: Out("t.out"), by: {by:?}),
           "y": Both(a: Out("l.out"), b: Out("r.out"))"#
    );
    graph(&nodes, "y.out")
}

#[test]
fn without_memory_each_node_runs_once_in_a_run() {
    for budget in [0, 1, 99, 100, 150, 200, 350] {
        let kit = Kit::new();
        let host = kit.host_of(|settings| settings.memory_bytes = budget);
        for (n, by) in [(1.0, 2.0), (1.0, 2.0), (1.0, 3.0), (2.0, 3.0), (1.0, 2.0)] {
            let (numbers, ran) = kit.numbers(&host, &diamond(n, by));
            assert_eq!(numbers, [2.0 * n + 1.0 + by], "budget {budget}");
            let ran: Vec<&str> = ran.split_whitespace().collect();
            let mut once = ran.clone();
            once.dedup();
            assert_eq!(ran, once, "budget {budget}, n {n}, by {by}");
        }
        assert!(host.memory_use().bytes <= budget);
    }
}

#[test]
fn two_nodes_that_are_alike_share_a_result() {
    let kit = Kit::new();
    let host = kit.host();
    let nodes = r#""a": Thing(value: 1.0), "b": Thing(value: 1.0), "y": Both(a: Out("a.out"), b: Out("b.out"))"#;
    assert_eq!(kit.numbers(&host, &graph(nodes, "y.out")).0, [2.0]);
    assert_eq!(host.memory_use().entries, 2);
    assert_eq!(kit.numbers(&host, &graph(nodes, "y.out")), (vec![2.0], String::new()));
}

#[test]
fn a_value_that_is_passed_on_is_kept_once_and_at_its_own_price() {
    let mut kit = Kit::new();
    let live = kit.live.clone();
    kit.add("Dear", [], [THING], move |_, _| {
        std::thread::sleep(std::time::Duration::from_millis(300));
        Ok(vec![live.thing(1.0, 100)])
    });
    let live = kit.live.clone();
    kit.add("Cheap", [port("n", selfsame_sdk::Type::FLOAT)], [THING], move |_, i| {
        std::thread::sleep(std::time::Duration::from_millis(3));
        Ok(vec![live.thing(f(i, 0), 100)])
    });
    let host = kit.host_of(|settings| settings.memory_bytes = 250);
    let dear = graph(r#""d": Dear(), "i": Id(x: Out("d.out"))"#, "i.out");
    kit.run(&host, &dear);
    assert_eq!(host.memory_use().entries, 1);
    for n in 0..5 {
        kit.run(&host, &graph(&format!(r#""c": Cheap(n: {n})"#), "c.out"));
    }
    assert_eq!(kit.numbers(&host, &dear), (vec![1.0], String::new()));
}

#[test]
fn a_shared_resource_is_made_once_also_by_many_at_once() {
    let mut kit = Kit::new();
    let made = Arc::new(AtomicUsize::new(0));
    let count = made.clone();
    let at_once = Arc::new(std::sync::Barrier::new(4));
    kit.add("Shares", [port("n", selfsame_sdk::Type::FLOAT)], [selfsame_sdk::Type::FLOAT], move |ctx, i| {
        at_once.wait();
        let resource = ctx.shared("weights", || {
            std::thread::sleep(std::time::Duration::from_millis(20));
            count.fetch_add(1, Ordering::SeqCst);
            Ok((7.0f64, 1000))
        })?;
        Ok(vec![Value::Float(*resource + f(i, 0))])
    });
    kit.add(
        "Four",
        ["a", "b", "c", "d"].map(|n| port(n, selfsame_sdk::Type::FLOAT)),
        [selfsame_sdk::Type::FLOAT],
        |_, i| Ok(vec![Value::Float((0..4).map(|n| f(i, n)).sum())]),
    );
    let host = kit.host();
    let text = |n: usize| {
        let nodes: Vec<String> = (0..4).map(|i| format!(r#""s{i}": Shares(n: {})"#, n + i)).collect();
        let four = r#""y": Four(a: Out("s0.out"), b: Out("s1.out"), c: Out("s2.out"), d: Out("s3.out"))"#;
        graph(&format!("{}, {four}", nodes.join(", ")), "y.out")
    };
    assert_eq!(kit.numbers(&host, &text(0)).0, [34.0]);
    assert_eq!(kit.numbers(&host, &text(10)).0, [74.0]);
    assert_eq!(made.load(Ordering::SeqCst), 1);
    host.free_memory();
    assert_eq!(kit.numbers(&host, &text(20)).0, [114.0]);
    assert_eq!(made.load(Ordering::SeqCst), 2);
}

#[test]
fn a_deep_chain_needs_no_deep_stack() {
    let kit = Kit::new();
    let host = kit.host_of(|settings| settings.memory_bytes = 0);
    let count = 3000;
    let mut nodes = vec![r#""n0": Thing(value: 0.0)"#.to_owned()];
    nodes.extend((1..count).map(|i| format!(r#""n{i}": Plus(thing: Out("n{}.out"))"#, i - 1)));
    let graph = graph(&nodes.join(", "), &format!("n{}.out", count - 1));
    for _ in 0..2 {
        let (numbers, ran) = kit.numbers(&host, &graph);
        assert_eq!(numbers, [f64::from(count - 1)]);
        assert_eq!(ran.split_whitespace().count(), count as usize);
    }
}
