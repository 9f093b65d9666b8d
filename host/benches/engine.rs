//! What the engine costs beside its nodes: graphs of trivial FLOAT nodes in the shapes that other hosts were measured on.
//!
//! `cargo bench -p selfsame --bench engine`, and a name such as `chain_1000` for a part of it. Of each graph:
//!
//! | name | what is measured |
//! |---|---|
//! | `check` | all that is wrong with a graph that was read |
//! | `load` | from the text to what can run: read, check, plan, prepare |
//! | `first` | a run on a host that knows nothing; loading is not in it |
//! | `again` | the same run once more; only the sink runs, since output nodes always do |
//! | `load_again` | the same with loading, as a program does that was sent the graph once more |
//! | `first_constant` | a run after the constant has changed that everything depends on (in `wide`, one leaf) |
//! | `last_literal` | a run after the literal of the last node before the sink has changed |
//!
//! At the end come four nodes that wait a second each, and the memory of the process over ten thousand runs.

use criterion::{BatchSize, Criterion, Throughput};
use selfsame_graphs::{ArgValues, Disk, Document, Project, Targets};
use selfsame_host::{Host, HostSettings, Nodes, Outcome, Prepared, RunOptions, RunResult};
use selfsame_sdk::prelude::*;
use std::fmt::Write;
use std::hint::black_box;
use std::time::Duration;

/// A number.
#[node(id = "bench.const", category = "bench")]
#[output(value = "the number")]
fn bench_const(
    /// The number.
    value: f64,
) -> Result<f64> {
    Ok(value)
}

/// A sum.
#[node(id = "bench.add", category = "bench")]
#[output(value = "the sum")]
fn bench_add(
    /// A number.
    a: f64,
    /// Another.
    b: f64,
) -> Result<f64> {
    Ok(a + b)
}

/// A mean.
#[node(id = "bench.mean", category = "bench")]
#[output(value = "the mean")]
fn bench_mean(
    /// A number.
    a: f64,
    /// Another.
    b: f64,
) -> Result<f64> {
    Ok((a + b) / 2.0)
}

/// Waits a second.
#[node(id = "bench.sleep", category = "bench", not_deterministic)]
#[output(value = "the number")]
fn bench_sleep(
    /// The number.
    value: f64,
) -> Result<f64> {
    std::thread::sleep(Duration::from_secs(1));
    Ok(value)
}

/// Where a graph ends.
#[node(id = "bench.sink", category = "bench", output_node)]
fn bench_sink(
    /// The result.
    value: f64,
) -> Result<()> {
    black_box(value);
    Ok(())
}

/// A graph under construction. No two literals of it are equal, so that no two nodes are the same computation.
struct Graph {
    nodes: Vec<String>,
}

impl Graph {
    fn node(&mut self, text: &str) -> usize {
        self.nodes.push(format!("\"{}\": {text}", self.nodes.len()));
        self.nodes.len() - 1
    }

    fn literal(&self) -> f64 {
        self.nodes.len() as f64 / 8192.0
    }

    fn add(&mut self, a: usize) -> usize {
        self.node(&format!("BenchAdd(a: Out(\"{a}.value\"), b: {:?})", self.literal()))
    }

    fn tree(&mut self, mut links: Vec<usize>) -> usize {
        while links.len() > 1 {
            let pair = |graph: &mut Graph, pair: &[usize]| match *pair {
                [a, b] => graph.node(&format!("BenchAdd(a: Out(\"{a}.value\"), b: Out(\"{b}.value\"))")),
                _ => pair[0],
            };
            links = links.chunks(2).map(|links| pair(self, links)).collect();
        }
        links[0]
    }
}

/// A graph as a function of its first constant and its last literal.
struct Shape {
    name: String,
    before: String,
    between: String,
    after: String,
    nodes: usize,
}

impl Shape {
    fn new(name: impl Into<String>, build: impl FnOnce(&mut Graph, usize) -> usize) -> Shape {
        let mut graph = Graph { nodes: Vec::new() };
        let first = graph.node("BenchConst(value: ");
        let end = build(&mut graph, first);
        let mut between = String::from("), ");
        for node in &graph.nodes[1..] {
            // Writing to a text does not fail.
            let _ = write!(between, "{node}, ");
        }
        let last = graph.nodes.len();
        let _ = write!(between, "\"{last}\": BenchAdd(a: Out(\"{end}.value\"), b: ");
        Shape {
            name: name.into(),
            before: format!("Graph(version: 1, nodes: {{{}", graph.nodes[0]),
            between,
            after: format!("), \"sink\": BenchSink(value: Out(\"{last}.value\"))}})"),
            nodes: last + 2,
        }
    }

    fn chain(count: usize) -> Shape {
        Shape::new(format!("chain_{count}"), |graph, first| (1..count).fold(first, |link, _| graph.add(link)))
    }

    /// Independent constants, and a balanced tree of sums over them.
    fn wide(count: usize) -> Shape {
        Shape::new(format!("wide_{count}"), |graph, first| {
            let constant = |graph: &mut Graph| graph.node(&format!("BenchConst(value: {:?})", graph.literal()));
            let mut leaves = vec![first];
            leaves.extend((1..count).map(|_| constant(graph)));
            graph.tree(leaves)
        })
    }

