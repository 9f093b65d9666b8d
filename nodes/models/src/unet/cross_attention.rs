//! What cross-attention looks at: the text, and any number of adapters beside it.
//!
//! Keys and values of a context depend on the context alone, not on the step, so they are projected once per run
//! ([`ContextKv`]) and every step only attends to them. The same holds for an adapter's tokens ([`AdapterKv`]).
//!
//! **Formula** (decoupled cross-attention, IP-Adapter arXiv 2308.06721 eq. 5, InstantID arXiv 2401.07519):
//! `Z = softmax(Q Kᵀ/√d) V + Σ_a w_a · mask_a ⊙ softmax(Q K_aᵀ/√d) V_a`, before the output projection. Each adapter has its own
//! softmax; the same queries; a weight per layer; rows of a batch have rows of tokens.

use crate::layers::Linear;
use crate::weights::Weights;
use crate::{Error, Result, ops};
use candle_core::{DType, Tensor};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// One cross-attention layer of a network, as adapters and LoRA files address it.
#[derive(Debug, Clone)]
pub struct CrossLayer {
    /// Dotted name, e.g. `down_blocks.1.attentions.0.transformer_blocks.0.attn2`.
    pub path: String,
    /// How many heads it has.
    pub heads: usize,
    /// Width of the queries, keys and values.
    pub hidden: usize,
    /// Width of the context.
    pub context: usize,
    to_k: Linear,
    to_v: Linear,
}

/// The cross-attention layers of a network in registration order: down, up, mid.
///
/// That is the order in which `ip-adapter.bin` numbers them (key `2i + 1` is layer `i`), not the order of execution.
#[derive(Debug, Clone, Default)]
pub(crate) struct CrossLayers(Vec<CrossLayer>);

impl CrossLayers {
    /// Reads a layer's key and value projections and returns its index.
    pub fn load(&mut self, weights: &Weights, heads: usize, hidden: usize, context: usize) -> Result<usize> {
        self.0.push(CrossLayer {
            path: weights.path().to_string(),
            heads,
            hidden,
            context,
            to_k: Linear::load_no_bias(&weights.pp("to_k"), context, hidden)?,
            to_v: Linear::load_no_bias(&weights.pp("to_v"), context, hidden)?,
        });
        Ok(self.0.len() - 1)
    }

    pub fn as_slice(&self) -> &[CrossLayer] {
        &self.0
    }

    /// Projects `context [B, L, D]` for every layer.
    pub fn project(&self, context: &Tensor) -> Result<ContextKv> {
        let width = context.dims3()?.2;
        if let Some(layer) = self.0.iter().find(|layer| layer.context != width) {
            let expected = format!("[B, L, {}] (what {} was built for)", layer.context, layer.path);
            return Err(Error::input("context", expected, format!("{:?}", context.dims())));
        }
        let layers = self.0.iter().map(|layer| Ok((layer.to_k.forward(context)?, layer.to_v.forward(context)?)));
        Ok(ContextKv { layers: layers.collect::<Result<_>>()?, batch: context.dim(0)? })
    }
}

/// Keys and values of one context for every cross-attention layer of one network.
#[derive(Debug, Clone)]
pub struct ContextKv {
    layers: Vec<(Tensor, Tensor)>,
    batch: usize,
}

impl ContextKv {
    /// Rows of the context.
    pub fn batch(&self) -> usize {
        self.batch
    }

    pub(crate) fn layer(&self, index: usize) -> Result<&(Tensor, Tensor)> {
        let found = self.layers.get(index);
        found.ok_or_else(|| Error::input("context keys and values", "those of this network", "those of another"))
    }
}

/// Where in the picture an adapter works: weights 0..1 over the latent's area.
///
/// Layers run at different resolutions; the mask is resized to each of them once and kept.
#[derive(Debug, Clone)]
pub struct SpatialMask {
    mask: Tensor,
    resize: MaskResize,
    resized: Arc<Mutex<HashMap<(usize, usize), Tensor>>>,
}

/// How a mask is brought to a layer's resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaskResize {
    /// Linear interpolation between pixel centres (ComfyUI).
    Bilinear,
    /// The nearest pixel to the top left (InstantID's `full` pipeline).
    Nearest,
}

impl SpatialMask {
    /// `mask [1 or B, H, W]`, any float dtype, any resolution.
    ///
    /// # Errors
    /// [`Error::Input`] when it has not three dimensions.
    pub fn new(mask: &Tensor, resize: MaskResize) -> Result<Self> {
        if mask.rank() != 3 {
            return Err(Error::input("mask", "[B, H, W]", format!("{:?}", mask.dims())));
        }
        Ok(Self { mask: mask.to_dtype(DType::F32)?, resize, resized: Arc::default() })
    }

    /// The mask at `height × width`: `[B, height, width]` f32.
    pub fn at(&self, height: usize, width: usize) -> Result<Tensor> {
        let mut resized = self.resized.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mask) = resized.get(&(height, width)) {
            return Ok(mask.clone());
        }
        let mask = self.mask.unsqueeze(1)?;
        let mask = match self.resize {
            MaskResize::Bilinear => ops::resize_bilinear(&mask, height, width)?,
            MaskResize::Nearest => ops::upsample_nearest(&mask, height, width)?,
        };
        let mask = mask.squeeze(1)?;
        resized.insert((height, width), mask.clone());
        Ok(mask)
    }
}

/// Keys and values of an adapter's tokens for every cross-attention layer, ready to be added.
#[derive(Debug, Clone)]
pub struct AdapterKv {
    /// Keys `[B, tokens, hidden]`, values of the same shape, and the weight, per layer in [`CrossLayer`] order.
    pub layers: Vec<AdapterLayerKv>,
    /// Where it works; everywhere if absent.
    pub mask: Option<SpatialMask>,
}

/// One layer of an [`AdapterKv`].
#[derive(Debug, Clone)]
pub struct AdapterLayerKv {
    /// `[B, tokens, hidden]`.
    pub k: Tensor,
    /// `[B, tokens, hidden]`.
    pub v: Tensor,
    /// Factor on the attention's output; 0 skips the layer.
    pub weight: f64,
}

impl AdapterKv {
    /// What the adapter adds to layer `index`, for queries `q [B, height·width, hidden]`; `None` where its weight is 0.
    pub(crate) fn attend(
        &self,
        index: usize,
        q: &Tensor,
        heads: usize,
        (height, width): (usize, usize),
    ) -> Result<Option<Tensor>> {
        let layer = self.layers.get(index).ok_or_else(|| {
            Error::input("adapter layers", "one for each cross-attention layer", format!("{}", self.layers.len()))
        })?;
        if layer.weight == 0.0 {
            return Ok(None);
        }
        let added = (ops::attention(q, &layer.k, &layer.v, heads, ops::Mask::None)? * layer.weight)?;
        match &self.mask {
            None => Ok(Some(added)),
            Some(mask) => {
                let mask = mask.at(height, width)?.flatten_from(1)?.unsqueeze(2)?; // [B, h·w, 1]
                Ok(Some(added.broadcast_mul(&mask.to_device(q.device())?.to_dtype(q.dtype())?)?))
            }
        }
    }
}
