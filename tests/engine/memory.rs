//! What is held, and for how long.

use crate::kit::*;
use selfsame_sdk::Literal;

fn chain(length: usize) -> String {
    let mut nodes = vec![r#""n0": Thing(value: 0)"#.to_owned()];
    nodes.extend((1..length).map(|i| format!(r#""n{i}": Plus(thing: Out("n{}.out"))"#, i - 1)));
    graph(&nodes.join(", "), &format!("n{}.out", length - 1))
}

#[test]
fn values_are_freed_as_soon_as_nobody_needs_them() {
    let kit = Kit::new();
    let host = kit.host_of(|settings| settings.memory_bytes = 0);
    for _ in 0..3 {
        let outcome = run(&host, &chain(100));
        assert_eq!(number(output(&outcome)), 99.0);
        assert_eq!(kit.live.now(), 1, "the result");
        drop(outcome);
        assert_eq!(kit.live.now(), 0);
    }
    assert!(kit.live.most() <= 2, "{} at once: one goes in, one comes out", kit.live.most());
}

#[test]
fn values_of_a_mapped_chain_are_freed_too() {
    let kit = Kit::new();
    let host = kit.host_of(|settings| settings.memory_bytes = 0);
    // The second list is longer, so that every node runs for some elements first and makes the others again later.
    for count in [5, 10] {
        let mut nodes = vec![format!(r#""r": Range(count: {count}), "n0": Thing(value: Out("r.out"))"#)];
        nodes.extend((1..20).map(|i| format!(r#""n{i}": Plus(thing: Out("n{}.out"))"#, i - 1)));
        let outcome = run(&host, &graph(&nodes.join(", "), "n19.out"));
        assert_eq!(numbers(output(&outcome)).len(), count);
        assert!(kit.live.most() <= 2 * count, "{} at once", kit.live.most());
        drop(outcome);
        assert_eq!(kit.live.now(), 0);
    }
}

#[test]
fn values_of_a_run_that_failed_are_freed() {
    let kit = Kit::new();
    let host = kit.host_of(|settings| settings.memory_bytes = 0);
    let nodes = r#""t": Thing(value: 1), "p": Plus(thing: Out("t.out")), "f": FailAt(x: 0),
                   "q": Plus(thing: Out("p.out"), by: Out("f.out"))"#;
    for options in [options(), keep_going()] {
        run_with(&host, &graph(nodes, "q.out"), &[], &options, &());
        assert_eq!(kit.live.now(), 0);
    }
}

#[test]
fn what_is_kept_stays_within_the_budget() {
    let kit = Kit::new();
    let host = kit.host_of(|settings| settings.memory_bytes = 1000);
    for _ in 0..3 {
        run(&host, &chain(100));
        let in_use = host.memory_use();
        assert!(in_use.bytes <= 1000 && in_use.entries <= 10, "{in_use:?}");
        assert_eq!(kit.live.now(), in_use.entries);
    }
    host.free_memory();
    assert_eq!((kit.live.now(), host.memory_use().bytes), (0, 0));
}

/// Ten thousand runs of one graph, each with another argument.
#[test]
fn memory_is_flat_over_many_runs() {
    let kit = Kit::new();
    let host = kit.host_of(|settings| settings.memory_bytes = 10_000);
    let text = r#"Graph(version: 1, args: {"n": Int(default: 0)}, nodes: {
        "t": Thing(value: Arg("n"), bytes: 100), "p": Plus(thing: Out("t.out")), "w": Weigh(thing: Out("p.out")),
    }, outputs: {"y": Out("w.out")})"#;
    for n in 0..10_000i64 {
        let outcome = run_with(&host, text, &[("n", Literal::from(n))], &options(), &());
        assert_eq!(number(output(&outcome)), n as f64 + 1.0);
        let in_use = host.memory_use();
        assert!(in_use.bytes <= 10_000 && in_use.entries <= 100, "{in_use:?} after {n} runs");
        assert!(kit.live.now() <= 100, "{} alive after {n} runs", kit.live.now());
        assert!(in_use.records <= 200_000);
    }
}

/// A handle that says it takes no memory takes some all the same.
#[test]
fn values_of_no_size_are_bounded_too() {
    let kit = Kit::new();
    let host = kit.host_of(|settings| settings.memory_bytes = 10_000);
    run(&host, &graph(r#""r": Range(count: 150000), "t": Thing(value: Out("r.out"), bytes: 0)"#, "t.out"));
    let in_use = host.memory_use();
    assert!(in_use.entries <= 100_000, "{in_use:?}");
    assert_eq!(kit.live.now(), in_use.entries);
}

/// Texts and lists of numbers are kept with their records, so these need a bound in bytes.
#[test]
fn long_texts_are_not_kept_without_bound() {
    use selfsame_sdk::{Type, Value};
    let mut kit = Kit::new();
    kit.add("Novel", [port("n", Type::INT)], [Type::STRING], |_, i| {
        Ok(vec![Value::Text(format!("{}{}", " ".repeat(1_000_000), int(i, 0)).into())])
    });
    let host = kit.host_of(|settings| settings.memory_bytes = 10_000_000);
    for n in 0..300 {
        run(&host, &graph(&format!(r#""n": Novel(n: {n})"#), "n.out"));
    }
    let in_use = host.memory_use();
    assert!(in_use.records < 300, "{in_use:?}: 300 MB of text in 10 MB");
    assert_eq!(kit.run(&host, &graph(r#""n": Novel(n: 299)"#, "n.out")).1, "");
}
