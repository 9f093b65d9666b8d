//! Stopping work that is under way.

use crate::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A switch that the caller flips and every network looks at between its layers.
///
/// Clones share the switch. The default value never cancels anything.
///
/// ```
/// let cancel = selfsame_models::Cancel::default();
/// assert!(cancel.check().is_ok());
/// cancel.clone().cancel();
/// assert!(matches!(cancel.check(), Err(selfsame_models::Error::Cancelled)));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

/// A switch that something else flips too, such as a signal handler, which must not do more than that.
impl From<Arc<AtomicBool>> for Cancel {
    fn from(flag: Arc<AtomicBool>) -> Self {
        Cancel(flag)
    }
}

impl Cancel {
    /// Asks everything that holds a clone to stop at its next layer.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// # Errors
    /// [`Error::Cancelled`] once [`Self::cancel`] was called.
    pub fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }
}
