//! DINOv2: a vision transformer whose tokens say what lies in each patch of a picture.
//!
//! **Source**: DINOv2 (arXiv 2304.07193); `Dinov2Backbone` of transformers 5.24.
//! **Weights**: transformers' names, below `backbone`.

use super::DepthAnythingConfig;
use super::interpolate::{cubic, resize};
use crate::layers::{LayerNorm, Linear};
use crate::ops::{self, Mask};
use crate::weights::Weights;
use crate::{Cancel, Result};
use candle_core::Tensor;

/// What keeps a layer norm from dividing by 0. Source: `layer_norm_eps` of `Dinov2Config`.
const EPS: f64 = 1e-6;

/// The backbone.
#[derive(Debug, Clone)]
pub struct Dinov2 {
    patch_weight: Tensor,
    patch_bias: Tensor,
    patch: usize,
    /// `[1, 1, D]`, the token for the whole picture.
    class: Tensor,
    /// `[1, 1 + grid², D]`.
    positions: Tensor,
    grid: usize,
    layers: Vec<Layer>,
    /// How many layers a map is taken after, ascending.
    taps: Vec<usize>,
    norm: LayerNorm,
}

impl Dinov2 {
    pub fn load(config: &DepthAnythingConfig, weights: &Weights) -> Result<Self> {
        let (width, patch, grid) = (config.width, config.patch, config.grid);
        let embeddings = weights.pp("embeddings");
        let projection = embeddings.pp("patch_embeddings").pp("projection");
        let layers = weights.pp("encoder").pp("layer");
        Ok(Self {
            patch_weight: projection.get("weight", (width, 3, patch, patch))?,
            patch_bias: projection.get("bias", width)?,
            patch,
            class: embeddings.get("cls_token", (1, 1, width))?,
            positions: embeddings.get("position_embeddings", (1, 1 + grid * grid, width))?,
            grid,
            layers: (0..config.layers).map(|i| Layer::load(config, &layers.pp(i))).collect::<Result<_>>()?,
            taps: config.taps.to_vec(),
            norm: LayerNorm::load(&weights.pp("layernorm"), width, EPS)?,
        })
    }

    /// Normalised pictures `[B, 3, H, W]` of `[h, w]` patches become a map `[B, D, h, w]` for each tap.
    pub fn forward(&self, pictures: &Tensor, size: [usize; 2], cancel: &Cancel) -> Result<Vec<Tensor>> {
        let patches = ops::conv2d(pictures, &self.patch_weight, Some(&self.patch_bias), self.patch, 0)?;
        let patches = ops::transpose(&patches.flatten_from(2)?)?; // [B, h·w, D]
        let class = self.class.repeat((pictures.dim(0)?, 1, 1))?;
        let mut x = Tensor::cat(&[class, patches], 1)?.broadcast_add(&self.positions(size)?)?;
        let mut maps = Vec::new();
        for (i, layer) in self.layers.iter().enumerate() {
            cancel.check()?;
            x = layer.forward(&x)?;
            if self.taps.contains(&(i + 1)) {
                let tokens = self.norm.forward(&x)?;
                let tokens = tokens.narrow(1, 1, size[0] * size[1])?.contiguous()?;
                let (batch, _, width) = tokens.dims3()?;
                maps.push(ops::transpose(&tokens)?.reshape((batch, width, size[0], size[1]))?);
            }
        }
        Ok(maps)
    }

    /// Position embeddings for `[h, w]` patches: `[1, 1 + h·w, D]`.
    fn positions(&self, [height, width]: [usize; 2]) -> Result<Tensor> {
        if [height, width] == [self.grid; 2] {
            return Ok(self.positions.clone());
        }
        let dim = self.positions.dim(2)?;
        let class = self.positions.narrow(1, 0, 1)?;
        let grid = self.positions.narrow(1, 1, self.grid * self.grid)?.contiguous()?;
        let grid = ops::transpose(&grid)?.reshape((1, dim, self.grid, self.grid))?;
        let grid = ops::transpose(&resize(&grid, [height, width], cubic)?.flatten_from(2)?)?;
        Ok(Tensor::cat(&[class, grid], 1)?)
    }
}

/// Attention and a feed-forward network, each scaled by channel and added.
#[derive(Debug, Clone)]
struct Layer {
    norm1: LayerNorm,
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    scale1: Tensor,
    norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    scale2: Tensor,
    heads: usize,
}

impl Layer {
    fn load(config: &DepthAnythingConfig, weights: &Weights) -> Result<Self> {
        let width = config.width;
        let attention = weights.pp("attention").pp("attention");
        let projection = |name: &str| Linear::load(&attention.pp(name), width, width);
        Ok(Self {
            norm1: LayerNorm::load(&weights.pp("norm1"), width, EPS)?,
            query: projection("query")?,
            key: projection("key")?,
            value: projection("value")?,
            out: Linear::load(&weights.pp("attention").pp("output").pp("dense"), width, width)?,
            scale1: weights.pp("layer_scale1").get("lambda1", width)?,
            norm2: LayerNorm::load(&weights.pp("norm2"), width, EPS)?,
            fc1: Linear::load(&weights.pp("mlp").pp("fc1"), width, config.hidden)?,
            fc2: Linear::load(&weights.pp("mlp").pp("fc2"), config.hidden, width)?,
            scale2: weights.pp("layer_scale2").get("lambda1", width)?,
            heads: config.heads,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let normal = self.norm1.forward(x)?;
        let (q, k, v) = (self.query.forward(&normal)?, self.key.forward(&normal)?, self.value.forward(&normal)?);
        let attended = self.out.forward(&ops::attention(&q, &k, &v, self.heads, Mask::None)?)?;
        let x = (x + attended.broadcast_mul(&self.scale1)?)?;
        let hidden = ops::gelu(&self.fc1.forward(&self.norm2.forward(&x)?)?)?;
        Ok((&x + self.fc2.forward(&hidden)?.broadcast_mul(&self.scale2)?)?)
    }
}
