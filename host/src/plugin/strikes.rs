//! A node type that keeps breaking the rules is not called any more.

use selfsame_sdk::{Error, Result, Status};
use std::sync::atomic::{AtomicU32, Ordering};

/// How often a node type may panic or give what it must not before it is disabled for as long as the program runs.
const MOST: u32 = 3;

#[derive(Debug, Default)]
pub struct Strikes(AtomicU32);

impl Strikes {
    /// The node type has broken the rules once more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// # Errors
    /// Once the node type is disabled.
    pub fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) < MOST {
            return Ok(());
        }
        let message = format!("this node type is disabled: it panicked or broke the rules of plugins {MOST} times");
        Err(Error::with(Status::Unsupported, message).hint("start again once its plugin is mended"))
    }
}
