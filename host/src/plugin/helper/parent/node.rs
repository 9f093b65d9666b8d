//! A node type whose nodes run in the process of its plugin.

use super::super::super::strikes::Strikes;
use super::super::message::{Control, Run};
use super::super::value::{Decoder, Encoder};
use super::Isolated;
use super::conversation::{Broken, Conversation};
use super::ended::Ended;
use super::link::Link;
use super::process::Process;
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
            Broken::Ended(ended) => {
                self.strikes.add();
                origin.named(crashed(&ended))
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
        static LAST: AtomicU64 = AtomicU64::new(0);
        let services = ctx.services();
        let named = |error: Error| self.origin.named(error);
        let process = self.origin.process(services).map_err(named)?;
        let link = process.link();
        let mut encoder = Encoder::new(link);
        let slots = (0..inputs.ports().len()).map(|i| inputs.slot(i)).collect::<Result<Vec<_>>>()?;
        // All of them before any is lent.
        if let Some((port, Slot::Value(value))) =
            slots.iter().find(|(_, slot)| matches!(slot, Slot::Value(value) if value.is_lost()))
        {
            let message = format!("{value} was lost with the process of its plugin");
            let error = Error::with(Status::Internal, message).hint("run again: what is lost is made again");
            return Err(Broken::Failed(named(Error { port: Some(port.name.clone()), ..error })));
        }
        for (port, slot) in slots {
            encoder.slot(slot).map_err(|error| named(Error { port: Some(port.name.clone()), ..error }))?;
        }
        let payload = encoder.finish().map_err(named)?;
        let channel = process.channel().map_err(|error| named(error.into()))?;
        let call = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let conversation = Conversation::new(link, &channel, services, call);
        let run = Run { call, node_type: self.index, node: self.number, node_id: services.node_id().to_owned() };
        self.link = Some(link.clone());
        let given = conversation.run(run, &payload);
        let values = match given {
            Ok(given) => {
                let values = self.values(&process, &given.bytes, given.memory);
                conversation.taken();
                values
            }
            Err(broken) => Err(broken),
        };
        if !link.is_gone() {
            process.give_back(channel);
        }
        values
    }

    /// What the call gave. The process has checked it as for any plugin, so that nothing is wrong unless the process is.
    fn values(
        &self,
        process: &Process,
        bytes: &[u8],
        memory: Option<std::os::fd::OwnedFd>,
    ) -> Result<Vec<Value>, Broken> {
        let link = process.link();
        let read = || {
            let mut decoder = Decoder::new(link, bytes, memory)?;
            let value = |port: &OutputPort| {
                let value = decoder.value()?;
                match port.ty.accepts(&value.ty()) {
                    true => Ok(value),
                    false => Err(Error::new(format!("output `{}`: expected {}, got {value}", port.name, port.ty))),
                }
            };
            let values = self.outputs.iter().map(value).collect::<Result<Vec<_>>>()?;
            decoder.end()?;
            Ok(values)
        };
        read().map_err(|error: Error| {
            link.kill(&format!("it gives what nobody understands: {}", error.message));
            Broken::Ended(link.wait())
        })
    }
}

impl Isolated {
    /// An error of this side, with where it comes from.
    fn named(&self, error: Error) -> Error {
        Error { message: format!("{} (plugin {} {})", error.message, self.id, self.version), ..error }
    }
}

fn crashed(ended: &Ended) -> Error {
    let words = ended.in_words();
    match ended.killed {
        Some(_) => Error::new(format!("the plugin was stopped, and the host goes on: {words}")),
        None => Error::new(format!("the plugin crashed, and the host goes on: {words}"))
            .hint("this is a mistake in the plugin; please report it to its author"),
    }
}

impl Drop for IsolatedNode {
    fn drop(&mut self) {
        if let Some(link) = self.link.as_ref().filter(|link| !link.is_gone()) {
            link.tell(&Control::Forget(self.number), None);
        }
    }
}
