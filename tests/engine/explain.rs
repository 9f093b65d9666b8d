//! What is said about why a node ran.

use crate::kit::*;
use selfsame_host::{Host, Outcome, Reason};
use selfsame_sdk::Type;

fn text(value: f64, by: f64) -> String {
    graph(&format!(r#""t": Thing(value: {value:?}), "p": Plus(thing: Out("t.out"), by: {by:?})"#), "p.out")
}

fn explain(host: &Host, graph: &str) -> Outcome {
    run_with(host, graph, &[], &explaining(), &())
}

#[test]
fn each_reason_is_the_right_one() {
    let kit = Kit::new();
    let host = kit.host();
    let outcome = explain(&host, &text(1.0, 1.0));
    assert_eq!((why(&outcome, "t"), why(&outcome, "p")), (vec![Reason::FirstTime], vec![Reason::FirstTime]));
    let outcome = explain(&host, &text(1.0, 1.0));
    assert_eq!((why(&outcome, "t"), why(&outcome, "p")), (vec![], vec![]));
    let outcome = explain(&host, &text(1.0, 2.0));
    assert_eq!((why(&outcome, "t"), why(&outcome, "p")), (vec![], vec![Reason::InputsChanged(vec!["by".to_owned()])]));
    let outcome = explain(&host, &text(2.0, 3.0));
    let both = Reason::InputsChanged(vec!["by".to_owned(), "thing".to_owned()]);
    assert_eq!(
        (why(&outcome, "t"), why(&outcome, "p")),
        (vec![Reason::InputsChanged(vec!["value".to_owned()])], vec![both])
    );
}

#[test]
fn a_value_that_is_no_longer_kept_is_the_only_reason() {
    let kit = Kit::new();
    let host = kit.host();
    explain(&host, &text(1.0, 1.0));
    host.free_memory();
    let outcome = explain(&host, &text(1.0, 1.0));
    assert_eq!((why(&outcome, "t"), why(&outcome, "p")), (vec![Reason::GivenUp], vec![Reason::GivenUp]));
    host.free_memory();
    let outcome = explain(&host, &text(1.0, 2.0));
    let changed = vec![Reason::InputsChanged(vec!["by".to_owned()])];
    assert_eq!((why(&outcome, "t"), why(&outcome, "p")), (vec![Reason::GivenUp], changed));
}

#[test]
fn nothing_is_said_unless_somebody_asks() {
    let kit = Kit::new();
    let host = kit.host();
    run(&host, &text(1.0, 1.0));
    host.free_memory();
    let outcome = run(&host, &text(1.0, 1.0));
    assert!(outcome.nodes.iter().all(|node| node.why.is_empty()));
}

#[test]
fn effects_and_chance_are_reasons() {
    let kit = Kit::new();
    let host = kit.host();
    let text = r#"Graph(version: 1, nodes: {"r": Roll(x: 1), "e": Effect(x: Out("r.out"))})"#;
    for _ in 0..2 {
        let outcome = explain(&host, text);
        assert_eq!((why(&outcome, "r"), why(&outcome, "e")), (vec![Reason::NotDeterministic], vec![Reason::HasEffect]));
    }
}

#[test]
fn another_version_is_a_reason_across_programs() {
    let folder = tempfile::tempdir().unwrap();
    let of_version = |version: u32| {
        let mut kit = Kit::new();
        let descriptor = kit.describe("Gives").version(version);
        kit.add_as(descriptor, [port("x", Type::FLOAT)], [Type::FLOAT], |_, i| Ok(vec![value(i, 0)]));
        let host = kit.host_on(folder.path());
        why(&explain(&host, &graph(r#""g": Gives(x: 1)"#, "g.out")), "g")
    };
    assert_eq!(of_version(1), [Reason::FirstTime]);
    assert_eq!(of_version(1), []);
    assert_eq!(of_version(2), [Reason::OtherVersion]);
}

#[test]
fn a_changed_file_is_a_reason() {
    let mut kit = Kit::new();
    kit.add("Load", [], [Type::INT], |ctx, _| Ok(vec![selfsame_sdk::Value::Int(ctx.read("x.txt")?.len() as i64)]));
    let host = kit.host();
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("g.ron");
    for (text, reasons) in [("a", vec![Reason::FirstTime]), ("a", vec![]), ("bc", vec![Reason::FilesChanged])] {
        std::fs::write(folder.path().join("x.txt"), text).unwrap();
        let graph = graph(r#""l": Load()"#, "l.out");
        let outcome = run_named(&host, name.to_str().unwrap(), &graph, &[], &explaining(), &());
        assert_eq!(why(&outcome, "l"), reasons);
    }
}

#[test]
fn a_node_that_asks_has_one_reason() {
    let kit = Kit::new();
    let host = kit.host();
    let text = |which: i32| {
        let nodes = format!(
            r#""w": Int(value: {which}), "a": Num(value: 1), "b": Num(value: 2),
                               "p": Pick(which: Out("w.out"), a: Out("a.out"), b: Out("b.out"))"#
        );
        graph(&nodes, "p.out")
    };
    assert_eq!(why(&explain(&host, &text(0)), "p"), [Reason::FirstTime]);
    let outcome = explain(&host, &text(1));
    assert_eq!(why(&outcome, "p"), [Reason::InputsChanged(vec!["which".to_owned()])]);
    assert_eq!(why(&outcome, "b"), [Reason::FirstTime]);
    assert_eq!(why(&outcome, "a"), []);
}
