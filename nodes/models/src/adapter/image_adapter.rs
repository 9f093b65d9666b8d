//! The Image Adapter: a key and a value projection for each cross-attention layer of a UNet.
//!
//! **Source**: InstantID (arXiv 2401.07519), IP-Adapter (arXiv 2308.06721).
//! **Weights**: `{n}.to_k_ip.weight`, `{n}.to_v_ip.weight` with n = 2i + 1 for layer i in the order down, up, mid: numbers count
//! all attention layers, and the even ones are self-attention.

use crate::layers::Linear;
use crate::unet::{AdapterKv, AdapterLayerKv, CrossLayer};
use crate::weights::Weights;
use crate::{Error, Result};
use candle_core::Tensor;

/// The projections; shared, and combined with tokens by [`ImageAdapter::project`].
#[derive(Debug, Clone)]
pub struct ImageAdapter {
    layers: Vec<(Linear, Linear)>,
}

impl ImageAdapter {
    /// Reads the projections for the given layers of a UNet from the cursor `ip_adapter`; call [`Weights::finish`] afterwards.
    ///
    /// The widths of every key are checked against its layer, which catches files numbered in another order.
    ///
    /// # Errors
    /// When a tensor cannot be read.
    pub fn new(layers: &[CrossLayer], weights: &Weights) -> Result<Self> {
        let load = |(i, layer): (usize, &CrossLayer)| {
            let weights = weights.pp(2 * i + 1);
            let to_k = Linear::load_no_bias(&weights.pp("to_k_ip"), layer.context, layer.hidden)?;
            let to_v = Linear::load_no_bias(&weights.pp("to_v_ip"), layer.context, layer.hidden)?;
            Ok((to_k, to_v))
        };
        Ok(Self { layers: layers.iter().enumerate().map(load).collect::<Result<_>>()? })
    }

    /// Number of layers.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there is no layer.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// Projects `tokens [B, L, cross_attention_dim]` once for all steps, every layer at the same weight.
    ///
    /// # Errors
    /// When the tokens have another width.
    pub fn project(&self, tokens: &Tensor, weight: f64) -> Result<AdapterKv> {
        self.project_weighted(tokens, &vec![weight; self.layers.len()])
    }

    /// Projects `tokens` with a weight for each layer (down, up, mid); layers of weight 0 cost nothing per step.
    ///
    /// # Errors
    /// [`Error::Input`] when there is not one weight for each layer.
    pub fn project_weighted(&self, tokens: &Tensor, weights: &[f64]) -> Result<AdapterKv> {
        if weights.len() != self.layers.len() {
            let expected = format!("{} (one per cross-attention layer)", self.layers.len());
            return Err(Error::input("layer weights", expected, weights.len().to_string()));
        }
        let layers = self.layers.iter().zip(weights).map(|((to_k, to_v), weight)| {
            Ok(AdapterLayerKv { k: to_k.forward(tokens)?, v: to_v.forward(tokens)?, weight: *weight })
        });
        Ok(AdapterKv { layers: layers.collect::<Result<_>>()?, mask: None })
    }
}
