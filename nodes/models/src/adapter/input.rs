//! What the image projections share at their entrance: sizes read off tensors, inputs checked and moved.

use crate::weights::Weights;
use crate::{Error, Result};
use candle_core::{DType, Device, Tensor};

/// One dimension of a tensor that tells a network's size.
pub(super) fn size(weights: &Weights, name: &str, axis: usize) -> Result<usize> {
    let found = weights.shape_of(name).and_then(|shape| shape.get(axis).copied());
    found.ok_or_else(|| {
        let what = weights.source().describe();
        Error::config(what, format!("cannot tell the image projection's size: {} is missing", weights.name(name)))
    })
}

/// What a network takes: rows of one width, on its device, in its dtype.
#[derive(Debug, Clone)]
pub(super) struct Input {
    width: usize,
    device: Device,
    dtype: DType,
}

impl Input {
    pub(super) fn new(weights: &Weights, width: usize) -> Self {
        Self { width, device: weights.device().clone(), dtype: weights.dtype() }
    }

    /// `x [B, n, width]` where the network's weights are.
    pub(super) fn accept(&self, what: &str, x: &Tensor) -> Result<Tensor> {
        match x.dims() {
            [_, _, width] if *width == self.width => Ok(x.to_device(&self.device)?.to_dtype(self.dtype)?),
            dims => Err(Error::input(what, format!("[B, n, {}]", self.width), format!("{dims:?}"))),
        }
    }
}
