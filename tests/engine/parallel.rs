//! Nodes at the same time: as many as may, never more.

use crate::kit::*;
use selfsame_host::{Host, RunOptions, RunResult};
use selfsame_sdk::{Caps, Type, Value};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

/// Counts how many are inside at once.
#[derive(Default)]
struct Inside {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Inside {
    fn pass(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        std::thread::sleep(std::time::Duration::from_millis(2));
        self.now.fetch_sub(1, Ordering::SeqCst);
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

/// A kit with the node types `One` and `Two`, which note how many of them run at once.
fn counting(caps: Caps) -> (Kit, [Arc<Inside>; 2], Arc<Inside>) {
    let mut kit = Kit::new();
    let of_type = [Arc::<Inside>::default(), Arc::default()];
    let of_all = Arc::<Inside>::default();
    for (name, own) in ["One", "Two"].into_iter().zip(&of_type) {
        let (own, all) = (own.clone(), of_all.clone());
        let descriptor = kit.describe(name).caps(caps);
        kit.add_as(descriptor, [port("x", Type::FLOAT)], [Type::FLOAT], move |_, i| {
            all.now.fetch_add(1, Ordering::SeqCst);
            all.most.fetch_max(all.now.load(Ordering::SeqCst), Ordering::SeqCst);
            own.pass();
            all.now.fetch_sub(1, Ordering::SeqCst);
            Ok(vec![value(i, 0)])
        });
    }
    (kit, of_type, of_all)
}

const BOTH: &str = r#""r": Range(count: 10), "o": One(x: Out("r.out")), "t": Two(x: Out("r.out")),
    "a": Add(a: Out("o.out"), b: Out("t.out"))"#;

fn sum(host: &Host, threads: usize) -> Vec<f64> {
    let options = RunOptions { threads, ..options() };
    numbers(output(&run_with(host, &graph(BOTH, "a.out"), &[], &options, &())))
}

fn doubled() -> Vec<f64> {
    (0..10).map(|n| f64::from(n) * 2.0).collect()
}

/// All four have to be there before any of them goes on.
#[test]
fn four_independent_nodes_run_at_once() {
    let mut kit = Kit::new();
    let barrier = Arc::new(Barrier::new(4));
    kit.add("Meet", [port("x", Type::FLOAT)], [Type::FLOAT], move |_, i| {
        barrier.wait();
        Ok(vec![value(i, 0)])
    });
    let host = kit.host();
    let nodes = r#""a": Meet(x: 1), "b": Meet(x: 2), "c": Meet(x: 3), "d": Meet(x: 4),
        "ab": Add(a: Out("a.out"), b: Out("b.out")), "cd": Add(a: Out("c.out"), b: Out("d.out")),
        "y": Add(a: Out("ab.out"), b: Out("cd.out"))"#;
    assert_eq!(kit.numbers(&host, &graph(nodes, "y.out")).0, [10.0]);
    // Elements of a list meet in the same way.
    let nodes = r#""r": Range(count: 8), "m": Meet(x: Out("r.out")), "y": Sum(values: Out("m.out"))"#;
    assert_eq!(kit.numbers(&host, &graph(nodes, "y.out")).0, [28.0]);
}

#[test]
fn no_more_nodes_run_at_once_than_there_are_threads() {
    for threads in [0, 1, 2, 3] {
        let (kit, _, all) = counting(Caps::default());
        assert_eq!(sum(&kit.host(), threads), doubled());
        assert!(all.most() <= threads.max(1), "{} at once with {threads} threads", all.most());
    }
}

#[test]
fn work_on_a_device_is_done_one_node_at_a_time() {
    let (kit, _, all) = counting(Caps { cuda: true, ..Caps::default() });
    assert_eq!(sum(&kit.host(), 8), doubled());
    assert_eq!(all.most(), 1);
}

#[test]
fn a_serial_type_runs_one_at_a_time_beside_others() {
    let (kit, [one, two], _) = counting(Caps { serial: true, ..Caps::default() });
    assert_eq!(sum(&kit.host(), 8), doubled());
    assert_eq!((one.most(), two.most()), (1, 1));
}

#[test]
fn two_runs_at_once_share_the_device() {
    let (kit, _, all) = counting(Caps { cuda: true, ..Caps::default() });
    // Nothing is kept, so that both have to do all of it.
    let host = kit.host();
    std::thread::scope(|scope| {
        for run in 0..2 {
            let host = &host;
            scope.spawn(move || {
                let nodes = format!(
                    r#""r": Range(count: 10), "s": Add(a: Out("r.out"), b: {run}00), "o": One(x: Out("s.out"))"#
                );
                assert_eq!(numbers(output(&crate::kit::run(host, &graph(&nodes, "o.out")))).len(), 10);
            });
        }
    });
    assert_eq!(all.most(), 1);
}

#[test]
fn two_runs_at_once_on_one_host() {
    let kit = Kit::new();
    let host = kit.host();
    std::thread::scope(|scope| {
        for run in 0..4 {
            let host = &host;
            scope.spawn(move || {
                for n in 0..50 {
                    let nodes = format!(
                        r#""r": Range(count: {n}), "t": Thing(value: Out("r.out")), "p": Plus(thing: Out("t.out"), by: {run}),
                           "w": Weigh(thing: Out("p.out")), "s": Sum(values: Out("w.out"))"#
                    );
                    let sum = (0..n).sum::<i32>() + n * run;
                    assert_eq!(numbers(output(&crate::kit::run(host, &graph(&nodes, "s.out")))), [f64::from(sum)]);
                }
            });
        }
    });
}

#[test]
fn random_graphs_come_to_an_end() {
    let mut kit = Kit::new();
    for (name, caps) in
        [("Device", Caps { cuda: true, ..Caps::default() }), ("Serial", Caps { serial: true, ..Caps::default() })]
    {
        let descriptor = kit.describe(name).caps(caps);
        kit.add_as(descriptor, [port("a", Type::FLOAT), port("b", Type::FLOAT)], [Type::FLOAT], |_, i| {
            Ok(vec![Value::Float(f(i, 0).max(f(i, 1)) + 1.0)])
        });
    }
    let host = kit.host();
    let mut state = 1u64;
    let mut below = |n: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % n
    };
    for case in 0..1000 {
        let count = 2 + below(20);
        let mut nodes = vec![format!(r#""n0": Num(value: {case})"#)];
        for i in 1..count {
            let kind = ["Device", "Serial", "Add"][below(3)];
            nodes.push(format!(r#""n{i}": {kind}(a: Out("n{}.out"), b: Out("n{}.out"))"#, below(i), below(i)));
        }
        let outputs: Vec<String> = (0..count).map(|i| format!(r#""y{i}": Out("n{i}.out")"#)).collect();
        let text = format!("Graph(version: 1, nodes: {{{}}}, outputs: {{{}}})", nodes.join(", "), outputs.join(", "));
        let options = RunOptions { threads: 1 + below(6), ..options() };
        assert_eq!(run_with(&host, &text, &[], &options, &()).result, RunResult::Ok);
    }
}
