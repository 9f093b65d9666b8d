//! Every name under which LoRA files know the modules of a model.
//!
//! Kohya's names replace the dots by underscores, which cannot be undone without the model (`to_out_0` or `to.out.0`?), so
//! the names are made from the model's own modules and looked up.

use super::LoraTargets;
use super::ldm::ldm_names;
use super::unet_layers::attention_layers;
use crate::weights::TensorInfo;
use std::collections::{BTreeMap, HashMap};

/// Which network a layer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    Unet,
    TextEncoder,
    TextEncoder2,
}

/// From a name in a file to a module of the model.
pub(super) struct Names(HashMap<String, (Network, String)>);

impl Names {
    /// The names of everything in `targets`; `numbered` says how many UNet and text layers the file numbers instead of naming.
    pub(super) fn of(targets: &LoraTargets, numbered: [usize; 2]) -> Self {
        let mut names = Self(HashMap::new());
        if let Some(unet) = targets.unet {
            names.add_unet(unet, numbered[0]);
        }
        if let Some(text) = targets.text_encoder {
            names.add_text(text, Network::TextEncoder, &["text_encoder"], &["te", "te1"]);
            names.add_numbered(Network::TextEncoder, "text_encoder", numbered[1], &[numbered_text_layers(text)]);
        }
        if let Some(text) = targets.text_encoder_2 {
            names.add_text(text, Network::TextEncoder2, &["text_encoder_2"], &["te2"]);
        }
        names
    }

    /// The network and module that `name` means.
    pub(super) fn find(&self, name: &str) -> Option<(Network, &str)> {
        self.0.get(name).map(|(network, module)| (*network, module.as_str()))
    }

    fn add(&mut self, network: Network, name: String, module: &str) {
        self.0.insert(name, (network, module.to_string()));
    }

    fn add_unet(&mut self, unet: &BTreeMap<String, TensorInfo>, numbered: usize) {
        let network = Network::Unet;
        let modules: Vec<&str> = modules(unet).collect();
        for module in &modules {
            let flat = module.replace('.', "_");
            self.add(network, format!("lora_unet_{flat}"), module);
            self.add(network, format!("lycoris_{flat}"), module);
            self.add(network, format!("unet.{module}"), module);
            self.add(network, format!("base_model.model.{module}"), module);
            self.add(network, module.to_string(), module);
        }
        for (module, ldm) in ldm_names(&modules) {
            self.add(network, format!("lora_unet_{}", ldm.replace('.', "_")), module);
            self.add(network, format!("diffusion_model.{ldm}"), module);
        }
        self.add_numbered(
            network,
            "unet",
            numbered,
            &[numbered_unet_layers(unet, true), numbered_unet_layers(unet, false)],
        );
    }

    /// Text encoders are named with and without the `text_model.` that transformers 5 dropped.
    fn add_text(&mut self, text: &BTreeMap<String, TensorInfo>, network: Network, dotted: &[&str], flat: &[&str]) {
        for module in modules(text) {
            let core = module.strip_prefix("text_model.").unwrap_or(module);
            for name in [core.to_string(), format!("text_model.{core}")] {
                for prefix in dotted {
                    self.add(network, format!("{prefix}.{name}"), module);
                }
                for prefix in flat {
                    self.add(network, format!("lora_{prefix}_{}", name.replace('.', "_")), module);
                }
            }
        }
    }

    /// Adds `prefix:0`, `prefix:1`, … for the list of modules that has as many as the file numbers.
    fn add_numbered(&mut self, network: Network, prefix: &str, count: usize, lists: &[Vec<String>]) {
        for (n, module) in lists.iter().find(|list| list.len() == count).into_iter().flatten().enumerate() {
            self.add(network, format!("{prefix}:{n}"), module);
        }
    }
}

/// Modules that have a weight.
fn modules(tensors: &BTreeMap<String, TensorInfo>) -> impl Iterator<Item = &str> {
    tensors.keys().filter_map(|name| name.strip_suffix(".weight"))
}

/// The linear layers of a UNet as cloneofsimo's trainer counts them: those of the classes `CrossAttention` and, by default,
/// `GEGLU`, in registration order, where a transformer block registers self-attention, feed-forward, cross-attention.
///
/// **Source**: `_find_modules` in cloneofsimo/lora, `BasicTransformerBlock` of the diffusers of its time (0.10).
fn numbered_unet_layers(unet: &BTreeMap<String, TensorInfo>, with_feed_forward: bool) -> Vec<String> {
    let mut modules = Vec::new();
    for layer in attention_layers(unet) {
        if let (true, Some(block)) = (with_feed_forward, layer.strip_suffix(".attn2")) {
            modules.push(format!("{block}.ff.net.0.proj"));
        }
        modules.extend(["to_q", "to_k", "to_v", "to_out.0"].map(|projection| format!("{layer}.{projection}")));
    }
    modules
}

/// The linear layers of a text encoder as the same trainer counts them: those of `CLIPAttention`, in the order in which
/// transformers registers them.
fn numbered_text_layers(text: &BTreeMap<String, TensorInfo>) -> Vec<String> {
    let mut layers: Vec<(usize, &str)> = modules(text)
        .filter_map(|module| {
            let attention = module.strip_suffix(".q_proj")?;
            let number = attention.split('.').find_map(|segment| segment.parse().ok())?;
            Some((number, attention))
        })
        .collect();
    layers.sort_unstable();
    let projections = |attention: &str| ["k_proj", "v_proj", "q_proj", "out_proj"].map(|p| format!("{attention}.{p}"));
    layers.into_iter().flat_map(|(_, attention)| projections(attention)).collect()
}
