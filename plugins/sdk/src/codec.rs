//! Objects as bytes.

use crate::{Object, Result};
use std::fmt;
use std::sync::Arc;

/// How objects of one type become bytes and come back, so that a result can be kept on disk.
#[derive(Clone, Copy)]
pub struct Codec {
    /// The type of the objects, as [`Object::type_name`] gives it.
    pub type_name: &'static str,
    /// The bytes of an object; none if it is another object than it should be, or cannot be kept.
    pub encode: fn(&dyn Object) -> Option<Vec<u8>>,
    /// The same object again, to the bit. Bytes that were damaged are an error.
    pub decode: fn(&[u8]) -> Result<Arc<dyn Object>>,
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Codec({})", self.type_name)
    }
}
