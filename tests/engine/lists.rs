//! Lists: whole where they are wanted whole, else one call for each element.

use crate::kit::*;
use selfsame_host::RunResult;
use selfsame_sdk::{Literal, Type, Value};

#[test]
fn a_node_runs_once_for_each_element() {
    let kit = Kit::new();
    let host = kit.host();
    let graph = graph(r#""r": Range(count: 4), "a": Add(a: Out("r.out"), b: 10.0)"#, "a.out");
    assert_eq!(kit.numbers(&host, &graph), (vec![10.0, 11.0, 12.0, 13.0], "a a a a r".to_owned()));
    assert_eq!(kit.numbers(&host, &graph), (vec![10.0, 11.0, 12.0, 13.0], String::new()));
}

#[test]
fn one_more_element_runs_only_that_one() {
    let kit = Kit::new();
    let host = kit.host();
    let text = |count: i32| {
        let nodes =
            format!(r#""r": Range(count: {count}), "t": Thing(value: Out("r.out")), "p": Plus(thing: Out("t.out"))"#);
        graph(&nodes, "p.out")
    };
    kit.run(&host, &text(3));
    assert_eq!(kit.numbers(&host, &text(4)), (vec![1.0, 2.0, 3.0, 4.0], "p r t".to_owned()));
    assert_eq!(kit.numbers(&host, &text(2)), (vec![1.0, 2.0], "r".to_owned()));
}

/// The new element needs lists whose other elements are known but gone, so those are made again, each once.
#[test]
fn one_more_element_runs_nothing_twice_when_no_value_was_kept() {
    let kit = Kit::new();
    let host = kit.host_of(|settings| settings.memory_bytes = 0);
    let text = |count: i32| {
        let nodes = format!(
            r#""r": Range(count: {count}), "t": Thing(value: Out("r.out")), "p": Plus(thing: Out("t.out")),
               "q": Plus(thing: Out("p.out")), "w": Weigh(thing: Out("q.out"))"#
        );
        graph(&nodes, "w.out")
    };
    kit.run(&host, &text(1));
    assert_eq!(kit.numbers(&host, &text(2)), (vec![2.0, 3.0], "p p q q r t t w".to_owned()));
}

#[test]
fn an_element_of_a_list_and_a_single_value_share_a_run() {
    let kit = Kit::new();
    let nodes = r#""r": Range(count: 2), "t": Thing(value: Out("r.out")), "w": Weigh(thing: Out("t.out")),
        "one": Sum(values: Out("w.out")), "s": Thing(value: Out("one.out")), "v": Weigh(thing: Out("s.out"))"#;
    assert_eq!(kit.numbers(&kit.host(), &graph(nodes, "v.out")), (vec![1.0], "one r t t w w".to_owned()));
}

/// An argument that takes a list, at an input that takes one value.
#[test]
fn the_elements_of_a_literal_list_have_results_of_their_own() {
    let kit = Kit::new();
    let host = kit.host();
    let text = r#"Graph(version: 1, args: {"xs": Input(type: "LIST<FLOAT>")},
        nodes: {"t": Thing(value: Arg("xs")), "w": Weigh(thing: Out("t.out"))}, outputs: {"y": Out("w.out")})"#;
    let list = |xs: &[f64]| Literal::List(xs.iter().map(|x| Literal::Float(*x)).collect());
    let run = |xs: &[f64]| {
        kit.ran();
        let outcome = run_with(&host, text, &[("xs", list(xs))], &options(), &());
        (numbers(output(&outcome)), kit.ran().join(" "))
    };
    assert_eq!(run(&[1.0, 2.0, 3.0]), (vec![1.0, 2.0, 3.0], "t t t w w w".to_owned()));
    assert_eq!(run(&[1.0, 2.0, 3.0]), (vec![1.0, 2.0, 3.0], String::new()));
    assert_eq!(run(&[3.0, 2.0, 4.0]), (vec![3.0, 2.0, 4.0], "t w".to_owned()));
}

#[test]
fn the_elements_of_a_literal_list_behind_a_lazy_input_have_results_of_their_own() {
    let mut kit = Kit::new();
    kit.add("Late", [port("x", Type::FLOAT).lazy()], [Type::FLOAT], |_, i| Ok(vec![i.value(0)?.unwrap().clone()]));
    let host = kit.host();
    let text = r#"Graph(version: 1, args: {"xs": Input(type: "LIST<FLOAT>")},
        nodes: {"l": Late(x: Arg("xs"))}, outputs: {"y": Out("l.out")})"#;
    let xs = Literal::List(vec![Literal::Float(1.0), Literal::Float(2.0)]);
    for _ in 0..2 {
        let outcome = run_with(&host, text, &[("xs", xs.clone())], &options(), &());
        assert_eq!(numbers(output(&outcome)), [1.0, 2.0]);
    }
}

