//! The DPT head: four maps of a backbone, brought to four resolutions and merged from the coarsest to the finest.
//!
//! **Source**: Vision Transformers for Dense Prediction (arXiv 2103.13413); `DepthAnythingNeck` and
//! `DepthAnythingDepthEstimationHead` of transformers 5.24.
//! **Weights**: transformers' names, below `neck` and `head`.

use super::DepthAnythingConfig;
use super::interpolate::{aligned, resize};
use crate::layers::Conv2d;
use crate::weights::Weights;
use crate::{Cancel, Error, Result};
use candle_core::Tensor;

/// The head.
#[derive(Debug, Clone)]
pub struct DptHead {
    /// From the finest map to the coarsest.
    levels: Vec<Level>,
    /// From the coarsest map to the finest.
    fusions: Vec<Fusion>,
    conv1: Conv2d,
    conv2: Conv2d,
    conv3: Conv2d,
}

impl DptHead {
    pub fn load(config: &DepthAnythingConfig, weights: &Weights) -> Result<Self> {
        let (neck, head, fused) = (weights.pp("neck"), weights.pp("head"), config.fused);
        let levels = (0..config.levels.len()).map(|i| Level::load(config, i, &neck));
        let fusions = neck.pp("fusion_stage").pp("layers");
        Ok(Self {
            levels: levels.collect::<Result<_>>()?,
            fusions: (0..config.levels.len()).map(|i| Fusion::load(fused, &fusions.pp(i))).collect::<Result<_>>()?,
            conv1: Conv2d::load_3x3(&head.pp("conv1"), fused, fused / 2)?,
            conv2: Conv2d::load_3x3(&head.pp("conv2"), fused / 2, config.head)?,
            conv3: Conv2d::load_1x1(&head.pp("conv3"), config.head, 1)?,
        })
    }

    /// Maps `[B, D, h, w]` become one of `size`, its values at least 0: `[B, H, W]`.
    pub fn forward(&self, maps: &[Tensor], size: [usize; 2], cancel: &Cancel) -> Result<Tensor> {
        let mut features = Vec::new();
        for (level, map) in self.levels.iter().zip(maps) {
            cancel.check()?;
            features.push(level.forward(map)?);
        }
        let mut fused: Option<Tensor> = None;
        for fusion in &self.fusions {
            cancel.check()?;
            // From the last on; what is merged takes the size of the next.
            let Some(map) = features.pop() else { break };
            let (_, _, height, width) = map.dims4()?;
            let next = match features.last() {
                Some(next) => [next.dim(2)?, next.dim(3)?],
                None => [2 * height, 2 * width],
            };
            fused = Some(fusion.forward(fused.as_ref(), map, next)?);
        }
        let fused = fused.ok_or_else(|| Error::input("maps of the backbone", "four", maps.len().to_string()))?;
        let x = resize(&self.conv1.forward(&fused)?, size, aligned)?;
        cancel.check()?;
        let x = self.conv3.forward(&self.conv2.forward(&x)?.relu()?)?;
        Ok(x.relu()?.squeeze(1)?)
    }
}

/// Brings a map to its width and resolution.
#[derive(Debug, Clone)]
struct Level {
    projection: Conv2d,
    resize: Resize,
    conv: Conv2d,
}

/// How a map changes its resolution.
#[derive(Debug, Clone)]
enum Resize {
    /// A transposed convolution whose kernel is as wide as its stride.
    Up {
        weight: Tensor,
        bias: Tensor,
        factor: usize,
    },
    Stays,
    /// Half as large.
    Down(Conv2d),
}

impl Level {
    fn load(config: &DepthAnythingConfig, index: usize, neck: &Weights) -> Result<Self> {
        let width = config.levels[index];
        let layer = neck.pp("reassemble_stage").pp("layers").pp(index);
        let weights = layer.pp("resize");
        let up = |factor: usize| -> Result<Resize> {
            let weight = weights.get("weight", (width, width, factor, factor))?;
            Ok(Resize::Up { weight, bias: weights.get("bias", (width,))?, factor })
        };
        // Source: `reassemble_factors` of `DepthAnythingConfig`.
        let resize = match index {
            0 => up(4)?,
            1 => up(2)?,
            2 => Resize::Stays,
            _ => Resize::Down(Conv2d::load(&weights, width, width, 3, 2, 1)?),
        };
        Ok(Self {
            projection: Conv2d::load_1x1(&layer.pp("projection"), config.width, width)?,
            resize,
            conv: Conv2d::load_3x3_no_bias(&neck.pp("convs").pp(index), width, config.fused, 1)?,
        })
    }

    fn forward(&self, map: &Tensor) -> Result<Tensor> {
        let x = self.projection.forward(map)?;
        let x = match &self.resize {
            Resize::Stays => x,
            Resize::Down(conv) => conv.forward(&x)?,
            Resize::Up { weight, bias, factor } => x
                .contiguous()?
                .conv_transpose2d(weight, 0, 0, *factor, 1)?
                .broadcast_add(&bias.reshape((1, (), 1, 1))?)?,
        };
        self.conv.forward(&x)
    }
}

/// Adds a finer map to what is merged so far, and enlarges the sum.
#[derive(Debug, Clone)]
struct Fusion {
    residual1: ResidualUnit,
    residual2: ResidualUnit,
    projection: Conv2d,
}

impl Fusion {
    fn load(width: usize, weights: &Weights) -> Result<Self> {
        Ok(Self {
            // The coarsest one has nothing to add to, though files hold weights for it.
            residual1: ResidualUnit::load(width, &weights.pp("residual_layer1"))?,
            residual2: ResidualUnit::load(width, &weights.pp("residual_layer2"))?,
            projection: Conv2d::load_1x1(&weights.pp("projection"), width, width)?,
        })
    }

    fn forward(&self, fused: Option<&Tensor>, map: Tensor, size: [usize; 2]) -> Result<Tensor> {
        let sum = match fused {
            None => map,
            Some(fused) => (fused + self.residual1.forward(&map)?)?,
        };
        let x = self.residual2.forward(&sum)?;
        self.projection.forward(&resize(&x, size, aligned)?)
    }
}

/// `x + conv(relu(conv(relu(x))))`.
#[derive(Debug, Clone)]
struct ResidualUnit {
    conv1: Conv2d,
    conv2: Conv2d,
}

impl ResidualUnit {
    fn load(width: usize, weights: &Weights) -> Result<Self> {
        Ok(Self {
            conv1: Conv2d::load_3x3(&weights.pp("convolution1"), width, width)?,
            conv2: Conv2d::load_3x3(&weights.pp("convolution2"), width, width)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let inner = self.conv1.forward(&x.relu()?)?.relu()?;
        Ok((self.conv2.forward(&inner)? + x)?)
    }
}
