//! Results that may be used again.
//!
//! What a node did is kept in two parts. A **record** says which outputs a call with a certain [`Key`] had, by their own
//! keys; records are small. The **values** behind these keys are kept as long as a budget of bytes allows. A result
//! further down can so be found without the values before it.
//!
//! The key of a call is made of its node type and version, its literals, and the keys of the values it is given. A
//! scalar's key is its content, so a node that gives the same number as before stops a change from spreading. The files
//! that a call has read stand in its record, with their digests; a record whose files have changed counts no more.

mod disk;
mod memory;
mod record;

pub(crate) use disk::Disk;
pub(crate) use memory::Memory;
pub use memory::MemoryUse;
pub(crate) use record::{FileRead, Outcome, Reads, Record, Ref, RefList};
