//! ID: who a picture should show.

use super::{ModelFile, wire};
use selfsame_sdk::{Fields, Result, Tensor, Type, Value};
use std::borrow::Cow;
use std::fmt;

/// An identity as the networks take it: tokens made of a face embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// f32 `[1 or B,T,D]`, 16 tokens for InstantID; one row serves every picture of a batch.
    pub tokens: Tensor,
    /// The same for negative conditions: the Resampler's answer to zeros, not zeros.
    pub negative_tokens: Tensor,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tokens {:?}", self.tokens)
    }
}

/// What plugins see of it.
impl Fields for Identity {
    fn names(&self) -> Vec<String> {
        ["tokens", "negative_tokens"].map(str::to_owned).to_vec()
    }

    fn field(&self, name: &str) -> Result<Option<Value>> {
        let tensor = match name {
            "tokens" => Some(&self.tokens),
            "negative_tokens" => Some(&self.negative_tokens),
            _ => None,
        };
        Ok(tensor.cloned().map(Value::object))
    }
}

fn bytes(id: &Identity) -> u64 {
    id.tokens.bytes() + id.negative_tokens.bytes()
}

wire!(Identity, "ID", Type::Named(Cow::Borrowed("ID")), bytes, {
    fn as_fields(&self) -> Option<&dyn Fields> {
        Some(self)
    }
});

/// An adapter file: InstantID's `ip-adapter`, with its Resampler and its attention layers.
#[derive(Clone, Debug, PartialEq)]
pub struct IpAdapter {
    /// The file.
    pub file: ModelFile,
}

impl fmt::Display for IpAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)
    }
}

wire!(IpAdapter, "IP_ADAPTER", Type::Named(Cow::Borrowed("IP_ADAPTER")), |_| 512);
