//! Whether the nodes of a plugin keep what their descriptions promise: they are run with values that are made up.
//!
//! A node that crashes ends this process, unless its plugin runs in one of its own.

mod samples;

use crate::plugin::MISTAKE;
use samples::Samples;
use selfsame_sdk::testing::TestHost;
use selfsame_sdk::{
    Error, Image, Inputs, Latent, Mask, Node, NodeDescriptor, NodeType, Result, Slot, Status, Tensor, Value,
};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How soon a cancelled node should end.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was found out about a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checked {
    /// Its id.
    pub id: String,
    /// Its name in graphs.
    pub name: String,
    /// How often it gave a result.
    pub runs: usize,
    /// Why it could not be tried, if it could not.
    pub not_tried: Option<String>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Something that is wrong with a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whether it breaks a promise; else it is advice.
    pub is_error: bool,
    /// What is wrong.
    pub message: String,
}

impl Finding {
    fn error(message: impl Into<String>) -> Self {
        Finding { is_error: true, message: message.into() }
    }

    fn advice(message: impl Into<String>) -> Self {
        Finding { is_error: false, message: message.into() }
    }
}

/// Checks each of these nodes, **running code of them**. Sample files for them are put into a folder, which they must be able
/// to read.
pub fn check(nodes: &[Arc<dyn NodeType>], folder: &Path) -> Vec<Checked> {
    let mut names = BTreeSet::new();
    nodes.iter().map(|node| check_node(&**node, folder, &mut names)).collect()
}

fn check_node(node: &dyn NodeType, folder: &Path, names: &mut BTreeSet<String>) -> Checked {
    let descriptor = node.descriptor();
    let mut findings = described(descriptor);
    for name in [&descriptor.id, &descriptor.name].into_iter().chain(&descriptor.aliases) {
        if !names.insert(name.clone()) {
            findings.push(Finding::error(format!("`{name}` is a name of another node type, too")));
        }
    }
    let (mut runs, mut not_tried) = (0, None);
    // A description that contradicts itself says nothing about how to call the node.
    if findings.iter().all(|finding| !finding.is_error) {
        match run(node, folder, &mut findings) {
            Ok(count) => runs = count,
            Err(port) => not_tried = Some(port),
        }
    }
    Checked { id: descriptor.id.clone(), name: descriptor.name.clone(), runs, not_tried, findings }
}

/// What is wrong with a description.
fn described(descriptor: &NodeDescriptor) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        descriptor.check().iter().map(|wrong| Finding::error(format!("its description: {wrong}"))).collect();
    if descriptor.id.starts_with("core.") {
        findings.push(Finding::error("ids that start with `core.` are the host's"));
    }
    let inputs = descriptor.inputs.iter().map(|port| ("input", &port.name, &port.doc));
    let outputs = descriptor.outputs.iter().map(|port| ("output", &port.name, &port.doc));
    for (what, name, _) in inputs.chain(outputs).filter(|(_, _, doc)| doc.trim().is_empty()) {
        findings.push(Finding::error(format!("{what} `{name}` is not documented")));
    }
    findings
}

/// Runs a node with several sets of values; gives how often it succeeded, or else which input there is no value for.
fn run(node: &dyn NodeType, folder: &Path, findings: &mut Vec<Finding>) -> std::result::Result<usize, String> {
    let descriptor = node.descriptor();
    let mut succeeded = 0;
    let mut failures = BTreeSet::new();
    for samples in Samples::ALL {
        let host = TestHost::new();
        let slots = samples.slots(descriptor, folder)?;
        let mut one = node.create();
        let first = call(&mut *one, &host, descriptor, &slots);
        match &first {
            Ok(outputs) => {
                succeeded += 1;
                findings.extend(broken_promises(descriptor, outputs));
                if descriptor.deterministic {
                    let again = call(&mut *one, &host, descriptor, &slots);
                    let other = call(&mut *node.create(), &TestHost::new(), descriptor, &slots);
                    for (result, who) in [(again, "the same node"), (other, "another node of this type")] {
                        findings.extend(differs(outputs, &result, who));
                    }
                }
            }
            // What a node refuses, it refuses; that it broke is something else, and says enough.
            Err(error) if is_broken(error) => {
                findings.push(Finding::error(format!("{}: {error}", samples.describe())));
                return Ok(succeeded);
            }
            Err(error) => drop(failures.insert(error.to_string())),
        }
        findings.extend(cancelled(node, descriptor, &slots));
    }
    if let (0, Some(failure)) = (succeeded, failures.first()) {
        findings.push(Finding::advice(format!("it never gave a result, and says: {failure}")));
    }
    findings.dedup();
    Ok(succeeded)
}

