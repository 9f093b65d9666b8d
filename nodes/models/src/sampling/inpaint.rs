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
        let (batch, _, height, width) = original.dims4()?;
        if ![1, batch].contains(&mask.dim(0)?) {
            let expected = format!("1 row or {batch} (the batch)");
            return Err(Error::input("noise mask", expected, mask.dim(0)?.to_string()));
        }
        let device = original.device();
        let mask = ops::resize_bilinear(&mask.to_dtype(DType::F32)?.unsqueeze(1)?, height, width)?.to_device(device)?;
        let noise = noise.to_device(device)?.to_dtype(DType::F32)?;
        Ok(Self { mask, original: original.to_dtype(DType::F32)?, noise })
    }

    /// The clean latents that are kept.
    pub fn original(&self) -> &Tensor {
        &self.original
    }

    /// The noise that the kept part gets on its way down.
    pub fn noise(&self) -> &Tensor {
        &self.noise
    }

    /// `redrawn` where the mask is 1, `kept` where it is 0; exactly so.
    ///
    /// # Errors
    /// When the shapes or devices differ from the original's.
    pub fn blend(&self, redrawn: &Tensor, kept: &Tensor) -> Result<Tensor> {
        let rest = self.mask.affine(-1.0, 1.0)?;
        Ok((redrawn.broadcast_mul(&self.mask)? + kept.broadcast_mul(&rest)?)?)
    }
}
