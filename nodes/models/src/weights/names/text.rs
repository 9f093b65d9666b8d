//! Text encoders: transformers' names with and without their prefix, and open_clip's with its fused projections.

use super::{Renaming, below, find_prefix, same};
use crate::weights::TensorSource;
use crate::weights::rename::{Change, Renamed};
use std::collections::HashMap;
use std::sync::Arc;

/// Which of a checkpoint's text encoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoder {
    /// The only one of SD1.5 and SD2, the first of SDXL, or that of a file with a single one.
    First,
    /// The second one of SDXL.
    Second,
}

/// Members of open_clip's layers.
const MEMBERS: &[(&str, &str)] = &[
    ("ln_1", "layer_norm1"),
    ("ln_2", "layer_norm2"),
    ("attn.out_proj", "self_attn.out_proj"),
    ("mlp.c_fc", "mlp.fc1"),
    ("mlp.c_proj", "mlp.fc2"),
];

/// The text encoder inside `source` in transformers' names (`text_model.…`, `text_projection.weight`).
///
/// open_clip's fused `in_proj` is split into queries, keys and values, its `text_projection` transposed.
pub fn text_encoder(source: Arc<dyn TensorSource>, which: Encoder) -> Arc<dyn TensorSource> {
    let prefixes: &[&str] = match which {
        Encoder::First => &[
            "cond_stage_model.transformer.",
            "cond_stage_model.model.",
            "conditioner.embedders.0.transformer.",
            "conditioner.embedders.0.model.",
            "text_encoder.",
            "",
        ],
        Encoder::Second => {
            &["conditioner.embedders.1.model.", "conditioner.embedders.1.transformer.", "text_encoder_2.", ""]
        }
    };
    let find = |probe: &str| find_prefix(source.as_ref(), prefixes, &[probe]);
    if let Some(prefix) = find("text_model.embeddings.token_embedding.weight") {
        return below(source, prefix);
    }
    if let Some(prefix) = find("embeddings.token_embedding.weight") {
        return add_prefix(below(source, prefix));
    }
    match find("transformer.resblocks.0.ln_1.weight") {
        Some(prefix) => from_open_clip(below(source, prefix)),
        None => source,
    }
}

/// Merges of older tools lack `text_model.`.
fn add_prefix(network: Arc<dyn TensorSource>) -> Arc<dyn TensorSource> {
    const PARTS: &[&str] = &["embeddings.", "encoder.", "final_layer_norm."];
    Renamed::view(network, |name, _| {
        let inside = PARTS.iter().any(|part| name.starts_with(part));
        same(Some(if inside { format!("text_model.{name}") } else { name.to_string() }))
    })
}

fn from_open_clip(network: Arc<dyn TensorSource>) -> Arc<dyn TensorSource> {
    let fixed =
        [("token_embedding", "text_model.embeddings.token_embedding"), ("ln_final", "text_model.final_layer_norm")];
    let mut modules: HashMap<String, String> = fixed.map(|(from, to)| (from.to_string(), to.to_string())).into();
    let layer = |i: usize| format!("transformer.resblocks.{i}");
    for i in (0..).take_while(|i| network.tensors().contains_key(&format!("{}.ln_1.weight", layer(*i)))) {
        modules.insert(layer(i), format!("text_model.encoder.layers.{i}"));
    }
    let renaming = Renaming { modules, members: MEMBERS };
    Renamed::view(network, |stored, _| {
        if stored == "text_projection" {
            return vec![("text_projection.weight".into(), Change::Transpose)];
        }
        if stored == "positional_embedding" {
            return same(Some("text_model.embeddings.position_embedding.weight"));
        }
        let name = renaming.translate(stored);
        let fused = ["weight", "bias"].iter().find_map(|m| Some((name.strip_suffix(&format!("attn.in_proj_{m}"))?, m)));
        let Some((layer, member)) = fused else { return same(Some(name)) };
        let parts = ["q_proj", "k_proj", "v_proj"].iter().enumerate();
        parts.map(|(index, p)| (format!("{layer}self_attn.{p}.{member}"), Change::Part { index, parts: 3 })).collect()
    })
}
