//! Random graphs, compared with what they plainly mean.

use crate::kit::*;
use proptest::prelude::*;
use selfsame_host::{Host, RunOptions};
use selfsame_sdk::Value;
use std::collections::BTreeMap;

/// A node: its kind, and indices of earlier nodes or numbers of the literals.
#[derive(Clone, Debug)]
struct Random {
    kind: Kind,
    a: usize,
    b: usize,
    literal: i32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Num,
    Add,
    AddLiteral,
    Floor,
    Range,
    Sum,
    Pick,
    Thing,
    Both,
    Weigh,
    Pebble,
    Unpebble,
    Roll,
}

const KINDS: [Kind; 13] = [
    Kind::Num,
    Kind::Add,
    Kind::AddLiteral,
    Kind::Floor,
    Kind::Range,
    Kind::Sum,
    Kind::Pick,
    Kind::Thing,
    Kind::Both,
    Kind::Weigh,
    Kind::Pebble,
    Kind::Unpebble,
    Kind::Roll,
];

fn random_nodes() -> impl Strategy<Value = Vec<Random>> {
    let node = (0..KINDS.len(), any::<u16>(), any::<u16>(), -3..4i32).prop_map(|(kind, a, b, literal)| Random {
        kind: KINDS[kind],
        a: a.into(),
        b: b.into(),
        literal,
    });
    proptest::collection::vec(node, 1..24)
}

/// What a node gives: a tree of numbers.
#[derive(Clone, Debug, PartialEq)]
enum Tree {
    One(f64),
    List(Vec<Tree>),
}

use Tree::{List, One};

/// What an output holds, and how deep its lists are. A switch gives what it is given, so its kind is that of its sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Number,
    Thing,
    Pebble,
}

/// A graph that is valid: every link leads to a value of the sort and length that the node takes.
struct Made {
    text: Vec<String>,
    /// For each node its sort and what it gives.
    gives: Vec<(Sort, Tree)>,
    /// For each node which others it needs, as far as it asks for them, and how often it is called.
    needs: Vec<(Vec<usize>, usize)>,
}

fn map(a: &Tree, f: &dyn Fn(f64) -> f64) -> Tree {
    match a {
        One(x) => One(f(*x)),
        List(items) => List(items.iter().map(|item| map(item, f)).collect()),
    }
}