    /// Diamonds in a row.
    fn ladder(count: usize) -> Shape {
        Shape::new(format!("ladder_{count}"), |graph, first| {
            (0..count / 3).fold(first, |link, _| {
                let (left, right) = (graph.add(link), graph.add(link));
                graph.node(&format!("BenchMean(a: Out(\"{left}.value\"), b: Out(\"{right}.value\"))"))
            })
        })
    }

    /// Chains from one constant, joined by a tree.
    fn comb(chains: usize, length: usize) -> Shape {
        Shape::new(format!("comb_{chains}x{length}"), |graph, first| {
            let ends = (0..chains).map(|_| (0..length).fold(first, |link, _| graph.add(link))).collect();
            graph.tree(ends)
        })
    }

    fn sleepers() -> Shape {
        Shape::new("four_sleepers", |graph, _| {
            let links = (0..4).map(|i| graph.node(&format!("BenchSleep(value: {i}.5)"))).collect();
            graph.tree(links)
        })
    }

    fn project(&self, first: f64, last: f64) -> Project {
        let text = format!("{}{first:?}{}{last:?}{}", self.before, self.between, self.after);
        Project::around(&Disk, Document::parse("bench.ron", text))
    }
}

/// What the changed constant was before.
const FIRST: f64 = 100.0;
const LAST: f64 = 0.25;

fn host() -> Host {
    let mut nodes = Nodes::none();
    nodes
        .extend(nodes![bench_const, bench_add, bench_mean, bench_sleep, bench_sink])
        .expect("these nodes do not contradict each other");
    let settings = HostSettings { nodes, device: "cpu".to_owned(), ..HostSettings::default() };
    Host::new(settings).expect("a host on the CPU")
}

fn load(host: &Host, project: &Project) -> Prepared {
    host.load(project, &ArgValues::default(), Targets::All).expect("a graph without mistakes")
}

fn run(host: &Host, prepared: &Prepared) -> Outcome {
    // The default asks the system for the number of cores, which takes as long as a hundred nodes.
    let options = RunOptions {
        threads: 4,
        output_folder: "output".into(),
        keep_going: false,
        explain: false,
        cancel: Default::default(),
        meter: Default::default(),
    };
    let outcome = host.run(prepared, &options, &());
    assert_eq!(outcome.result, RunResult::Ok);
    outcome
}

fn bench(c: &mut Criterion, shape: &Shape) {
    let mut group = c.benchmark_group(&shape.name);
    group.throughput(Throughput::Elements(shape.nodes as u64)).sample_size(20).measurement_time(Duration::from_secs(2));
    let known = host();
    let project = shape.project(FIRST, LAST);
    let prepared = load(&known, &project);
    run(&known, &prepared);
    group.bench_function("check", |b| b.iter(|| known.check(&project, None).map(|_| ()).expect("no mistakes")));
    group.bench_function("load", |b| b.iter(|| load(&known, &shape.project(FIRST, LAST))));
    group.bench_function("first", |b| {
        b.iter_batched(host, |host| (run(&host, &prepared), host), BatchSize::PerIteration)
    });
    group.bench_function("again", |b| b.iter(|| run(&known, &prepared)));
    group.bench_function("load_again", |b| b.iter(|| run(&known, &load(&known, &shape.project(FIRST, LAST)))));
    // Every time another number, so that nothing that depends on it is known.
    let mut changes = 0.0;
    let mut change = || {
        changes += 1.0 / 1024.0;
        changes
    };
    group.bench_function("first_constant", |b| {
        b.iter_batched(
            || load(&known, &shape.project(FIRST + change(), LAST)),
            |prepared| (run(&known, &prepared), prepared),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("last_literal", |b| {
        b.iter_batched(
            || load(&known, &shape.project(FIRST, LAST + change())),
            |prepared| (run(&known, &prepared), prepared),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// Ten thousand runs of one graph, each with another constant: says how much the process has grown after some of them.
fn memory_over_many_runs() {
    let resident_mib = || {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? / 1024.0)
    };
    let (host, shape) = (host(), Shape::chain(20));
    for count in 0..=10_000 {
        if count % 2000 == 0 {
            match resident_mib() {
                Some(mib) => println!("after {count} runs: {mib:.1} MiB, {:?}", host.memory_use()),
                None => return println!("this system does not tell how much memory a process takes"),
            }
        }
        run(&host, &load(&host, &shape.project(f64::from(count), LAST)));
    }
}

fn main() {
    let mut c = Criterion::default().configure_from_args();
    let chains = [100, 300, 1000, 5000].map(Shape::chain);
    let others = [Shape::wide(1000), Shape::ladder(1000), Shape::comb(10, 100), Shape::comb(50, 100)];
    for shape in chains.iter().chain(&others) {
        bench(&mut c, shape);
    }
    let (host, shape) = (host(), Shape::sleepers());
    let prepared = load(&host, &shape.project(FIRST, LAST));
    let mut group = c.benchmark_group(&shape.name);
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    group.bench_function("again", |b| b.iter(|| run(&host, &prepared)));
    group.finish();
    c.final_summary();
    if !std::env::args().any(|arg| arg == "--test" || arg == "--list") {
        memory_over_many_runs();
    }
}
