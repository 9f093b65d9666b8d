//! Values as bytes, and as memory that both sides see.
//!
//! Numbers, texts and lists are written one after the other, a list before its elements; so are short tensors. What is larger
//! than a few thousand bytes is copied once, into sealed memory, and not again: the other side reads it where it lies. All that is large in
//! one message lies in one piece of memory, which goes when the last of it goes. An object that only one side can look into
//! is a number of that side.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

use super::frame::Payload;
use super::object::Offers;
pub use decode::Decoder;
pub use encode::Encoder;
use selfsame_sdk::{Object, Result, Slot};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Objects that only one side can look into.
pub trait Objects {
    /// What stands for an object on the other side.
    ///
    /// # Errors
    /// If it is lost.
    fn lend(&self, object: &Arc<dyn Object>) -> Result<Handle>;

    /// The object that the other side means.
    ///
    /// # Errors
    /// If there is none.
    fn take(&self, handle: Handle) -> Result<Arc<dyn Object>>;

    /// What was lent with this number did not get to the other side after all.
    fn take_back(&self, owner: Owner, number: u64);

    /// How much memory the other side may hand over, if it is not to be trusted; none if it is.
    fn limit(&self) -> Option<u64> {
        None
    }
}

/// What stands for an object.
#[derive(Debug, Serialize, Deserialize)]
pub struct Handle {
    pub owner: Owner,
    pub number: u64,
    pub type_name: String,
    pub bytes: u64,
    pub summary: String,
    pub offers: Offers,
}

impl Handle {
    /// What stands for an object that this side has.
    pub fn of(object: &dyn Object, owner: Owner, number: u64) -> Self {
        let (type_name, bytes, summary) = (object.type_name().into_owned(), object.bytes(), object.summary());
        Handle { owner, number, type_name, bytes, summary, offers: Offers::of(object) }
    }

    /// What stands for an object that the other side has and knows by its number.
    pub fn back(owner: Owner, number: u64) -> Self {
        let (type_name, summary) = (String::new(), String::new());
        Handle { owner, number, type_name, bytes: 0, summary, offers: Offers::default() }
    }
}

/// Who has an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Owner {
    Host,
    Plugin,
}

/// Slots as they are sent.
///
/// # Errors
/// If one cannot be sent.
pub fn encode(objects: &dyn Objects, slots: &[Slot]) -> Result<Payload> {
    let mut encoder = Encoder::new(objects);
    slots.iter().try_for_each(|slot| encoder.slot(slot))?;
    encoder.finish()
}

/// All slots that were sent.
///
/// # Errors
/// If they are none.
pub fn decode(objects: &dyn Objects, payload: Payload) -> Result<Vec<Slot>> {
    let mut decoder = Decoder::new(objects, &payload.bytes, payload.memory)?;
    let mut slots = Vec::new();
    while !decoder.is_empty() {
        slots.push(decoder.slot()?);
    }
    Ok(slots)
}

#[derive(Serialize, Deserialize)]
enum Wire<'a> {
    Unset,
    Pending,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
    /// So many values follow.
    List(u64),
    Tensor(Kind, Vec<u64>, Place),
    /// A tensor follows, and a mask if there is one.
    Latent(bool),
    /// A value for each name follows.
    Struct(&'a str, #[serde(borrow)] Vec<&'a str>),
    Blob(&'a str, Place),
    Object(Handle),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Kind {
    Tensor,
    Image,
    Mask,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Place {
    /// So many bytes follow.
    Inside(u64),
    /// So many bytes, there in the memory.
    Shared { at: u64, length: u64 },
}
