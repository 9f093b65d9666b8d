//! Test nodes that write down when they run, and short ways to run a graph.

use selfsame_graphs::{ArgValues, Disk, Document, Project, Targets};
use selfsame_host::{Event, Host, HostSettings, NodeState, Nodes, Observer, Outcome, Reason, RunOptions};
use selfsame_sdk::{
    Codec, Ctx, Error, Image, InputPort, Inputs, Literal, Node, NodeDescriptor, NodeType, Object, OutputPort, Result,
    Slot, Status, Type, Value,
};
use std::borrow::Cow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

pub type Function = dyn Fn(Ctx, &Inputs) -> Result<Vec<Value>> + Send + Sync;

/// Ids of nodes, once for each call that came to an end.
pub type Log = Arc<Mutex<Vec<String>>>;

struct TestType {
    descriptor: NodeDescriptor,
    function: Arc<Function>,
    log: Log,
}

struct TestNode {
    function: Arc<Function>,
    log: Log,
}

impl NodeType for TestType {
    fn descriptor(&self) -> &NodeDescriptor {
        &self.descriptor
    }

    fn create(&self) -> Box<dyn Node> {
        Box::new(TestNode { function: self.function.clone(), log: self.log.clone() })
    }
}

impl Node for TestNode {
    fn run(&mut self, ctx: Ctx, inputs: &Inputs) -> Result<Vec<Value>> {
        let result = (self.function)(ctx, inputs);
        if !matches!(&result, Err(error) if error.status == Status::NeedsInput) {
            self.log.lock().unwrap().push(ctx.node_id().to_owned());
        }
        result
    }
}

/// A value that cannot be stored, and that is counted while it lives.
pub struct Thing {
    pub value: f64,
    pub bytes: u64,
    live: Arc<Live>,
}

/// How many things there are, and were at most.
#[derive(Default)]
pub struct Live {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Live {
    pub fn now(&self) -> usize {
        self.now.load(Ordering::SeqCst)
    }

    pub fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    pub fn thing(self: &Arc<Self>, value: f64, bytes: u64) -> Value {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        Value::object(Thing { value, bytes, live: self.clone() })
    }
}

impl Drop for Thing {
    fn drop(&mut self) {
        self.live.now.fetch_sub(1, Ordering::SeqCst);
    }
}

pub const THING: Type = Type::Named(Cow::Borrowed("THING"));
pub const PEBBLE: Type = Type::Named(Cow::Borrowed("PEBBLE"));

impl Object for Thing {
    fn type_name(&self) -> Cow<'_, str> {
        "THING".into()
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// A value that can be stored: one number that says it takes no memory, so that it is always worth a file.
pub struct Pebble(pub f64);

impl Object for Pebble {
    fn type_name(&self) -> Cow<'_, str> {
        "PEBBLE".into()
    }

