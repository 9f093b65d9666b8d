//! A node type whose nodes run in the process of its plugin.

use super::super::super::strikes::Strikes;
use super::super::message::{Callee, Control};
use super::super::value::Encoder;
use super::Isolated;
use super::conversation::{Broken, Conversation};
use super::link::Link;
use selfsame_sdk::{Ctx, Error, Inputs, Node, NodeDescriptor, NodeType, OutputPort, Result, Slot, Status, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A node type of an isolated plugin.
pub struct IsolatedType {
    index: u64,
    descriptor: NodeDescriptor,
    origin: Arc<Isolated>,
    strikes: Arc<Strikes>,
}

impl IsolatedType {
    /// `index` is its place among those of the plugin.
    pub fn new(index: u64, descriptor: NodeDescriptor, origin: Arc<Isolated>) -> Self {
        IsolatedType { index, descriptor, origin, strikes: Arc::default() }
    }
}

impl NodeType for IsolatedType {
    fn descriptor(&self) -> &NodeDescriptor {
        &self.descriptor
    }

    fn create(&self) -> Box<dyn Node> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Box::new(IsolatedNode {
            number: LAST.fetch_add(1, Ordering::Relaxed),
            index: self.index,
            outputs: self.descriptor.outputs.clone(),
            origin: self.origin.clone(),
            strikes: self.strikes.clone(),
            link: None,
        })
    }

    fn fingerprint(&self) -> &str {
        &self.origin.digest
    }

    fn plugin(&self) -> &str {
        &self.origin.name
    }
}

struct IsolatedNode {
    /// By which the process knows it.
    number: u64,
    index: u64,
    outputs: Vec<OutputPort>,
    origin: Arc<Isolated>,
    strikes: Arc<Strikes>,
    /// The process that ran it last.
    link: Option<Arc<Link>>,
}

impl Node for IsolatedNode {
    fn run(&mut self, ctx: Ctx, inputs: &Inputs) -> Result<Vec<Value>> {
        let origin = self.origin.clone();
        self.strikes.check().map_err(|error| origin.named(error))?;
        self.call(ctx, inputs).map_err(|broken| match broken {
            // The process says already which plugin it is.
            Broken::Failed(error) => error,
            Broken::Cancelled => {
                ctx.warn(format!("plugin {} did not stop when it should, and its process was killed", origin.id));
                Error::cancelled()
            }
            Broken::Ended(ended, may_be_why) => {
                if may_be_why {
                    self.strikes.add();
                }
                origin.named(ended.error())
            }
        })
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Broken::Failed(error)
    }
}

impl IsolatedNode {
    fn call(&mut self, ctx: Ctx, inputs: &Inputs) -> Result<Vec<Value>, Broken> {
        let named = |error: Error| self.origin.named(error);
        let process = self.origin.process(ctx.services()).map_err(named)?;
        let link = process.link();
        let mut encoder = Encoder::new(link);
        let slots = (0..inputs.ports().len()).map(|i| inputs.slot(i)).collect::<Result<Vec<_>>>()?;
        // All of them before any is lent.
        for (port, slot) in &slots {
            if let Slot::Value(value) = slot
                && value.is_lost()
            {
                let error = Error::new(format!("{value} was lost with the process of its plugin"));
                let error = Error { port: Some(port.name.clone()), ..error };
                return Err(named(error.hint("run again: what is lost is made again")).into());
            }
        }
        for (port, slot) in slots {
            encoder.slot(slot).map_err(|error| named(Error { port: Some(port.name.clone()), ..error }))?;
        }
        let payload = encoder.finish().map_err(named)?;
        self.link = Some(link.clone());
        let what = Callee::Node { node_type: self.index, node: self.number };
        let (_, values) = Conversation::of(link, Some(ctx.services()), what, &payload)?;
        self.check(link, values)
    }

    /// What the call gave. The process has checked it as for any plugin, so that nothing is wrong unless the process is.
    fn check(&self, link: &Link, values: Vec<Slot>) -> Result<Vec<Value>, Broken> {
        let nonsense = |what: String| {
            link.kill(&format!("it gives what nobody understands: {what}"));
            Broken::Ended(link.wait(), true)
        };
        if values.len() != self.outputs.len() {
            return Err(nonsense(format!("{} values for {} outputs", values.len(), self.outputs.len())));
        }
        let value = |(port, slot): (&OutputPort, Slot)| match slot {
            Slot::Value(value) if port.ty.accepts(&value.ty()) => Ok(value),
            other => Err(nonsense(format!("{other:?} for the output `{}` of {}", port.name, port.ty))),
        };
        self.outputs.iter().zip(values).map(value).collect()
    }
}

impl Isolated {
    /// An error of this side, with where it comes from.
    fn named(&self, error: Error) -> Error {
        if error.status == Status::Cancelled {
            return error;
        }
        Error { message: format!("{} (plugin {})", error.message, self.name), ..error }
    }
}

impl Drop for IsolatedNode {
    fn drop(&mut self) {
        if let Some(link) = self.link.as_ref().filter(|link| !link.is_gone()) {
            link.tell(&Control::Forget(self.number), None);
        }
    }
}
