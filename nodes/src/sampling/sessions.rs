//! What the denoisers of one call keep from one prediction to the next.
//!
//! A DENOISER on a wire is a description. The networks that it needs, keys and values of text, embeddings of pictures are made when
//! it is first asked in a call, and go when the call is over.

use super::guided::{Prepared, Preview};
use selfsame_models::sampling::Inpaint;
use selfsame_sdk::{Error, Result, Status};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::thread::{self, ThreadId};

/// The denoisers that were asked in one call of a node. A host makes one for each call, on its thread.
pub struct Sessions {
    thread: ThreadId,
    open: Mutex<HashMap<u64, Session>>,
}

/// One of them, ready for latents of a shape.
pub(super) struct Session {
    pub shape: [usize; 4],
    pub prepared: Prepared,
    pub inpaint: Option<Inpaint>,
    pub preview: Preview,
}

impl Sessions {
    /// For a call that runs on this thread.
    #[allow(clippy::new_without_default, reason = "which thread makes it counts")]
    pub fn new() -> Self {
        Sessions { thread: thread::current().id(), open: Mutex::default() }
    }

    /// All of them, until the prediction is over.
    ///
    /// # Errors
    /// [`Status::InvalidArgument`] on another thread, or while a prediction is under way.
    pub(super) fn enter(&self) -> Result<MutexGuard<'_, HashMap<u64, Session>>> {
        let refused = |message: &str| Err(Error::with(Status::InvalidArgument, message));
        if thread::current().id() != self.thread {
            return refused("a denoiser is asked by another thread than that of the node");
        }
        match self.open.try_lock() {
            Ok(open) => Ok(open),
            // A panic has left a session half done.
            Err(TryLockError::Poisoned(open)) => {
                let mut open = open.into_inner();
                open.clear();
                self.open.clear_poison();
                Ok(open)
            }
            Err(TryLockError::WouldBlock) => refused("a denoiser is asked while one is answering: a patch cannot ask"),
        }
    }
}
