//! Changes laid over weights: the arithmetic of LoRA and its kin.

use crate::Result;
use candle_core::{DType, Tensor};
use std::collections::BTreeMap;

/// A change of one weight tensor, already scaled: `W' = W + scale · (…)`.
#[derive(Debug, Clone)]
pub enum Delta {
    /// `scale · up · down`: `up [out, r]` (or `[out, r, 1, 1]`), `down [r, in]` (or `[r, in, kh, kw]`).
    LowRank {
        /// The second factor.
        up: Tensor,
        /// The first factor.
        down: Tensor,
        /// User strength × alpha / rank.
        scale: f64,
    },
    /// `scale · diff`, with the weight's own shape.
    Full {
        /// The difference.
        diff: Tensor,
        /// User strength.
        scale: f64,
    },
}

/// Deltas by full weight name; several on one weight add up in order.
#[derive(Debug, Clone, Default)]
pub struct Deltas(BTreeMap<String, Vec<Delta>>);

impl Deltas {
    /// Adds a delta to `weight` (a full name ending in `.weight` or `.bias`).
    pub fn push(&mut self, weight: impl Into<String>, delta: Delta) {
        self.0.entry(weight.into()).or_default().push(delta);
    }

    /// The names that have a delta.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `tensor` with the deltas of `name`: computed in f32, returned in the tensor's dtype; the same tensor if there are none.
    pub fn apply(&self, name: &str, tensor: &Tensor) -> Result<Tensor> {
        let Some(deltas) = self.0.get(name) else { return Ok(tensor.clone()) };
        let mut sum = tensor.to_dtype(DType::F32)?;
        for delta in deltas {
            let (change, scale) = match delta {
                Delta::Full { diff, scale } => (diff.to_device(tensor.device())?.to_dtype(DType::F32)?, *scale),
                Delta::LowRank { up, down, scale } => {
                    let up = up.to_device(tensor.device())?.to_dtype(DType::F32)?;
                    let down = down.to_device(tensor.device())?.to_dtype(DType::F32)?;
                    (up.flatten_from(1)?.matmul(&down.flatten_from(1)?)?, *scale)
                }
            };
            sum = (sum + (change.reshape(tensor.dims())? * scale)?)?;
        }
        Ok(sum.to_dtype(tensor.dtype())?)
    }
}
