//! Depth Anything: how near each pixel of a picture is, from the picture alone.
//!
//! **Source**: Depth Anything V2 (arXiv 2406.09414); `DepthAnythingForDepthEstimation` of transformers 5.24. A DINOv2 backbone
//! (`dinov2`) whose tokens at four depths become maps that a DPT head (`dpt`) merges from coarse to fine.
//! **Weights**: transformers' names; those of the original code are shown as such by
//! [`names::depth_anything`](crate::weights::names::depth_anything).
//!
//! candle-transformers 0.11 has this network too, but resizes by the nearest pixel where the reference interpolates, has other constants (GELU,
//! eps), and takes 518 x 518 px only; what it computes is not what the reference computes.
//!
//! **Differences**: position embeddings of another size are those of transformers; the original code enlarges them by 0.1
//! patches more than there are, which moves them by less than 0.3 % of the picture.

mod config;
mod dinov2;
mod dpt;
mod interpolate;

pub use config::DepthAnythingConfig;

use crate::weights::Weights;
use crate::{Cancel, Error, Result};
use candle_core::{DType, Tensor};
use dinov2::Dinov2;
use dpt::DptHead;
use interpolate::{aligned, resize};

/// The mean of red, green and blue that a picture in 0..1 is normalised by. Source: ImageNet's, as in `preprocessor_config.json`.
pub const MEAN: [f64; 3] = [0.485, 0.456, 0.406];

/// The standard deviation of red, green and blue.
pub const STD: [f64; 3] = [0.229, 0.224, 0.225];

/// The network.
#[derive(Debug, Clone)]
pub struct DepthAnything {
    backbone: Dinov2,
    head: DptHead,
    patch: usize,
}

impl DepthAnything {
    /// Reads the network; what is missing is noted for [`Weights::finish`].
    ///
    /// # Errors
    /// When the device has no room.
    pub fn new(config: &DepthAnythingConfig, weights: &Weights) -> Result<Self> {
        Ok(Self {
            backbone: Dinov2::load(config, &weights.pp("backbone"))?,
            head: DptHead::load(config, weights)?,
            patch: config.patch,
        })
    }

    /// What the sides of a picture must be multiples of: 14.
    pub fn patch(&self) -> usize {
        self.patch
    }

    /// Inverse depth of pictures `[B, 3, H, W]` in 0..1: `[B, H, W]`, at least 0, larger where nearer, in a scale of its own for
    /// each picture. `H` and `W` are multiples of [`Self::patch`].
    ///
    /// # Errors
    /// [`Error::Input`] for another shape, [`Error::Cancelled`].
    pub fn forward(&self, pictures: &Tensor, cancel: &Cancel) -> Result<Tensor> {
        let dims = pictures.dims();
        let patch = self.patch;
        let size = match *dims {
            [_, 3, h, w] if h > 0 && w > 0 && h % patch == 0 && w % patch == 0 => [h / patch, w / patch],
            _ => {
                let expected = format!("[B, 3, H, W], sides in multiples of {patch}");
                return Err(Error::input("picture", expected, format!("{dims:?}")));
            }
        };
        let channels = |values: [f64; 3]| Tensor::new(&values.map(|x| x as f32), pictures.device());
        let (mean, std) = (channels(MEAN)?.reshape((1, 3, 1, 1))?, channels(STD)?.reshape((1, 3, 1, 1))?);
        let normal = pictures.to_dtype(DType::F32)?.broadcast_sub(&mean)?.broadcast_div(&std)?;
        let maps = self.backbone.forward(&normal, size, cancel)?;
        self.head.forward(&maps, size.map(|side| side * patch), cancel)
    }
}

/// Maps `[B, H, W]` at another size: linear between pixels, the corners stay where they are.
///
/// # Errors
/// When the arithmetic fails.
pub fn resize_depth(depth: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    Ok(resize(&depth.unsqueeze(1)?, [height, width], aligned)?.squeeze(1)?)
}
