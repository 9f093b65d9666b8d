//! What identifies a result.

use sha2::{Digest, Sha256};
use std::fmt;

/// The SHA-256 of everything that a value depends on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub(crate) [u8; 32]);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Key {
    /// Reads what [`Display`](fmt::Display) writes.
    pub(crate) fn parse(text: &str) -> Option<Key> {
        let mut key = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (i, byte) in key.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
        }
        Some(Key(key))
    }
}

/// Puts a key together. Every part is preceded by its kind and, where it varies, its length, so that different parts
/// never read the same.
#[derive(Clone)]
pub(crate) struct KeyBuilder(Sha256);

impl KeyBuilder {
    /// `purpose` separates keys of different kinds.
    pub fn new(purpose: &str) -> Self {
        let mut builder = KeyBuilder(Sha256::new());
        builder.text(purpose);
        builder
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
        self
    }

    pub fn number(&mut self, number: u64) -> &mut Self {
        self.0.update(number.to_le_bytes());
        self
    }

    pub fn key(&mut self, key: &Key) -> &mut Self {
        self.0.update(key.0);
        self
    }

    pub fn finish(&self) -> Key {
        Key(self.0.clone().finalize().into())
    }
}