    fn bytes(&self) -> u64 {
        0
    }
}

pub fn pebble_codec() -> Codec {
    Codec {
        type_name: "PEBBLE",
        encode: |object| {
            let pebble = (object as &dyn std::any::Any).downcast_ref::<Pebble>()?;
            Some(pebble.0.to_le_bytes().to_vec())
        },
        decode: |bytes| {
            let bytes = bytes.try_into().map_err(|_| Error::new("not eight bytes"))?;
            Ok(Arc::new(Pebble(f64::from_le_bytes(bytes))))
        },
    }
}

/// What a test has: node types, what they did, what they hold.
pub struct Kit {
    pub nodes: Nodes,
    pub log: Log,
    pub live: Arc<Live>,
}

/// A port with all that a sound one needs.
pub fn port(name: &str, ty: Type) -> InputPort {
    InputPort::new(name, ty).doc("an input")
}

fn descriptor(name: &str) -> NodeDescriptor {
    NodeDescriptor::new(format!("test.{}", name.to_lowercase()), name).category("test").doc("A test node.")
}

impl Kit {
    /// With the nodes that many tests use.
    pub fn new() -> Kit {
        let mut kit = Kit { nodes: Nodes::none(), log: Log::default(), live: Arc::default() };
        kit.nodes.add_codec(pebble_codec());
        let float = || Type::FLOAT;
        kit.add("Num", [port("value", float())], [float()], |_, i| Ok(vec![Value::Float(f(i, 0))]));
        kit.add("Int", [port("value", Type::INT)], [Type::INT], |_, i| Ok(vec![value(i, 0)]));
        kit.add("Add", [port("a", float()), port("b", float())], [float()], |_, i| {
            Ok(vec![Value::Float(f(i, 0) + f(i, 1))])
        });
        kit.add("Floor", [port("x", float())], [float()], |_, i| Ok(vec![Value::Float(f(i, 0).floor())]));
        kit.add("Id", [port("x", Type::Any)], [Type::Any], |_, i| Ok(vec![value(i, 0)]));
        let live = kit.live.clone();
        kit.add("Thing", [port("value", float()), port("bytes", Type::INT).default(100i64)], [THING], move |_, i| {
            Ok(vec![live.thing(f(i, 0), int(i, 1) as u64)])
        });
        let live = kit.live.clone();
        let by = port("by", float()).default(1.0);
        kit.add("Plus", [port("thing", THING), by.clone()], [THING], move |_, i| {
            let thing = thing(&value(i, 0));
            Ok(vec![live.thing(thing.value + f(i, 1), thing.bytes)])
        });
        let live = kit.live.clone();
        kit.add("Both", [port("a", THING), port("b", THING)], [THING], move |_, i| {
            let (a, b) = (thing(&value(i, 0)), thing(&value(i, 1)));
            Ok(vec![live.thing(a.value + b.value, a.bytes)])
        });
        kit.add("Weigh", [port("thing", THING)], [float()], |_, i| Ok(vec![Value::Float(thing(&value(i, 0)).value)]));
        kit.add("Pebble", [port("value", float())], [PEBBLE], |_, i| Ok(vec![Value::object(Pebble(f(i, 0)))]));
        kit.add("Petrify", [port("thing", THING)], [PEBBLE], |_, i| {
            Ok(vec![Value::object(Pebble(thing(&value(i, 0)).value))])
        });
        kit.add("Polish", [port("pebble", PEBBLE), by], [PEBBLE], |_, i| {
            Ok(vec![Value::object(Pebble(number(&value(i, 0)) + f(i, 1)))])
        });
        let any = |name| port(name, Type::Any).lazy();
        kit.add("Pick", [port("which", Type::INT), any("a"), any("b")], [Type::Any], |_, i| {
            Ok(vec![i.value(if int(i, 0) == 0 { 1 } else { 2 })?.unwrap().clone()])
        });
        kit.add("Range", [port("count", Type::INT)], [Type::list(float())], |_, i| {
            Ok(vec![Value::list((0..int(i, 0)).map(|n| Value::Float(n as f64)))])
        });
        kit.add("Sum", [port("values", Type::list(float()))], [float()], |_, i| {
            Ok(vec![Value::Float(numbers(&value(i, 0)).iter().sum())])
        });
        let x = port("x", float());
        kit.add("FailAt", [x.clone(), port("at", float()).default(0.0)], [float()], |_, i| match f(i, 0) {
            x if x == f(i, 1) => Err(Error::input("x", "it is the one").hint("take another")),
            x => Ok(vec![Value::Float(x)]),
        });
        kit.add_as(descriptor("Effect").output_node(), [port("x", Type::Any)], [Type::Any], |_, i| {
            Ok(vec![value(i, 0)])
        });
        kit.add_as(descriptor("Roll").not_deterministic(), [x], [float()], |_, i| Ok(vec![value(i, 0)]));
        kit
    }

    pub fn add<const I: usize, const O: usize>(
        &mut self,
        name: &str,
        inputs: [InputPort; I],
        outputs: [Type; O],
        function: impl Fn(Ctx, &Inputs) -> Result<Vec<Value>> + Send + Sync + 'static,
    ) {
        self.add_as(descriptor(name), inputs, outputs, function);
    }

    /// Adds a node type with a descriptor of its own. Its outputs are called `out`, `out1`, `out2`.
    pub fn add_as<const I: usize, const O: usize>(
        &mut self,
        descriptor: NodeDescriptor,
        inputs: [InputPort; I],
        outputs: [Type; O],
        function: impl Fn(Ctx, &Inputs) -> Result<Vec<Value>> + Send + Sync + 'static,
    ) {
        let descriptor = inputs.into_iter().fold(descriptor, NodeDescriptor::input);
        let output =
            |(i, ty)| OutputPort::new(if i == 0 { "out".to_owned() } else { format!("out{i}") }, ty).doc("an output");
        let descriptor = outputs.into_iter().enumerate().map(output).fold(descriptor, NodeDescriptor::output);
        let node = TestType { descriptor, function: Arc::new(function), log: self.log.clone() };
        self.nodes.add(Arc::new(node)).unwrap();
    }

    pub fn describe(&self, name: &str) -> NodeDescriptor {
        descriptor(name)
    }

    pub fn host(&self) -> Host {
        self.host_of(|_| {})
    }

    pub fn host_of(&self, change: impl FnOnce(&mut HostSettings)) -> Host {
        let nodes = self.nodes.clone();
        let mut settings =
            HostSettings { nodes, device: "cpu".to_owned(), memory_bytes: 1 << 30, ..HostSettings::default() };
        change(&mut settings);
        Host::new(settings).unwrap()
    }

    pub fn host_on(&self, folder: &Path) -> Host {
        self.host_of(|settings| settings.cache_folder = Some(folder.to_owned()))
    }

