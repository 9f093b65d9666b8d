//! Objects that only one side can look into, as this side has them.

use super::super::message::Told;
use super::super::value::{Handle, Objects, Owner};
use super::Process;
use crate::lock;
use selfsame_sdk::{Error, Object, Result};
use std::any::Any;
use std::borrow::Cow;
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

    /// The host holds it no more.
    pub fn remove(&self, number: u64) -> Option<Arc<dyn Object>> {
        lock(&self.objects).remove(&number)
    }
}

/// An object of the host. What of it is handed back is the same object there.
struct OfHost {
    process: Arc<Process>,
    number: u64,
    type_name: String,
    bytes: u64,
    summary: String,
}

impl Object for OfHost {
    fn type_name(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.type_name)
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn summary(&self) -> String {
        self.summary.clone()
    }
}

impl Drop for OfHost {
    fn drop(&mut self) {
        self.process.tell(&Told::Released(self.number));
    }
}

impl Objects for Arc<Process> {
    fn lend(&self, object: &Arc<dyn Object>) -> Result<Handle> {
        let any: &dyn Any = &**object;
        let (owner, number) = match any.downcast_ref::<OfHost>() {
            Some(of_host) => (Owner::Host, of_host.number),
            None => (Owner::Plugin, self.own.add(object.clone())),
        };
        Ok(Handle {
            owner,
            number,
            type_name: object.type_name().into_owned(),
            bytes: object.bytes(),
            summary: object.summary(),
        })
    }

    fn take(&self, handle: Handle) -> Result<Arc<dyn Object>> {
        let Handle { owner, number, type_name, bytes, summary } = handle;
        match owner {
            Owner::Host => Ok(Arc::new(OfHost { process: self.clone(), number, type_name, bytes, summary })),
            Owner::Plugin => {
                let own = lock(&self.own.objects).get(&number).cloned();
                own.ok_or_else(|| Error::new(format!("the host means an object {number}, which it gave up")))
            }
        }
    }
}
