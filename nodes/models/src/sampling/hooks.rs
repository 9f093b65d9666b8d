//! What adds to a run from outside of this crate, at places of the network.
//!
//! Adapters and ControlNets are built in; what else steers a network answers as [`Hooks`]. The loops take it per call, so that it
//! may borrow what only lasts as long as the call.

use super::window::{Moment, Window};
use crate::Result;
use crate::unet::{AdapterLayerKv, HookSite, MaskResize};
use candle_core::Tensor;
use std::fmt;

/// What adds to a run.
pub trait Hooks {
    /// Keys and values beside those of the text: asked once for each batch of conditions and kept over the steps.
    ///
    /// # Errors
    /// When it cannot say.
    fn attention(&self, batch: &HookBatch<'_>) -> Result<Vec<ExtraAttention>>;

    /// `x` at a place with what is added to it: asked at every place in every step.
    ///
    /// # Errors
    /// When it cannot say.
    fn add(&self, batch: &HookBatch<'_>, moment: &Moment, site: HookSite<'_>, x: Tensor) -> Result<Tensor>;
}

impl fmt::Debug for dyn Hooks + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}

/// A batch as hooks see it.
#[derive(Debug, Clone, Copy)]
pub struct HookBatch<'a> {
    /// What its rows belong to.
    pub rows: &'a [Row],
    /// Rows and columns of its latents.
    pub latent: [usize; 2],
}

/// What a row of a batch belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The number of the condition, positive ones first.
    pub condition: usize,
    /// The number of the picture.
    pub picture: usize,
    /// Whether the condition is a positive one.
    pub positive: bool,
}

/// Keys and values of one hook for every cross-attention layer.
#[derive(Debug, Clone)]
pub struct ExtraAttention {
    /// Keys and values `[rows, tokens, hidden]` and the weight, per layer in the order down, up, mid; layers of weight 0 are not
    /// looked at.
    pub layers: Vec<AdapterLayerKv>,
    /// When it works.
    pub window: Window,
    /// Where it works, `[1 or B, H, W]` in 0..1, and how it is resized to the layers; everywhere if absent.
    pub mask: Option<(Tensor, MaskResize)>,
}
