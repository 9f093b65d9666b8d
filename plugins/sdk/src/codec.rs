//! How values are written into files and read back.

use crate::{Object, Result};
use std::sync::Arc;

/// How values of one type are stored, so that a host can keep them between runs.
///
/// Reading what was written gives an equal value, and reading anything else an error.
#[derive(Clone, Copy)]
pub struct Codec {
    /// The type: `IMAGE`.
    pub type_name: &'static str,
    /// The bytes of a value; none if it is of another type or cannot be stored.
    pub encode: fn(&dyn Object) -> Option<Vec<u8>>,
    /// The value of some bytes.
    pub decode: fn(&[u8]) -> Result<Arc<dyn Object>>,
}
