//! Objects that only one side can look into: those of the host that a process was lent, and those that a process has.

use super::super::frame::{self, Payload};
use super::super::message::{Answer, Callee, Control, ToHost, ToPlugin};
use super::super::object::{self, Call, Offers, Peer, Proxy, Reply};
use super::super::value::{Handle, Objects, Owner, decode, encode};
use super::conversation::{Broken, Conversation};
use super::link::Link;
use crate::lock;
use rustix::event::{PollFd, PollFlags, poll};
use selfsame_sdk::{Ctx, Error, Object, Result, Slot, Type, panics};
use std::any::Any;
use std::collections::HashMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

/// The most bytes that a process may say an object holds, far from what a sum cannot hold.
const MAX_BYTES: u64 = 1 << 40;

/// The most objects that a process is lent at a time.
const MAX_LENT: usize = 1_000_000;

/// Objects of this side that a process was lent.
#[derive(Default)]
pub struct Lent(Mutex<Numbered>);

#[derive(Default)]
struct Numbered {
    /// Each with how often it was lent: it is given back as often.
    objects: HashMap<u64, (Arc<dyn Object>, u64)>,
    /// The numbers of these, by where they lie.
    numbers: HashMap<usize, u64>,
    last: u64,
    /// The process is gone, and nobody would give anything back.
    is_over: bool,
}

/// Where an object lies, which is its own as long as somebody holds it.
fn place(object: &Arc<dyn Object>) -> usize {
    Arc::as_ptr(object).addr()
}

impl Lent {
    fn add(&self, object: &Arc<dyn Object>) -> Result<u64> {
        let mut lent = lock(&self.0);
        if lent.is_over {
            return Err(Error::new("the process of the plugin has ended"));
        }
        if let Some(number) = lent.numbers.get(&place(object)).copied() {
            if let Some((_, times)) = lent.objects.get_mut(&number) {
                *times += 1;
            }
            return Ok(number);
        }
        if lent.objects.len() >= MAX_LENT {
            return Err(Error::new(format!("the plugin holds {MAX_LENT} objects of the host, and gives none back")));
        }
        lent.last += 1;
        let number = lent.last;
        lent.objects.insert(number, (object.clone(), 1));
        lent.numbers.insert(place(object), number);
        Ok(number)
    }

    fn get(&self, number: u64) -> Option<Arc<dyn Object>> {
        lock(&self.0).objects.get(&number).map(|(object, _)| object.clone())
    }

    /// The process holds it once less.
    pub fn remove(&self, number: u64) {
        let mut lent = lock(&self.0);
        let Some((_, times)) = lent.objects.get_mut(&number) else { return };
        *times -= 1;
        if *times > 0 {
            return;
        }
        let removed = lent.objects.remove(&number);
        if let Some((object, _)) = &removed {
            lent.numbers.remove(&place(object));
        }
        drop(lent);
        // Outside of the lock: what goes with it may be much.
        drop(removed);
    }

    /// The process is gone.
    pub fn clear(&self) {
        let over = Numbered { is_over: true, ..Numbered::default() };
        let removed = std::mem::replace(&mut *lock(&self.0), over);
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
            None => Handle::of(&**object, Owner::Host, self.lent.add(object)?),
        })
    }

    fn take_back(&self, owner: Owner, number: u64) {
        if owner == Owner::Host {
            self.lent.remove(number);
        }
    }

    fn limit(&self) -> Option<u64> {
        Some(self.limits.memory_bytes)
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
    while let Ok((ToHost::Object { number, call }, payload)) = hear(link, socket) {
        let (answer, payload) = link.perform(number, call, payload, None);
        let mut patience = || link.expect_listener();
        if frame::send(socket, &ToPlugin::Answer(answer), &payload, Some(&mut patience)).is_err() {
            return;
        }
    }
}

/// The next question, however long it takes.
fn hear(link: &Link, socket: &UnixStream) -> io::Result<(ToHost, Payload)> {
    // Most of the time nothing is asked, and nobody looks every few milliseconds.
    let _ = poll(&mut [PollFd::new(socket, PollFlags::IN), PollFd::new(&link.pidfd, PollFlags::IN)], None);
    frame::receive(socket, Some(&mut || link.expect_words(socket)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    struct Model;

    impl Object for Model {
        fn type_name(&self) -> Cow<'_, str> {
            "MODEL".into()
        }

        fn bytes(&self) -> u64 {
            0
        }
    }

    #[test]
    fn an_object_has_one_number_and_is_given_back_as_often_as_it_was_lent() {
        let lent = Lent::default();
        let [one, other]: [Arc<dyn Object>; 2] = [Arc::new(Model), Arc::new(Model)];
        let number = lent.add(&one).unwrap();
        assert_eq!(lent.add(&one).unwrap(), number);
        assert_ne!(lent.add(&other).unwrap(), number);
        lent.remove(number);
        assert!(Arc::ptr_eq(&lent.get(number).unwrap(), &one));
        lent.remove(number);
        lent.remove(number);
        assert_eq!((lent.get(number).is_none(), Arc::strong_count(&one)), (true, 1));
        assert_ne!(lent.add(&one).unwrap(), number);
        lent.clear();
        assert_eq!((Arc::strong_count(&one), Arc::strong_count(&other)), (1, 1));
        assert!(lent.add(&one).is_err());
    }
}
