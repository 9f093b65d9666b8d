//! Objects that only one side can look into, as this side has them.

use super::super::message::{Answer, ToHost, Told};
use super::super::object::{Call, Peer, Proxy, Reply};
use super::super::value::{Handle, Objects, Owner, decode, encode};
use super::Process;
use super::worker::Line;
use crate::lock;
use selfsame_sdk::{Ctx, Error, Object, Result, Slot, Status, panics};
use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Objects of the plugin that the host holds, by number.
#[derive(Default)]
pub struct Own {
    objects: Mutex<HashMap<u64, Arc<dyn Object>>>,
    last: AtomicU64,
}

impl Own {
    fn add(&self, object: Arc<dyn Object>) -> u64 {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        lock(&self.objects).insert(number, object);
        number
    }

    /// The object that the host means.
    ///
    /// # Errors
    /// If the host has given it up.
    pub fn get(&self, number: u64) -> Result<Arc<dyn Object>> {
        let own = lock(&self.objects).get(&number).cloned();
        own.ok_or_else(|| Error::new(format!("the host means an object {number}, which it gave up")))
    }

    /// The host holds it no more.
    pub fn remove(&self, number: u64) -> Option<Arc<dyn Object>> {
        lock(&self.objects).remove(&number)
    }
}

/// An object of the host. What of it is handed back is the same object there.
type OfHost = Proxy<Arc<Process>>;

impl Peer for Arc<Process> {
    fn call(&self, ctx: Option<Ctx>, number: u64, call: Call, values: Vec<Slot>) -> Result<(Reply, Vec<Slot>)> {
        let line = ctx.map(|ctx| ctx.get::<Line>());
        if matches!((&call, &line), (Call::Predict { .. }, Some(Ok(line))) if line.is_of_another_thread()) {
            let message = "a denoiser is asked by another thread than that of the node";
            return Err(Error::with(Status::InvalidArgument, message));
        }
        let payload = encode(self, &values)?;
        let question = ToHost::Object { number, call };
        // The call that is in progress asks for itself; everybody else by the connection for objects.
        let answer = match line {
            Some(Ok(line)) => line.ask(&question, &payload)?,
            _ => self
                .objects
                .get()
                .ok_or_else(|| Error::new("the host answers no questions yet"))?
                .ask(&question, &payload)?,
        };
        match answer {
            (Answer::Object(reply), payload) => Ok((reply, decode(self, payload)?)),
            _ => Err(Error::new("the host gives another answer")),
        }
    }

    fn release(&self, number: u64) {
        self.tell(&Told::Released(number));
    }

    fn is_gone(&self) -> bool {
        // This process ends with the host.
        false
    }
}

impl Objects for Arc<Process> {
    fn lend(&self, object: &Arc<dyn Object>) -> Result<Handle> {
        let any: &dyn Any = &**object;
        Ok(match any.downcast_ref::<OfHost>() {
            Some(of_host) => Handle::back(Owner::Host, of_host.handle.number),
            None => Handle::of(&**object, Owner::Plugin, self.own.add(object.clone())),
        })
    }

    fn take_back(&self, owner: Owner, number: u64) {
        if owner == Owner::Plugin {
            panics::discard(self.own.remove(number));
        }
    }

    fn take(&self, handle: Handle) -> Result<Arc<dyn Object>> {
        match handle.owner {
            Owner::Host => Ok(Arc::new(OfHost { peer: self.clone(), handle })),
            Owner::Plugin => self.own.get(handle.number),
        }
    }
}
