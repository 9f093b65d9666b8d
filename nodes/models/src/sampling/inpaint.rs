//! Keeping a part of a picture while the rest is redrawn.

use crate::{Error, Result, ops};
use candle_core::{DType, Tensor};

/// A picture to keep, and where to redraw it.
#[derive(Debug, Clone)]
pub struct Inpaint {
    mask: Tensor,
    original: Tensor,
    noise: Tensor,
}

impl Inpaint {
    /// `mask [1 or B, H, W]` at any resolution, 1 where to redraw, fractions blend; `original` and unit `noise` `[B, 4, h, w]`.
    ///
    /// The mask is resized bilinearly to the latent, not rounded (ComfyUI's `noise_mask`).
    ///
    /// # Errors
    /// [`Error::Input`] when the shapes do not fit together.
    pub fn new(mask: &Tensor, original: &Tensor, noise: &Tensor) -> Result<Self> {
        if mask.rank() != 3 {
            return Err(Error::input("noise mask", "[1 or B, H, W]", format!("{:?}", mask.dims())));
        }
        if original.dims() != noise.dims() {
            let expected = format!("the original's shape {:?}", original.dims());
            return Err(Error::input("inpaint noise", expected, format!("{:?}", noise.dims())));
        }
        let (_, _, height, width) = original.dims4()?;
        let mask = ops::resize_bilinear(&mask.to_dtype(DType::F32)?.unsqueeze(1)?, height, width)?;
        Ok(Self { mask, original: original.to_dtype(DType::F32)?, noise: noise.to_dtype(DType::F32)? })
    }

    /// The clean latents that are kept.
    pub fn original(&self) -> &Tensor {
        &self.original
    }

    /// The noise that the kept part gets on its way down.
    pub fn noise(&self) -> &Tensor {
        &self.noise
    }

    /// `redrawn` inside the mask, `kept` outside.
    pub fn blend(&self, redrawn: &Tensor, kept: &Tensor) -> Result<Tensor> {
        Ok((kept + (redrawn - kept)?.broadcast_mul(&self.mask)?)?)
    }
}