fn zip(a: &Tree, b: &Tree, f: &dyn Fn(f64, f64) -> f64) -> Option<Tree> {
    Some(match (a, b) {
        (One(a), One(b)) => One(f(*a, *b)),
        (One(a), b) => map(b, &|b| f(*a, b)),
        (a, One(b)) => map(a, &|a| f(a, *b)),
        (List(a), List(b)) if a.len() == b.len() => {
            List(a.iter().zip(b).map(|(a, b)| zip(a, b, f)).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

fn numbers_in(tree: &Tree) -> Vec<f64> {
    match tree {
        One(x) => vec![*x],
        List(items) => items.iter().flat_map(numbers_in).collect(),
    }
}

fn make(nodes: &[Random]) -> Made {
    let mut made = Made { text: Vec::new(), gives: Vec::new(), needs: Vec::new() };
    for (i, node) in nodes.iter().enumerate() {
        // The nearest earlier node of this sort, from a random one on; if there is none, a constant takes the place.
        let find = |from: usize, sort: Sort| {
            let fits: Vec<usize> = (0..i).filter(|j| made.gives[*j].0 == sort).collect();
            (!fits.is_empty()).then(|| fits[from % fits.len()])
        };
        let tree = |j: usize| made.gives[j].1.clone();
        let (a, b) = (node.a, node.b);
        let n = f64::from(node.literal);
        let one = |kind: &str, port: &str, from: Sort, to: Sort, f: &dyn Fn(f64) -> f64| {
            let j = find(a, from)?;
            let gives = map(&tree(j), f);
            let calls = numbers_in(&gives).len();
            Some((format!("{kind}({port}: Out(\"n{j}.out\"))"), to, gives, vec![j], calls))
        };
        let two = |kind: &str, sort: Sort| {
            let (j, k) = (find(a, sort)?, find(b, sort)?);
            let gives = zip(&tree(j), &tree(k), &|a, b| a + b)?;
            let calls = numbers_in(&gives).len();
            Some((format!("{kind}(a: Out(\"n{j}.out\"), b: Out(\"n{k}.out\"))"), sort, gives, vec![j, k], calls))
        };
        let planned = match node.kind {
            Kind::Num => None,
            Kind::Add => two("Add", Sort::Number),
            Kind::AddLiteral => find(a, Sort::Number).map(|j| {
                let gives = map(&tree(j), &|x| x + n);
                let calls = numbers_in(&gives).len();
                (format!("Add(a: Out(\"n{j}.out\"), b: {n:?})"), Sort::Number, gives, vec![j], calls)
            }),
            Kind::Floor => one("Floor", "x", Sort::Number, Sort::Number, &f64::floor),
            Kind::Range => {
                let count = node.literal.unsigned_abs();
                let gives = List((0..count).map(|x| One(f64::from(x))).collect());
                Some((format!("Range(count: {count})"), Sort::Number, gives, vec![], 1))
            }
            Kind::Sum => find(a, Sort::Number).and_then(|j| {
                let sum = match tree(j) {
                    One(x) => x,
                    List(items) => {
                        items.iter().map(|item| if let One(x) = item { Some(*x) } else { None }).sum::<Option<f64>>()?
                    }
                };
                Some((format!("Sum(values: Out(\"n{j}.out\"))"), Sort::Number, One(sum + 0.0), vec![j], 1))
            }),
            Kind::Pick => find(a, Sort::Number).zip(find(b, Sort::Number)).map(|(j, k)| {
                let which = node.literal & 1;
                let taken = if which == 0 { j } else { k };
                let text = format!("Pick(which: {which}, a: Out(\"n{j}.out\"), b: Out(\"n{k}.out\"))");
                (text, Sort::Number, tree(taken), vec![taken], 1)
            }),
            Kind::Thing => one("Thing", "value", Sort::Number, Sort::Thing, &|x| x),
            Kind::Both => two("Both", Sort::Thing),
            Kind::Weigh => one("Weigh", "thing", Sort::Thing, Sort::Number, &|x| x),
            Kind::Pebble => one("Pebble", "value", Sort::Number, Sort::Pebble, &|x| x),
            Kind::Unpebble => one("Polish", "pebble", Sort::Pebble, Sort::Pebble, &|x| x + 1.0),
            Kind::Roll => one("Roll", "x", Sort::Number, Sort::Number, &|x| x),
        };
        let constant = || (format!("Num(value: {n:?})"), Sort::Number, One(n), vec![], 1);
        let (text, sort, gives, needs, calls) = planned.unwrap_or_else(constant);
        made.text.push(format!("\"n{i}\": {text}"));
        made.gives.push((sort, gives));
        made.needs.push((needs, calls));
    }
    made
}

impl Made {
    fn graph(&self) -> String {
        graph(&self.text.join(", "), &format!("n{}.out", self.text.len() - 1))
    }

    fn result(&self) -> &Tree {
        &self.gives[self.gives.len() - 1].1
    }

    /// How often each node that the result needs is called.
    fn calls(&self) -> BTreeMap<String, usize> {
        let mut open = vec![self.text.len() - 1];
        let mut calls = BTreeMap::new();
        while let Some(node) = open.pop() {
            let (needs, count) = &self.needs[node];
            if calls.insert(format!("n{node}"), *count).is_none() {
                open.extend(needs);
            }
        }
        calls.retain(|_, count| *count > 0);
        calls
    }

    /// Whether other nodes of its kind give every number that a node gives, so that their runs may do for it.
    fn is_given_by_others(&self, id: &str) -> bool {
        let own: usize = id[1..].parse().unwrap();
        let kind = |i: usize| self.text[i].split([' ', '(']).nth(1);
        let others = (0..self.text.len()).filter(|i| *i != own && kind(*i) == kind(own));
        let given: Vec<f64> = others.flat_map(|i| numbers_in(&self.gives[i].1)).collect();
        numbers_in(&self.gives[own].1).iter().all(|x| given.contains(x))
    }
}

fn as_tree(value: &Value) -> Tree {
    match value {
        Value::List(items) => List(items.iter().map(as_tree).collect()),
        one => One(number(one)),
    }
}

fn counted(kit: &Kit) -> BTreeMap<String, usize> {
    kit.ran().into_iter().fold(BTreeMap::new(), |mut counts, id| {
        *counts.entry(id).or_default() += 1;
        counts
    })
}

fn evaluate(host: &Host, made: &Made, threads: usize) -> Tree {
    let options = RunOptions { threads, ..options() };
    as_tree(output(&run_with(host, &made.graph(), &[], &options, &())))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// On a host that knows nothing, every needed node runs, each call once; what is not asked for does not run.
    #[test]
    fn every_needed_node_runs_once(nodes in random_nodes(), threads in 1..5usize, budget in prop::sample::select(vec![0, 250, 1 << 30])) {
        let kit = Kit::new();
        let host = kit.host_of(|settings| settings.memory_bytes = budget);
        let made = make(&nodes);
        prop_assert_eq!(&evaluate(&host, &made, threads), made.result());
        let (ran, needed) = (counted(&kit), made.calls());
        // Two calls that are alike may share one run, also those for single elements of lists.
        for (id, count) in &ran {
            prop_assert!(needed.get(id).is_some_and(|needed| count <= needed), "{} ran {} times of {:?}\n{}", id, count, needed, made.graph());
        }
        if budget > 250 {
            let idle = needed.keys().find(|id| !ran.contains_key(*id) && !made.is_given_by_others(id));
            prop_assert!(idle.is_none(), "{:?} did not run\n{}", idle, made.graph());
        }
        drop(host);
        prop_assert_eq!(kit.live.now(), 0);
    }

    /// Whatever was run before, and wherever results are kept, a graph gives what it means.
    #[test]
    fn results_do_not_depend_on_what_is_kept(
        nodes in random_nodes(),
        changes in proptest::collection::vec((any::<u16>(), -3..4i32), 1..6),
        threads in 1..5usize,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let kit = Kit::new();
        let hosts = [
            kit.host(),
            kit.host_of(|settings| settings.memory_bytes = 0),
            kit.host_of(|settings| settings.memory_bytes = 250),
            kit.host_on(folder.path()),
            kit.host_of(|settings| {
                settings.memory_bytes = 0;
                settings.cache_folder = Some(folder.path().to_owned());
            }),
        ];
        let mut nodes = nodes;
        for (at, literal) in changes {
            let made = make(&nodes);
            for (i, host) in hosts.iter().enumerate() {
                for again in 0..2 {
                    counted(&kit);
                    prop_assert_eq!(&evaluate(host, &made, threads), made.result(), "host {}, again {}\n{}", i, again, made.graph());
                    for (id, count) in counted(&kit) {
                        let needed = made.calls();
                        prop_assert!(needed.get(&id).is_some_and(|needed| count <= *needed), "host {}, again {}: {} ran {} times\n{}", i, again, id, count, made.graph());
                    }
                }
            }
            let count = nodes.len();
            nodes[usize::from(at) % count].literal = literal;
        }
        drop(hosts);
        prop_assert_eq!(kit.live.now(), 0);
    }
}
