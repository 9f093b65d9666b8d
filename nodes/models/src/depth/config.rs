//! The structure of a Depth Anything model.

use crate::weights::TensorSource;
use crate::{Error, Result};
use serde_json::Value;

/// The structure of a Depth Anything model.
#[derive(Debug, Clone, PartialEq)]
pub struct DepthAnythingConfig {
    /// Features of a token.
    pub width: usize,
    /// Features inside the feed-forward networks.
    pub hidden: usize,
    /// Layers of the backbone.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Pixels of a patch, along each side.
    pub patch: usize,
    /// Patches of the pictures that it was trained on, along each side.
    pub grid: usize,
    /// How many layers each of the four maps is taken after.
    pub taps: [usize; 4],
    /// Channels of the four maps, from the finest.
    pub levels: [usize; 4],
    /// Channels of what is merged.
    pub fused: usize,
    /// Channels before the last convolution.
    pub head: usize,
}

/// Features of an attention head. Source: all published DINOv2 models.
const HEAD_WIDTH: usize = 64;

impl DepthAnythingConfig {
    /// Reads the structure off the shapes of a model in transformers' names. What shapes cannot tell is taken from its parsed
    /// `config.json`, or else is that of the published models: heads of 64 features; maps after every quarter of the layers, except
    /// those of ViT-L, after 5, 12, 18 and 24.
    ///
    /// # Errors
    /// [`Error::Config`] if a tensor that tells is missing, or the model is one for metric depth or with SwiGLU layers (ViT-G).
    pub fn new(source: &dyn TensorSource, json: Option<&Value>) -> Result<Self> {
        let fail = |message: String| Error::config(format!("configuration of {}", source.describe()), message);
        let size = |name: &str, axis: usize| {
            let shape = source.tensors().get(name).map(|info| info.shape.as_slice());
            shape.and_then(|shape| shape.get(axis).copied()).filter(|size| *size > 0)
        };
        let need = |name: &str, axis: usize| {
            size(name, axis).ok_or_else(|| fail(format!("cannot be read off the file: it has no {name}")))
        };
        let layer = |i: usize, member: &str| format!("backbone.encoder.layer.{i}.{member}");
        if size(&layer(0, "mlp.weights_in.weight"), 0).is_some() {
            return Err(fail("SwiGLU layers (ViT-G) are not supported; take Small, Base or Large".into()));
        }
        let json = json.filter(|json| json["model_type"] == "depth_anything");
        if json.is_some_and(|json| json["depth_estimation_type"] == "metric") {
            return Err(fail("a model for metric depth; take one for relative depth, as ControlNets expect it".into()));
        }
        let width = need("backbone.embeddings.cls_token", 2)?;
        let layers = (0..).take_while(|i| size(&layer(*i, "norm1.weight"), 0).is_some()).count();
        let positions = need("backbone.embeddings.position_embeddings", 1)?;
        let grid = (positions - 1).isqrt();
        if grid == 0 || grid * grid + 1 != positions {
            return Err(fail(format!("{positions} position embeddings are not 1 and those of a square")));
        }
        let level = |i: usize| need(&format!("neck.reassemble_stage.layers.{i}.projection.weight"), 0);
        let config = Self {
            width,
            hidden: need(&layer(0, "mlp.fc1.weight"), 0)?,
            layers,
            heads: heads(json).unwrap_or(width.div_ceil(HEAD_WIDTH)),
            patch: need("backbone.embeddings.patch_embeddings.projection.weight", 2)?,
            grid,
            taps: taps(json).unwrap_or(if layers == 24 {
                [5, 12, 18, 24]
            } else {
                [1, 2, 3, 4].map(|i| i * layers / 4)
            }),
            levels: [level(0)?, level(1)?, level(2)?, level(3)?],
            fused: need("neck.convs.0.weight", 0)?,
            head: need("head.conv2.weight", 0)?,
        };
        if config.heads == 0 || width % config.heads != 0 {
            return Err(fail(format!("{width} features do not divide into {} heads", config.heads)));
        }
        let ascends = config.taps.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascends || config.taps[0] == 0 || config.taps[3] > layers {
            return Err(fail(format!("maps after {:?} of {layers} layers: expected four, ascending", config.taps)));
        }
        Ok(config)
    }
}

fn heads(json: Option<&Value>) -> Option<usize> {
    usize::try_from(json?["backbone_config"]["num_attention_heads"].as_u64()?).ok()
}

fn taps(json: Option<&Value>) -> Option<[usize; 4]> {
    let list = json?["backbone_config"]["out_indices"].as_array()?;
    let taps: Option<Vec<usize>> = list.iter().map(|tap| usize::try_from(tap.as_u64()?).ok()).collect();
    taps?.try_into().ok()
}