/// Calls a node, with lazy inputs once it asks for them.
fn call(node: &mut dyn Node, host: &TestHost, descriptor: &NodeDescriptor, slots: &[Slot]) -> Result<Vec<Value>> {
    let mut asked = BTreeSet::new();
    loop {
        let ports = descriptor.inputs.iter().zip(slots);
        let given: Vec<Slot> = ports
            .map(|(port, slot)| match slot {
                Slot::Value(_) if port.lazy && !asked.contains(&port.name) => Slot::Pending,
                slot => slot.clone(),
            })
            .collect();
        match node.run(host.ctx(), &Inputs::new(&descriptor.inputs, &given)?) {
            Err(error) if error.status == Status::NeedsInput => match error.port.clone() {
                Some(port) if asked.insert(port.clone()) => {}
                _ => return Err(error),
            },
            result => return result,
        }
    }
}

fn broken_promises(descriptor: &NodeDescriptor, outputs: &[Value]) -> Vec<Finding> {
    if outputs.len() != descriptor.outputs.len() {
        let (got, expected) = (outputs.len(), descriptor.outputs.len());
        return vec![Finding::error(format!("it gave {got} outputs instead of {expected}"))];
    }
    let of = |(port, value): (&selfsame_sdk::OutputPort, &Value)| {
        let (name, ty) = (&port.name, &port.ty);
        if !value.is_nothing() && !ty.accepts(&value.ty()) {
            return Some(Finding::error(format!("output `{name}` is to be {ty}, and was {value}")));
        }
        let odd = numbers(value).into_iter().find(|x| !x.is_finite());
        odd.map(|x| Finding::error(format!("output `{name}` holds {x}, which is no number")))
    };
    descriptor.outputs.iter().zip(outputs).filter_map(of).collect()
}

/// The numbers in a value, as far as anybody can see them.
fn numbers(value: &Value) -> Vec<f32> {
    let of = |tensor: &Tensor| tensor.data().to_vec();
    match value {
        Value::Float(x) => vec![*x as f32],
        Value::List(items) => items.iter().flat_map(numbers).collect(),
        value => {
            let image = value.downcast::<Image>().map(|image| image.data().to_vec());
            let mask = || value.downcast::<Mask>().map(|mask| mask.data().to_vec());
            let latent = || value.downcast::<Latent>().map(|latent| of(&latent.samples));
            image.or_else(mask).or_else(latent).unwrap_or_default()
        }
    }
}

fn differs(first: &[Value], second: &Result<Vec<Value>>, who: &str) -> Option<Finding> {
    let advice = "a node whose results vary says `not_deterministic`";
    match second {
        Ok(second) if first.iter().zip(second).all(|(a, b)| is_same(a, b)) => None,
        Ok(_) => Some(Finding::error(format!("{who} gave another result for the same inputs; {advice}"))),
        Err(error) => Some(Finding::error(format!("{who} failed with the same inputs the second time: {error}"))),
    }
}

/// Whether two values are equal bit by bit. Of values that only their plugin can look into nobody knows.
fn is_same(a: &Value, b: &Value) -> bool {
    let bits = |value: &Value| numbers(value).into_iter().map(f32::to_bits).collect::<Vec<_>>();
    a.ty() == b.ty() && a.to_string() == b.to_string() && bits(a) == bits(b)
}

/// A cancelled node ends soon, whatever it gives.
fn cancelled(node: &dyn NodeType, descriptor: &NodeDescriptor, slots: &[Slot]) -> Option<Finding> {
    let host = TestHost::new();
    host.cancel();
    let started = Instant::now();
    let result = call(&mut *node.create(), &host, descriptor, slots);
    if started.elapsed() > PATIENCE {
        let seconds = started.elapsed().as_secs_f64();
        return Some(Finding::advice(format!("cancelled before it began, it still worked for {seconds:.1} s")));
    }
    match result {
        Err(error) if is_broken(&error) => Some(Finding::error(format!("cancelled before it began: {error}"))),
        _ => None,
    }
}

/// Whether a failure is the fault of the plugin, whatever it was given.
fn is_broken(error: &Error) -> bool {
    error.status == Status::Panic || error.hint.as_deref() == Some(MISTAKE)
}
