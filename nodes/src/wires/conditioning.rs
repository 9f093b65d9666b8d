//! CONDITIONING: encoded text, with where, when and how strongly it counts.

use super::{ControlNet, wire};
use selfsame_sdk::{Image, Latent, Mask, Tensor, Type};
use std::fmt;

/// Entries that steer a sampling together.
#[derive(Clone, Debug)]
pub struct Conditioning {
    /// The entries; where several count, they are averaged by weight.
    pub entries: Vec<Condition>,
}

/// One encoded prompt.
#[derive(Clone, Debug)]
pub struct Condition {
    /// f32 `[1, L, D]`: what cross-attention reads.
    pub context: Tensor,
    /// f32 `[1, P]`: SDXL's vector for the whole text.
    pub pooled: Option<Tensor>,
    /// SDXL's sizes; those of the latents if absent.
    pub sizes: Option<Sizes>,
    /// The part of the picture it sees and steers.
    pub place: Option<Place>,
    /// Weight against other entries where they overlap.
    pub strength: f64,
    /// Weight per pixel.
    pub mask: Option<Mask>,
    /// When it counts.
    pub span: Span,
    /// ControlNets; their residuals add up.
    pub controls: Vec<ControlUse>,
    /// Picture and mask for inpainting networks.
    pub inpaint: Option<Latent>,
}

impl Condition {
    /// A prompt for the whole picture and the whole run.
    pub fn new(context: Tensor, pooled: Option<Tensor>) -> Self {
        Condition {
            context,
            pooled,
            sizes: None,
            place: None,
            strength: 1.0,
            mask: None,
            span: Span::WHOLE,
            controls: Vec::new(),
            inpaint: None,
        }
    }
}

/// SDXL's size conditions, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Height and width of the picture that it was cut from.
    pub original: [usize; 2],
    /// Top and left of the cut.
    pub crop: [usize; 2],
    /// Height and width of the picture.
    pub target: [usize; 2],
}

/// A rectangle: x, y, width, height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// In pixels of the picture.
    Pixels([usize; 4]),
    /// In fractions of the picture.
    Fractions([f64; 4]),
}

/// A part of a run, as fractions 0..1 of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Where it begins.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
}

impl Span {
    /// The whole run.
    pub const WHOLE: Span = Span { start: 0.0, end: 1.0 };
}

/// A ControlNet as a condition uses it.
#[derive(Clone, Debug)]
pub struct ControlUse {
    /// The network.
    pub net: ControlNet,
    /// Its picture, in the size of the whole picture; resized if it is not.
    pub image: Image,
    /// Factor on its residuals.
    pub strength: f64,
    /// Weaker towards the coarse layers, as diffusers' guess mode.
    pub is_soft: bool,
    /// When it works.
    pub span: Span,
    /// Where it works.
    pub mask: Option<Mask>,
    /// What its cross-attention reads, `[1 or B, L, D]`: face tokens for IdentityNet. The condition's text if absent.
    pub context: Option<Tensor>,
    /// SDXL's vector for the whole text, `[1, P]`, as this network reads it. That of the condition if absent.
    pub pooled: Option<Tensor>,
}

impl fmt::Display for Conditioning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.entries[..] {
            [] => f.write_str("no entries"),
            [one] => write!(f, "{:?} with {} ControlNets", one.context, one.controls.len()),
            several => write!(f, "{} entries", several.len()),
        }
    }
}

wire!(Conditioning, "CONDITIONING", Type::CONDITIONING, |conditioning| {
    let mask = |mask: &Option<Mask>| mask.as_ref().map_or(0, |mask| mask.data().len() as u64 * 4);
    let control = |c: &ControlUse| {
        let text = [&c.context, &c.pooled].into_iter().flatten().map(Tensor::bytes).sum::<u64>();
        c.image.data().len() as u64 * 4 + mask(&c.mask) + text
    };
    let entry = |c: &Condition| {
        let text = c.context.bytes() + c.pooled.as_ref().map_or(0, Tensor::bytes);
        text + mask(&c.mask) + c.controls.iter().map(control).sum::<u64>()
    };
    conditioning.entries.iter().map(entry).sum()
});
