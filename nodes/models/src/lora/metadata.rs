//! Alphas that stand in a file's metadata instead of in tensors.
//!
//! **Source**: diffusers' `save_lora_weights`, which writes peft's configuration as JSON under `lora_adapter_metadata`, each key behind
//! the network's name: `unet.lora_alpha`, `unet.alpha_pattern` (by layer), `text_encoder.lora_alpha`.

use crate::weights::TensorSource;
use serde_json::{Map, Value};

/// The alphas that a file's metadata states.
pub(super) struct Alphas(Map<String, Value>);

impl Alphas {
    /// Reads the metadata; none, or none of this kind, states nothing.
    pub fn of(file: &dyn TensorSource) -> Self {
        let text = file.metadata().get("lora_adapter_metadata");
        let parsed = text.and_then(|text| serde_json::from_str::<Value>(text).ok());
        Self(parsed.and_then(|value| value.as_object().cloned()).unwrap_or_default())
    }

    /// The alpha of a layer named as in the file, e.g. `unet.mid_block.attentions.0.proj_in`.
    pub fn get(&self, layer: &str) -> Option<f64> {
        let (network, path) = layer.split_once('.')?;
        let pattern = self.0.get(&format!("{network}.alpha_pattern")).and_then(Value::as_object);
        // A pattern names a layer whole, or by the end of its path.
        let special = pattern.and_then(|p| {
            p.iter().find(|(end, _)| {
                path == *end || path.strip_suffix(end.as_str()).is_some_and(|head| head.ends_with('.'))
            })
        });
        special.map(|(_, alpha)| alpha).or_else(|| self.0.get(&format!("{network}.lora_alpha"))).and_then(Value::as_f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pattern_goes_before_the_common_alpha() {
        let json = json!({"unet.lora_alpha": 8, "unet.alpha_pattern": {"attn1.to_q": 2}});
        let alphas = Alphas(json.as_object().cloned().unwrap());
        assert_eq!(alphas.get("unet.mid_block.attn1.to_q"), Some(2.0));
        assert_eq!(alphas.get("unet.mid_block.xattn1.to_q"), Some(8.0));
        assert_eq!(alphas.get("text_encoder.text_model.fc1"), None);
    }
}
