//! Objects that only one side can look into: those of the host that a process was lent, and those that a process has.

use super::super::message::Control;
use super::super::value::{Handle, Objects, Owner};
use super::link::Link;
use crate::lock;
use selfsame_sdk::{Error, Object, Result, Type};
use std::any::Any;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// The most bytes that a process may say an object holds: more than any machine has, and far from what a sum cannot hold.
const MAX_BYTES: u64 = 1 << 48;

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
pub struct Remote {
    link: Arc<Link>,
    number: u64,
    type_name: String,
    bytes: u64,
    summary: String,
}

impl Object for Remote {
    fn type_name(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.type_name)
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn summary(&self) -> String {
        self.summary.clone()
    }

    fn is_lost(&self) -> bool {
        self.link.is_gone()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if !self.link.is_gone() {
            self.link.tell(&Control::Release(self.number), None);
        }
    }
}

impl Objects for Arc<Link> {
    fn lend(&self, object: &Arc<dyn Object>) -> Result<Handle> {
        let any: &dyn Any = &**object;
        let own = any.downcast_ref::<Remote>().filter(|remote| Arc::ptr_eq(&remote.link, self));
        Ok(match own {
            Some(remote) => Handle {
                owner: Owner::Plugin,
                number: remote.number,
                // It knows its own.
                type_name: String::new(),
                bytes: 0,
                summary: String::new(),
            },
            None => Handle {
                type_name: object.type_name().into_owned(),
                bytes: object.bytes(),
                summary: object.summary(),
                owner: Owner::Host,
                number: self.lent.add(object.clone()),
            },
        })
    }

    fn take(&self, handle: Handle) -> Result<Arc<dyn Object>> {
        let Handle { owner, number, type_name, bytes, summary } = handle;
        if owner == Owner::Host {
            return self.lent.get(number).ok_or_else(|| Error::new(format!("an object {number} that it was not lent")));
        }
        match type_name.parse() {
            Ok(ty @ Type::Named(_)) if !Type::BUILT_IN.contains(&ty) => {}
            _ => return Err(Error::new(format!("an object of its own that says it is {type_name:?}"))),
        }
        let summary = summary.chars().take(1000).collect();
        Ok(Arc::new(Remote { link: self.clone(), number, type_name, bytes: bytes.min(MAX_BYTES), summary }))
    }
}