    /// Ids of the nodes that ran since this was asked last, sorted.
    pub fn ran(&self) -> Vec<String> {
        let mut ran = std::mem::take(&mut *self.log.lock().unwrap());
        ran.sort();
        ran
    }

    /// Runs a graph; gives the outcome and what ran, sorted, with spaces between.
    pub fn run(&self, host: &Host, graph: &str) -> (Outcome, String) {
        self.ran();
        let outcome = run(host, graph);
        (outcome, self.ran().join(" "))
    }

    /// Runs a graph that works; gives the output `y` as numbers and what ran.
    pub fn numbers(&self, host: &Host, graph: &str) -> (Vec<f64>, String) {
        let (outcome, ran) = self.run(host, graph);
        (numbers(output(&outcome)), ran)
    }
}

/// A graph of these nodes, whose output `y` is `of`.
pub fn graph(nodes: &str, of: &str) -> String {
    format!("Graph(version: 1, nodes: {{{nodes}}}, outputs: {{\"y\": Out(\"{of}\")}})")
}

pub fn run(host: &Host, graph: &str) -> Outcome {
    run_with(host, graph, &[], &options(), &())
}

/// Few threads, so that many tests can run at once.
pub fn options() -> RunOptions {
    RunOptions { threads: 4, ..RunOptions::default() }
}

pub fn explaining() -> RunOptions {
    RunOptions { explain: true, ..options() }
}

pub fn keep_going() -> RunOptions {
    RunOptions { keep_going: true, ..options() }
}

pub fn run_with(
    host: &Host,
    graph: &str,
    set: &[(&str, Literal)],
    options: &RunOptions,
    observer: &dyn Observer,
) -> Outcome {
    run_named(host, "test.ron", graph, set, options, observer)
}

pub fn run_named(
    host: &Host,
    name: &str,
    graph: &str,
    set: &[(&str, Literal)],
    options: &RunOptions,
    observer: &dyn Observer,
) -> Outcome {
    let project = Project::around(&Disk, Document::parse(name, graph));
    let mut args = ArgValues::default();
    for (name, literal) in set {
        args.set(project.root(), name, literal.clone()).unwrap();
    }
    let prepared = host.load(&project, &args, Targets::All).unwrap_or_else(|error| panic!("{error}\nin {graph}"));
    host.run(&prepared, options, observer)
}

/// The output `y`, which must be there.
pub fn output(outcome: &Outcome) -> &Value {
    outcome.output("y").unwrap_or_else(|| panic!("{:?}: {:#?}", outcome.result, outcome.failures))
}

/// The ids of the nodes in a state, sorted, with spaces between.
pub fn in_state(outcome: &Outcome, state: NodeState) -> String {
    let mut ids: Vec<&str> = outcome.nodes.iter().filter(|n| n.state == state).map(|n| &*n.node).collect();
    ids.sort_unstable();
    ids.join(" ")
}

pub fn why(outcome: &Outcome, node: &str) -> Vec<Reason> {
    outcome.nodes.iter().find(|report| &*report.node == node).unwrap().why.clone()
}

/// What happened, each event as JSON.
#[derive(Default)]
pub struct Events(pub Mutex<Vec<serde_json::Value>>);

impl Observer for Events {
    fn event(&self, event: &Event) {
        self.0.lock().unwrap().push(serde_json::to_value(event).unwrap());
    }
}

impl Events {
    /// The names of the events of a node.
    pub fn of(&self, node: &str) -> Vec<String> {
        let events = self.0.lock().unwrap();
        let of_node = events.iter().filter(|event| event["node"] == node);
        of_node.map(|event| event["event"].as_str().unwrap().to_owned()).collect()
    }
}

pub fn value(inputs: &Inputs, index: usize) -> Value {
    inputs.value(index).unwrap().unwrap().clone()
}

pub fn f(inputs: &Inputs, index: usize) -> f64 {
    number(&value(inputs, index))
}

pub fn int(inputs: &Inputs, index: usize) -> i64 {
    match inputs.slot(index).unwrap().1 {
        Slot::Value(Value::Int(i)) => *i,
        other => panic!("{other:?} is no integer"),
    }
}

pub fn thing(value: &Value) -> Arc<Thing> {
    value.downcast().unwrap_or_else(|| panic!("{value} is no thing"))
}

/// The number in a value of any kind.
pub fn number(value: &Value) -> f64 {
    match value {
        Value::Float(x) => *x,
        Value::Int(i) => *i as f64,
        Value::Object(_) => {
            let pebble = value.downcast::<Pebble>().map(|pebble| pebble.0);
            let image = || value.downcast::<Image>().map(|image| f64::from(image.data()[0]));
            pebble.or_else(image).unwrap_or_else(|| thing(value).value)
        }
        other => panic!("{other} is no number"),
    }
}

/// The numbers in a value, through all lists.
pub fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::List(items) => items.iter().flat_map(numbers).collect(),
        one => vec![number(one)],
    }
}
