//! What a run is steered by: prompts with their places, times and controls.
//!
//! **Source**: ComfyUI's conditioning lists (area, mask, strength, step windows; several entries are averaged by weight) and
//! diffusers' pipelines (one entry, added conditions, ControlNets).

use super::window::Window;
use crate::adapter::ImageAdapter;
use crate::controlnet::{ControlNet, ControlStrength};
use crate::unet::{AddedConditions, MaskResize};
use crate::{Error, Result};
use candle_core::Tensor;
use std::sync::Arc;

/// A rectangle in latent pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Area {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// First row.
    pub y: usize,
    /// First column.
    pub x: usize,
}

impl Area {
    /// From fractions 0..1 of a latent of `height × width`: at least one pixel, inside the latent.
    pub fn from_fractions(y: f64, x: f64, h: f64, w: f64, height: usize, width: usize) -> Self {
        let place = |start: f64, len: f64, full: usize| {
            let start = ((start * full as f64).round().max(0.0) as usize).min(full.saturating_sub(1));
            (start, ((len * full as f64).round() as usize).clamp(1, (full - start).max(1)))
        };
        let ((y, height), (x, width)) = (place(y, h, height), place(x, w, width));
        Self { height, width, y, x }
    }

    /// The part of `[.., H, W]` inside the area.
    pub(crate) fn crop(&self, x: &Tensor) -> Result<Tensor> {
        let (rows, columns) = (x.rank() - 2, x.rank() - 1);
        let fits = |start: usize, len: usize, full: usize| len > 0 && start < full && len <= full - start;
        let (height, width) = (x.dim(rows)?, x.dim(columns)?);
        if !fits(self.y, self.height, height) || !fits(self.x, self.width, width) {
            let got = format!("{} × {} at ({}, {})", self.height, self.width, self.y, self.x);
            let expected = format!("a part of {height} × {width} (height × width at y, x)");
            return Err(Error::input("area", expected, got));
        }
        Ok(x.narrow(rows, self.y, self.height)?.narrow(columns, self.x, self.width)?)
    }
}

/// A ControlNet with its picture; positive and negative conditions share one by `Arc`, so that they run as one batch.
#[derive(Debug, Clone)]
pub struct Control {
    /// The network.
    pub net: Arc<ControlNet>,
    /// `[1 or B, 3, 8h, 8w]` in 0..1, in the size of the whole picture.
    pub image: Tensor,
    /// Factor on its residuals.
    pub strength: ControlStrength,
    /// When it works.
    pub window: Window,
    /// Where it works, `[1 or B, H, W]` in 0..1 at any resolution; everywhere if absent.
    pub mask: Option<Tensor>,
}

/// A [`Control`] as one condition uses it.
#[derive(Debug, Clone)]
pub struct ControlUse {
    /// The network and its picture.
    pub control: Arc<Control>,
    /// What its cross-attention looks at, `[1 or B, L, D]`: face tokens for IdentityNet. The condition's text if absent.
    pub context: Option<Tensor>,
    /// SDXL's pooled text `[1 or B, P]` for it. That of the condition if absent, as for IdentityNet.
    pub text_embeds: Option<Tensor>,
}

/// One prompt, and where, when and how strongly it counts.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Encoded text, `[1 or B, L, D]`.
    pub context: Tensor,
    /// SDXL's pooled text `[1 or B, P]` and sizes `[1 or B, 6]`.
    pub added: Option<AddedConditions>,
    /// The part of the picture it sees and steers; all of it if absent.
    pub area: Option<Area>,
    /// Weight against other entries where they overlap.
    pub strength: f64,
    /// Weight per pixel, `[1 or B, H, W]` at any resolution.
    pub mask: Option<Tensor>,
    /// When it counts.
    pub window: Window,
    /// ControlNets; their residuals add up.
    pub controls: Vec<ControlUse>,
    /// Extra input channels `[1 or B, C, h, w]` for inpainting UNets (mask, masked latent).
    pub concat: Option<Tensor>,
}

impl Condition {
    /// A prompt for the whole picture and the whole run.
    pub fn new(context: Tensor, added: Option<AddedConditions>) -> Self {
        Self {
            context,
            added,
            area: None,
            strength: 1.0,
            mask: None,
            window: Window::Always,
            controls: Vec::new(),
            concat: None,
        }
    }

    /// This prompt followed by another one's tokens (`ConditioningConcat`): one entry that reads both.
    ///
    /// # Errors
    /// When the widths differ.
    pub fn concat_tokens(mut self, other: &Tensor) -> Result<Self> {
        self.context = Tensor::cat(&[&self.context, other], 1)?;
        Ok(self)
    }
}

/// An Image Adapter with its tokens, on the whole model: positive rows get one set of tokens, negative rows the other.
#[derive(Debug, Clone)]
pub struct AdapterUse {
    /// The projections.
    pub adapter: Arc<ImageAdapter>,
    /// Tokens for positive conditions, `[1 or B, T, D]`.
    pub tokens: Tensor,
    /// Tokens for negative conditions: the Resampler's answer to zeros, not zeros.
    pub negative_tokens: Tensor,
    /// A weight for each cross-attention layer (down, up, mid).
    pub layer_weights: Vec<f64>,
    /// When it works.
    pub window: Window,
    /// Where it works, `[1 or B, H, W]` in 0..1, and how it is resized to the layers; everywhere if absent.
    pub mask: Option<(Tensor, MaskResize)>,
}
