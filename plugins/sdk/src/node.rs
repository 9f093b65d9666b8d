//! The function of a node.

use crate::{Ctx, Error, InputPort, NodeDescriptor, Result, Value};
use std::marker::PhantomData;
use std::sync::Arc;

/// A type of node: its description, and a way to make one.
pub trait NodeType: Send + Sync {
    /// What it is to everybody else.
    fn descriptor(&self) -> &NodeDescriptor;

    /// A node of this type. The host keeps one for each node of a graph and may call it many times, so that a node may
    /// remember things; what it gives must not depend on them if the descriptor says that it is deterministic.
    fn create(&self) -> Box<dyn Node>;

    /// What a result depends on besides the inputs, the id and the version: of a node from a plugin, which build it is.
    fn fingerprint(&self) -> &str {
        ""
    }

    /// The plugin that it is from, and its version: `acme-filters 1.2.0`; empty for what is part of the host.
    fn plugin(&self) -> &str {
        ""
    }
}

/// A node of a graph.
pub trait Node: Send {
    /// Computes the outputs, one for each output port, in the order of the descriptor.
    ///
    /// # Errors
    /// When it cannot.
    fn run(&mut self, ctx: Ctx, inputs: &Inputs) -> Result<Vec<Value>>;
}

/// What a node is given: a slot for each input port, in the order of the descriptor. All values have the type of
/// their port; a port with [`list`](InputPort::list) has a [`Value::List`].
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    ports: &'a [InputPort],
    slots: &'a [Slot],
}

/// What is in an input.
#[derive(Clone, Debug)]
pub enum Slot {
    /// A value.
    Value(Value),
    /// Nothing: the input is optional and not set.
    Unset,
    /// A lazy input that has not been computed.
    Pending,
}

impl<'a> Inputs<'a> {
    /// The inputs of a node.
    ///
    /// # Errors
    /// If there are not as many slots as ports.
    pub fn new(ports: &'a [InputPort], slots: &'a [Slot]) -> Result<Self> {
        if ports.len() != slots.len() {
            return Err(Error::new(format!("{} inputs for {} ports", slots.len(), ports.len())));
        }
        Ok(Inputs { ports, slots })
    }

    /// The ports.
    pub fn ports(&self) -> &'a [InputPort] {
        self.ports
    }

    /// The port and slot of an index.
    ///
    /// # Errors
    /// If there is no such input.
    pub fn slot(&self, index: usize) -> Result<(&'a InputPort, &'a Slot)> {
        let found = self.ports.get(index).zip(self.slots.get(index));
        found.ok_or_else(|| Error::new(format!("there is no input number {index}")))
    }

    /// The value of an index; none if it is not set.
    ///
    /// # Errors
    /// If there is no such input; [`Status::NeedsInput`](crate::Status::NeedsInput) if it is lazy and not computed yet,
    /// which the node hands on to the host.
    pub fn value(&self, index: usize) -> Result<Option<&'a Value>> {
        match self.slot(index)? {
            (_, Slot::Value(value)) => Ok(Some(value)),
            (_, Slot::Unset) => Ok(None),
            (port, Slot::Pending) => Err(Error::needs(&port.name)),
        }
    }
}

/// A node that is nothing but a function and what it remembers: what the attribute `#[node]` makes.
pub trait FunctionNode: Send + Sync + 'static {
    /// What a node of this type remembers from call to call.
    type State: Default + Send + 'static;

    /// The description.
    fn describe() -> NodeDescriptor;

    /// The function.
    ///
    /// # Errors
    /// When it cannot.
    fn call(state: &mut Self::State, ctx: Ctx, inputs: &Inputs) -> Result<Vec<Value>>;
}

/// The node type of a function.
pub fn function_node<F: FunctionNode>() -> Arc<dyn NodeType> {
    Arc::new(FunctionType::<F> { descriptor: F::describe(), function: PhantomData })
}

struct FunctionType<F> {
    descriptor: NodeDescriptor,
    function: PhantomData<F>,
}

impl<F: FunctionNode> NodeType for FunctionType<F> {
    fn descriptor(&self) -> &NodeDescriptor {
        &self.descriptor
    }

    fn create(&self) -> Box<dyn Node> {
        Box::new(Function::<F>(F::State::default()))
    }
}

struct Function<F: FunctionNode>(F::State);

impl<F: FunctionNode> Node for Function<F> {
    fn run(&mut self, ctx: Ctx, inputs: &Inputs) -> Result<Vec<Value>> {
        F::call(&mut self.0, ctx, inputs)
    }
}

/// A list of node types, in the order in which people read them: `nodes![gain, resize]`.
#[macro_export]
macro_rules! nodes {
    ($($node:path),* $(,)?) => { ::std::vec![$($crate::function_node::<$node>()),*] };
}
