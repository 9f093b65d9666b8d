//! The Image Adapter: a key and a value projection for each cross-attention layer of a UNet.
//!
//! **Source**: InstantID (arXiv 2401.07519), IP-Adapter (arXiv 2308.06721).
//!
//! **Weights**: `{n}.to_k_ip.weight`, `{n}.to_v_ip.weight` with n = 2i + 1 for layer i in the order down, up, mid: numbers count
//! all attention layers, and the even ones are self-attention. Some SD1.5 ports name the layer by its path instead:
//! `{path}.processor.to_k_ip.weight`.

use super::AdapterProblem;
use crate::layers::Linear;
use crate::lora::other_base_hint;
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
    /// Reads the projections for the given layers of a UNet; call [`Weights::finish`] afterwards.
    ///
    /// The cursor stands where the numbers or paths start: at `ip_adapter`, or at the root of a file without an image projection.
    /// The widths of every key are checked against its layer, which catches files numbered in another order.
    ///
    /// # Errors
    /// [`Error::Adapter`] when the file is made for another model; missing tensors are noted for `finish`.
    pub fn new(layers: &[CrossLayer], weights: &Weights) -> Result<Self> {
        check_model(layers, weights)?;
        let load = |(i, layer): (usize, &CrossLayer)| {
            let weights = weights.pp(stem(i, layer, weights));
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

/// Where the projections of layer `i` stand under the cursor.
fn stem(i: usize, layer: &CrossLayer, weights: &Weights) -> String {
    let by_path = format!("{}.processor", layer.path);
    if weights.contains(&format!("{by_path}.to_k_ip.weight")) { by_path } else { (2 * i + 1).to_string() }
}

/// Refuses a file that has other layers than the model, before single tensors are looked at.
fn check_model(layers: &[CrossLayer], weights: &Weights) -> Result<()> {
    let fail = |problem| Err(Error::adapter(weights, problem));
    let names = weights.source().tensors().keys().filter(|name| name.starts_with(weights.path()));
    let found = names.filter(|name| name.ends_with(".to_k_ip.weight")).count();
    let shapes = layers.iter().enumerate().filter_map(|(i, layer)| {
        let name = format!("{}.to_k_ip.weight", stem(i, layer, weights));
        Some((layer, weights.name(&name), weights.shape_of(&name)?))
    });
    let wrong = shapes.into_iter().find(|(layer, _, shape)| *shape != [layer.hidden, layer.context]);
    let hint = match &wrong {
        Some((layer, _, [_, context])) => other_base_hint(*context, layer.context),
        _ => String::new(),
    };
    match wrong {
        _ if found != layers.len() => fail(AdapterProblem::LayerCount { found, expected: layers.len(), hint }),
        Some((layer, name, shape)) => fail(AdapterProblem::LayerWidth {
            name,
            path: layer.path.clone(),
            expected: [layer.hidden, layer.context],
            found: shape.to_vec(),
            hint,
        }),
        None => Ok(()),
    }
}
