//! Objects that only one side can look into: those of the host that a process was lent, and those that a process has.

use super::super::frame::{self, Payload};
use super::super::message::{Answer, Callee, Control, ToHost, ToPlugin};
use super::super::object::{self, Call, Offers, Peer, Proxy, Reply};
use super::super::value::{Handle, Objects, Owner, decode, encode};
use super::conversation::{Broken, Conversation};
use super::link::Link;
use crate::lock;
use selfsame_sdk::{Ctx, Error, Object, Result, Slot, Type, panics};
use std::any::Any;
use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

/// The most bytes that a process may say an object holds, far from what a sum cannot hold.
const MAX_BYTES: u64 = 1 << 40;

/// Objects of this side that a process was lent.
#[derive(Default)]
pub struct Lent(Mutex<Numbered>);

#[derive(Default)]
struct Numbered {
    objects: HashMap<u64, Arc<dyn Object>>,
    last: u64,
}

impl Lent {
    fn add(&self, object: Arc<dyn Object>) -> u64 {
        let mut lent = lock(&self.0);
        lent.last += 1;
        let number = lent.last;
        lent.objects.insert(number, object);
        number
    }

    fn get(&self, number: u64) -> Option<Arc<dyn Object>> {
        lock(&self.0).objects.get(&number).cloned()
    }

    /// The process holds it no more.
    pub fn remove(&self, number: u64) {
        let removed = lock(&self.0).objects.remove(&number);
        // Outside of the lock: what goes with it may be much.
        drop(removed);
    }

    /// The process is gone.
    pub fn clear(&self) {
        let removed = std::mem::take(&mut lock(&self.0).objects);
        drop(removed);
    }
}

/// An object that the process of a plugin has.
pub type Remote = Proxy<Arc<Link>>;

impl Peer for Arc<Link> {
    fn call(&self, ctx: Option<Ctx>, number: u64, call: Call, values: Vec<Slot>) -> Result<(Reply, Vec<Slot>)> {
        let lost =
            || Error::new("it was lost with the process of its plugin").hint("run again: what is lost is made again");
        if self.is_gone() {
            return Err(lost());
        }
        let payload = encode(self, &values)?;
        let called = Conversation::of(self, ctx.map(|ctx| ctx.services()), Callee::Object { number, call }, &payload);
        called.map_err(|broken| match broken {
            Broken::Failed(error) => error,
            Broken::Cancelled => Error::cancelled(),
            Broken::Ended(ended, _) => self.named(ended.error()),
        })
    }

    fn release(&self, number: u64) {
        if !Link::is_gone(self) {
            self.tell(&Control::Release(number), None);
        }
    }

    fn is_gone(&self) -> bool {
        Link::is_gone(self)
    }
}

impl Objects for Arc<Link> {
    fn lend(&self, object: &Arc<dyn Object>) -> Result<Handle> {
        let any: &dyn Any = &**object;
        Ok(match any.downcast_ref::<Remote>().filter(|remote| Arc::ptr_eq(&remote.peer, self)) {
            Some(own) => Handle::back(Owner::Plugin, own.handle.number),
            None => Handle::of(&**object, Owner::Host, self.lent.add(object.clone())),
        })
    }

    fn take(&self, handle: Handle) -> Result<Arc<dyn Object>> {
        let number = handle.number;
        if handle.owner == Owner::Host {
            return self.lent.get(number).ok_or_else(|| Error::new(format!("an object {number} that it was not lent")));
        }
        let Offers { denoiser, sampler, patch, .. } = &handle.offers;
        let is_allowed = match handle.type_name.parse() {
            Ok(ty) if ty == Type::DENOISER => denoiser.is_some(),
            Ok(ty) if ty == Type::SAMPLER => *sampler,
            Ok(ty) if ty == Type::MODEL_PATCH => *patch,
            Ok(ty @ Type::Named(_)) => !Type::BUILT_IN.contains(&ty),
            _ => false,
        };
        if !is_allowed {
            return Err(Error::new(format!("an object of its own that says it is {:?}", handle.type_name)));
        }
        let summary = handle.summary.chars().take(1000).collect();
        let handle = Handle { bytes: handle.bytes.min(MAX_BYTES), summary, ..handle };
        Ok(Arc::new(Remote { peer: self.clone(), handle }))
    }
}

/// Answers questions about objects of the host that are asked outside of calls, until the process is gone.
pub fn answer(link: &Arc<Link>, socket: &UnixStream) {
    // Whoever waits there waits for the process only, which ends in any case.
    while let Ok((ToHost::Object { number, call }, payload)) = frame::receive(socket, None) {
        let (answer, payload) = link.perform(number, call, payload, None);
        if frame::send(socket, &ToPlugin::Answer(answer), &payload, None).is_err() {
            return;
        }
    }
}

impl Link {
    /// Calls a function of an object that the process was lent.
    pub fn perform(self: &Arc<Self>, number: u64, call: Call, payload: Payload, ctx: Option<Ctx>) -> (Answer, Payload) {
        let unknown = || Error::new(format!("the host has lent no object {number}"));
        let answer = || {
            let object = self.lent.get(number).ok_or_else(unknown)?;
            let (reply, values) = object::perform(&*object, ctx, call, &decode(self, payload)?)?;
            Ok((reply, encode(self, &values)?))
        };
        match panics::catch(answer) {
            Ok((reply, payload)) => (Answer::Object(reply), payload),
            Err(error) => (Answer::Failed(error.into()), Payload::default()),
        }
    }
}
