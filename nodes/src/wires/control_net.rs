//! CONTROL_NET: a ControlNet or IdentityNet.

use super::{ModelFile, wire};
use selfsame_sdk::Type;
use std::fmt;

/// A ControlNet; IdentityNet is one whose cross-attention reads face tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlNet {
    /// The file or diffusers folder.
    pub file: ModelFile,
}

impl fmt::Display for ControlNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)
    }
}

wire!(ControlNet, "CONTROL_NET", Type::CONTROL_NET, |_| 512);
