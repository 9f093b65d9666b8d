//! What can be told of a MODEL.

use super::Prediction;
use crate::{Ctx, Result};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// What can be told of a MODEL.
pub trait Model: Any + Send + Sync {
    /// What it is. The network is loaded for it, and shared with the sampling later.
    ///
    /// # Errors
    /// If its file does not fit, or memory runs out.
    fn info(&self, ctx: Ctx) -> Result<ModelInfo>;
}

/// What a MODEL is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// What it was trained as: `SD1.5`, `SDXL`.
    pub family: String,
    /// What its output means.
    pub prediction: Prediction,
    /// Its cross-attention layers in the order down, up, middle, by which adapters number them.
    pub layers: Vec<LayerInfo>,
}

/// A cross-attention layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerInfo {
    /// Its name: `down_blocks.1.attentions.0.transformer_blocks.0.attn2`.
    pub path: String,
    /// How many heads it has.
    pub heads: usize,
    /// Width of its queries, keys and values.
    pub hidden: usize,
    /// Width of the tokens of text that it reads.
    pub context: usize,
}
