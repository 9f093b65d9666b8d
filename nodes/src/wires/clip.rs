//! CLIP: the text encoders of a checkpoint.

use super::{Lora, ModelFile, wire};
use selfsame_models::weights::Family;
use selfsame_sdk::Type;
use std::fmt;

/// The text encoders of a checkpoint, one (SD1.5) or two (SDXL).
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    /// The checkpoint.
    pub file: ModelFile,
    /// What it was trained as.
    pub family: Family,
    /// LoRAs, in the order in which they were added.
    pub loras: Vec<Lora>,
    /// Textual inversions that prompts may call by name.
    pub embeddings: Vec<Embedding>,
    /// How many layers earlier than usual the features are taken.
    pub skip: usize,
}

/// A textual inversion.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    /// The file; prompts call it by its name without the ending.
    pub file: ModelFile,
}

impl fmt::Display for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "text encoders of {} {}", self.family, self.file)
    }
}

wire!(Clip, "CLIP", Type::CLIP, |_| 1024);