#[test]
fn lists_of_lists_are_gone_through_to_the_end() {
    let mut kit = Kit::new();
    // Nobody knows before the run that `i` gives lists of lists.
    let nodes = r#""n": Range(count: 4), "r": Nest(xs: Out("n.out")), "i": Id(x: Out("r.out")), "a": Add(a: Out("i.out"), b: 1)"#;
    let graph = graph(nodes, "a.out");
    kit.add("Nest", [port("xs", Type::list(Type::FLOAT))], [Type::list(Type::list(Type::FLOAT))], |_, i| {
        let xs = numbers(&value(i, 0));
        Ok(vec![Value::list(
            xs.iter().map(|x| Value::list((0..*x as usize).map(|n| Value::Float(x * 10.0 + n as f64)))),
        )])
    });
    let host = kit.host();
    let (outcome, ran) = kit.run(&host, &graph);
    assert_eq!(ran.matches('a').count(), 6);
    let Value::List(rows) = output(&outcome) else { panic!() };
    assert_eq!(
        rows.iter().map(numbers).collect::<Vec<_>>(),
        [vec![], vec![11.0], vec![21.0, 22.0], vec![31.0, 32.0, 33.0]]
    );
}

#[test]
fn a_list_of_lists_at_an_input_for_lists_is_a_call_for_each_list() {
    let mut kit = Kit::new();
    kit.add("Rows", [], [Type::list(Type::list(Type::FLOAT))], |_, _| {
        let row = |n: i32| Value::list((0..n).map(|i| Value::Float(f64::from(i))));
        Ok(vec![Value::list([row(2), row(3), row(0)])])
    });
    let host = kit.host();
    let graph = graph(r#""r": Rows(), "s": Sum(values: Out("r.out"))"#, "s.out");
    assert_eq!(kit.numbers(&host, &graph), (vec![1.0, 3.0, 0.0], "r s s s".to_owned()));
}

#[test]
fn lists_of_one_length_go_together() {
    let kit = Kit::new();
    let host = kit.host();
    let graph = graph(
        r#""r": Range(count: 3), "s": Add(a: Out("r.out"), b: 5.0), "a": Add(a: Out("r.out"), b: Out("s.out"))"#,
        "a.out",
    );
    assert_eq!(kit.numbers(&host, &graph).0, [5.0, 7.0, 9.0]);
}

#[test]
fn lists_of_two_lengths_are_an_error_that_names_both() {
    let kit = Kit::new();
    let host = kit.host();
    let graph =
        graph(r#""r": Range(count: 3), "s": Range(count: 2), "a": Add(a: Out("r.out"), b: Out("s.out"))"#, "a.out");
    let (outcome, ran) = kit.run(&host, &graph);
    assert_eq!(outcome.result, RunResult::Failed);
    assert_eq!(ran, "r s");
    let failure = &outcome.failures[0];
    assert_eq!((&*failure.node, failure.port.as_deref(), failure.element), ("a", Some("b"), None));
    assert_eq!(failure.message, "a list of 2 values meets a list of 3 at input `a`");
    assert!(failure.hint.is_some());
}

#[test]
fn an_empty_list_is_no_call_and_an_empty_list() {
    let kit = Kit::new();
    let host = kit.host();
    let nodes = r#""r": Range(count: 0), "t": Thing(value: Out("r.out")), "w": Weigh(thing: Out("t.out")), "s": Sum(values: Out("w.out"))"#;
    assert_eq!(kit.numbers(&host, &graph(nodes, "s.out")), (vec![0.0], "r s".to_owned()));
    assert_eq!(kit.numbers(&host, &graph(nodes, "s.out")), (vec![0.0], String::new()));
}

#[test]
fn an_input_for_lists_gets_the_whole_list_and_a_single_value_as_a_list() {
    let kit = Kit::new();
    let host = kit.host();
    let graph_of = |nodes: &str| graph(nodes, "s.out");
    let nodes = r#""r": Range(count: 4), "s": Sum(values: Out("r.out"))"#;
    assert_eq!(kit.numbers(&host, &graph_of(nodes)), (vec![6.0], "r s".to_owned()));
    let nodes = r#""n": Num(value: 3), "s": Sum(values: Out("n.out"))"#;
    assert_eq!(kit.numbers(&host, &graph_of(nodes)), (vec![3.0], "n s".to_owned()));
    let nodes = r#""n": Num(value: 4), "s": Sum(values: [Out("n.out"), 1, Out("n.out")])"#;
    assert_eq!(kit.numbers(&host, &graph_of(nodes)), (vec![9.0], "n s".to_owned()));
}

#[test]
fn an_input_for_anything_takes_lists_whole() {
    let kit = Kit::new();
    let host = kit.host();
    let graph = graph(r#""r": Range(count: 3), "i": Id(x: Out("r.out"))"#, "i.out");
    assert_eq!(kit.numbers(&host, &graph), (vec![0.0, 1.0, 2.0], "i r".to_owned()));
}

#[test]
fn a_list_that_a_mapped_node_gives_is_a_list_of_lists() {
    let mut kit = Kit::new();
    kit.add("Upto", [port("x", Type::FLOAT)], [Type::list(THING)], {
        let live = kit.live.clone();
        move |_, i| Ok(vec![Value::list((0..f(i, 0) as usize).map(|n| live.thing(n as f64, 10)))])
    });
    let host = kit.host();
    let graph = graph(
        r#""r": Range(count: 4), "u": Upto(x: Out("r.out")), "i": Id(x: Out("u.out")), "w": Weigh(thing: Out("i.out"))"#,
        "w.out",
    );
    for expected in ["i r u u u u w w w w w w", ""] {
        let (outcome, ran) = kit.run(&host, &graph);
        let Value::List(rows) = output(&outcome) else { panic!() };
        assert_eq!(
            rows.iter().map(numbers).collect::<Vec<_>>(),
            [vec![], vec![0.0], vec![0.0, 1.0], vec![0.0, 1.0, 2.0]]
        );
        assert_eq!(ran, expected);
    }
}

#[test]
fn an_integer_becomes_a_float_only_if_nothing_is_lost() {
    let kit = Kit::new();
    let host = kit.host();
    let text = |i: i64| graph(&format!(r#""i": Int(value: {i}), "a": Add(a: Out("i.out"), b: 0.0)"#), "a.out");
    assert_eq!(kit.numbers(&host, &text(1 << 53)).0, [9007199254740992.0]);
    for i in [(1 << 53) + 1, i64::MAX, -(1 << 53) - 1] {
        let outcome = run(&host, &text(i));
        let failure = &outcome.failures[0];
        assert_eq!((&*failure.node, failure.port.as_deref()), ("a", Some("a")));
        assert_eq!(failure.message, format!("expected FLOAT, got the integer {i}, which no FLOAT holds exactly"));
    }
    assert_eq!(kit.numbers(&host, &text(i64::MIN)).0, [-9223372036854775808.0]);
}

#[test]
fn integers_in_a_list_become_floats_too() {
    let kit = Kit::new();
    let host = kit.host();
    let nodes = r#""i": Int(value: 3), "j": Int(value: 4), "s": Sum(values: [Out("i.out"), Out("j.out")])"#;
    assert_eq!(kit.numbers(&host, &graph(nodes, "s.out")).0, [7.0]);
}

#[test]
fn a_number_beyond_hard_bounds_is_refused_when_it_arrives() {
    let mut kit = Kit::new();
    let x = port("x", Type::FLOAT).hard(selfsame_sdk::Range { min: Some(0.0), max: Some(1.0) });
    kit.add("Bound", [x], [Type::FLOAT], |_, i| Ok(vec![value(i, 0)]));
    let mode = port("mode", Type::STRING).choices(["a", "b"]);
    kit.add("Mode", [mode], [Type::STRING], |_, i| Ok(vec![value(i, 0)]));
    kit.add("Word", [port("word", Type::STRING)], [Type::STRING], |_, i| Ok(vec![value(i, 0)]));
    let host = kit.host();
    for (x, fits) in [("1.0", true), ("1.5", false), ("-0.1", false)] {
        let outcome = run(&host, &graph(&format!(r#""n": Num(value: {x}), "b": Bound(x: Out("n.out"))"#), "b.out"));
        assert_eq!(outcome.failures.is_empty(), fits, "{x}");
        for failure in outcome.failures {
            assert_eq!((&*failure.node, failure.port.as_deref()), ("b", Some("x")));
            assert_eq!(failure.message, format!("{x} is not between 0 and 1"));
        }
    }
    let outcome = run(&host, &graph(r#""w": Word(word: "c"), "m": Mode(mode: Out("w.out"))"#, "m.out"));
    assert_eq!(outcome.failures[0].message, "\"c\" is not one of a, b");
}
