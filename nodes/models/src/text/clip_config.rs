//! The configuration of a CLIP text encoder, as transformers writes it.

use crate::{Error, Result};
use serde::Deserialize;
use serde_json::Value;

/// What a `config.json` of a CLIP text encoder states; what it leaves out has transformers' default.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct ClipConfig {
    /// Number of token embeddings.
    pub vocab_size: usize,
    /// Features of a token, `D`.
    pub hidden_size: usize,
    /// Features between the two linear layers of a block.
    pub intermediate_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Attention heads; they divide `hidden_size`.
    pub num_attention_heads: usize,
    /// The longest sequence.
    pub max_position_embeddings: usize,
    /// The activation between the two linear layers of a block.
    pub hidden_act: ClipActivation,
    /// Added to the variance in every layer norm.
    pub layer_norm_eps: f64,
    /// Features of the projected text vector, `P`; used by encoders with a projection.
    pub projection_dim: usize,
    /// The id that ends a sequence; 2 in files from before transformers corrected it, see [`super::ClipOutput::pooled`].
    pub eos_token_id: u32,
    /// The classes that the file was saved from; `CLIPTextModelWithProjection` has a projection.
    pub architectures: Vec<String>,
}

/// The activations that CLIP text encoders have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClipActivation {
    /// `x * sigmoid(1.702 x)`: OpenAI's CLIP.
    QuickGelu,
    /// With the error function: OpenCLIP.
    Gelu,
}

/// What `eos_token_id` says in files saved before transformers' pull request 24773.
pub(super) const LEGACY_EOS: u32 = 2;

/// The class name that says that there is a projection.
const WITH_PROJECTION: &str = "CLIPTextModelWithProjection";

impl Default for ClipConfig {
    /// The defaults of transformers' `CLIPTextConfig`.
    fn default() -> Self {
        Self {
            vocab_size: 49408,
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            hidden_act: ClipActivation::QuickGelu,
            layer_norm_eps: 1e-5,
            projection_dim: 512,
            eos_token_id: 49407,
            architectures: Vec::new(),
        }
    }
}

impl ClipConfig {
    /// CLIP ViT-L/14's text encoder: SD1.5's, and SDXL's first.
    ///
    /// Source: `text_encoder/config.json` of `stabilityai/stable-diffusion-xl-base-1.0`.
    pub fn clip_l() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_attention_heads: 12,
            projection_dim: 768,
            eos_token_id: 2,
            architectures: vec!["CLIPTextModel".into()],
            ..Self::default()
        }
    }

    /// OpenCLIP ViT-bigG/14's text encoder: SDXL's second.
    ///
    /// Source: `text_encoder_2/config.json` of `stabilityai/stable-diffusion-xl-base-1.0`.
    pub fn open_clip_big_g() -> Self {
        Self {
            hidden_size: 1280,
            intermediate_size: 5120,
            num_hidden_layers: 32,
            num_attention_heads: 20,
            hidden_act: ClipActivation::Gelu,
            projection_dim: 1280,
            eos_token_id: 2,
            architectures: vec![WITH_PROJECTION.into()],
            ..Self::default()
        }
    }

    /// Reads the parsed `config.json`.
    ///
    /// # Errors
    /// [`Error::Config`] when it is no such configuration, or asks for something impossible.
    pub fn from_json(json: &Value) -> Result<Self> {
        let what = "text encoder config.json";
        let config: Self = Self::deserialize(json).map_err(|e| Error::config(what, e.to_string()))?;
        for (key, value, most) in [
            ("hidden_size", config.hidden_size, 1 << 16),
            ("intermediate_size", config.intermediate_size, 1 << 18),
            ("num_hidden_layers", config.num_hidden_layers, 256),
            ("max_position_embeddings", config.max_position_embeddings, 1 << 16),
            ("projection_dim", config.projection_dim, 1 << 16),
            ("vocab_size", config.vocab_size, 1 << 20),
        ] {
            if !(1..=most).contains(&value) {
                return Err(Error::config(what, format!("{key} must be from 1 to {most}, got {value}")));
            }
        }
        let (width, heads) = (config.hidden_size, config.num_attention_heads);
        if heads == 0 || !width.is_multiple_of(heads) {
            let message = format!("num_attention_heads ({heads}) does not divide hidden_size ({width})");
            return Err(Error::config(what, message));
        }
        Ok(config)
    }

    /// Whether the encoder projects the pooled vector.
    pub fn has_projection(&self) -> bool {
        self.architectures.iter().any(|name| name == WITH_PROJECTION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn configurations_are_read_with_transformers_defaults() {
        assert_eq!(ClipConfig::from_json(&json!({})).unwrap(), ClipConfig::default());
        let projecting = json!({"architectures": ["CLIPTextModelWithProjection"]});
        assert!(ClipConfig::from_json(&projecting).unwrap().has_projection());
        assert!(ClipConfig::from_json(&json!({"hidden_act": "silu"})).unwrap_err().to_string().contains("quick_gelu"));
        assert!(ClipConfig::from_json(&json!({"num_attention_heads": 7})).is_err());
    }
}
