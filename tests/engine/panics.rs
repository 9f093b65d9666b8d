//! A panic inside a node is a failure of that node, whatever it panics with.

use crate::kit::*;
use selfsame_host::RunResult;
use selfsame_sdk::{Ctx, Inputs, Node, NodeDescriptor, NodeType, OutputPort, Result, Status, Type, Value};
use std::panic::panic_any;
use std::sync::Arc;

struct Custom;

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("while it was dropped");
    }
}

#[test]
fn whatever_a_node_panics_with_the_host_goes_on() {
    let cases: [(&str, fn(), &str); 7] = [
        ("str", || panic!("plain words"), "plain words"),
        ("string", || panic!("number {}", 7), "number 7"),
        ("custom", || panic_any(Custom), "no message"),
        ("bomb", || panic_any(Bomb), "no message"),
        ("drop", || drop(Bomb), "while it was dropped"),
        ("index", || assert_eq!(Vec::<u8>::new()[std::hint::black_box(3)], 0), "index out of bounds"),
        ("unwrap", || std::hint::black_box(None).unwrap(), "called `Option::unwrap()` on a `None` value"),
    ];
    for (name, function, message) in cases {
        let mut kit = Kit::new();
        kit.add("Panics", [port("x", Type::FLOAT)], [Type::FLOAT], move |_, i| {
            function();
            Ok(vec![value(i, 0)])
        });
        let host = kit.host();
        let nodes = r#""n": Num(value: 1), "p": Panics(x: Out("n.out")), "a": Add(a: Out("p.out"), b: 1)"#;
        for _ in 0..2 {
            let outcome = run(&host, &graph(nodes, "a.out"));
            assert_eq!(outcome.result, RunResult::Failed, "{name}");
            let failure = &outcome.failures[0];
            assert_eq!((&*failure.node, failure.status), ("p", Status::Panic), "{name}");
            assert!(failure.message.contains(message), "{name}: {}", failure.message);
            assert!(
                failure.message.contains("panics.rs") || name == "unwrap" || name == "index",
                "{}",
                failure.message
            );
            assert!(failure.hint.is_some());
        }
        assert_eq!(kit.numbers(&host, &graph(r#""n": Num(value: 1)"#, "n.out")).0, [1.0], "{name}");
    }
}

#[test]
fn a_panic_of_one_element_is_its_failure_alone() {
    let mut kit = Kit::new();
    kit.add("Panics", [port("x", Type::FLOAT)], [Type::FLOAT], |_, i| match f(i, 0) {
        2.0 => panic!("two"),
        x => Ok(vec![Value::Float(x)]),
    });
    let host = kit.host();
    kit.ran();
    let text = graph(r#""r": Range(count: 4), "p": Panics(x: Out("r.out"))"#, "p.out");
    let outcome = run_with(&host, &text, &[], &keep_going(), &());
    assert_eq!(outcome.failures.iter().map(|f| (f.element, f.status)).collect::<Vec<_>>(), [(Some(2), Status::Panic)]);
}

#[test]
fn a_panic_while_a_shared_resource_is_made_leaves_it_unmade() {
    let mut kit = Kit::new();
    kit.add("Shares", [port("fail", Type::BOOL)], [Type::FLOAT], |ctx, i| {
        let fail = matches!(value(i, 0), Value::Bool(true));
        let resource = ctx.shared("it", || if fail { panic!("half made") } else { Ok((2.0f64, 8)) })?;
        Ok(vec![Value::Float(*resource)])
    });
    let host = kit.host();
    let text = |fail: bool| graph(&format!(r#""s": Shares(fail: {fail})"#), "s.out");
    assert_eq!(run(&host, &text(true)).failures[0].status, Status::Panic);
    assert_eq!(kit.numbers(&host, &text(false)).0, [2.0]);
}

/// A node type whose nodes panic where they please.
struct Hostile {
    descriptor: NodeDescriptor,
    in_create: bool,
    in_run: bool,
}

struct HostileNode {
    in_run: bool,
}

impl NodeType for Hostile {
    fn descriptor(&self) -> &NodeDescriptor {
        &self.descriptor
    }

    fn create(&self) -> Box<dyn Node> {
        if self.in_create {
            panic!("in create");
        }
        Box::new(HostileNode { in_run: self.in_run })
    }
}

impl Node for HostileNode {
    fn run(&mut self, _: Ctx, _: &Inputs) -> Result<Vec<Value>> {
        if self.in_run {
            panic!("in run");
        }
        Ok(vec![Value::Float(1.0)])
    }
}

impl Drop for HostileNode {
    fn drop(&mut self) {
        panic!("in drop");
    }
}

#[test]
fn a_node_that_panics_when_it_is_made_or_dropped_ends_no_process() {
    for (in_create, in_run) in [(true, false), (false, true), (false, false)] {
        let mut kit = Kit::new();
        let descriptor = kit.describe("Hostile").output(OutputPort::new("out", Type::FLOAT).doc("a number"));
        kit.nodes.add(Arc::new(Hostile { descriptor, in_create, in_run })).unwrap();
        let host = kit.host();
        let outcome = run(&host, &graph(r#""h": Hostile()"#, "h.out"));
        if in_create || in_run {
            assert_eq!(outcome.failures[0].status, Status::Panic);
        } else {
            // It has given its value before.
            assert_eq!(number(output(&outcome)), 1.0);
        }
        assert_eq!(kit.numbers(&host, &graph(r#""n": Num(value: 1)"#, "n.out")).0, [1.0]);
    }
}
