//! What a tensor's name in a LoRA file says: which layer, and which part of its change.

/// One tensor of a layer's change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// LoRA's factors; `Mid` sits between them in a Tucker-decomposed convolution.
    Down,
    Up,
    Mid,
    /// LoHa's two pairs of factors and their Tucker cores.
    HadaW1A,
    HadaW1B,
    HadaW2A,
    HadaW2B,
    HadaT1,
    HadaT2,
    /// LoKr's two matrices, whole or as pairs of factors, and the second one's Tucker core.
    LokrW1,
    LokrW1A,
    LokrW1B,
    LokrW2,
    LokrW2A,
    LokrW2B,
    LokrT2,
    /// Whole differences of the weight and of the bias.
    Diff,
    DiffBias,
    /// The scale is alpha / rank.
    Alpha,
    /// DoRA's magnitudes.
    Magnitude,
}

/// How names end, from kohya's trainer, peft, diffusers of several ages, LyCORIS and cloneofsimo's trainer (`unet:3:up`).
const ENDINGS: &[(&str, Part)] = &[
    (".lora_down.weight", Part::Down),
    (".lora_up.weight", Part::Up),
    (".lora_mid.weight", Part::Mid),
    (".lora_A.weight", Part::Down),
    (".lora_B.weight", Part::Up),
    (".lora_A.default.weight", Part::Down),
    (".lora_B.default.weight", Part::Up),
    (".lora.down.weight", Part::Down),
    (".lora.up.weight", Part::Up),
    (".lora_linear_layer.down.weight", Part::Down),
    (".lora_linear_layer.up.weight", Part::Up),
    (":down", Part::Down),
    (":up", Part::Up),
    (".hada_w1_a", Part::HadaW1A),
    (".hada_w1_b", Part::HadaW1B),
    (".hada_w2_a", Part::HadaW2A),
    (".hada_w2_b", Part::HadaW2B),
    (".hada_t1", Part::HadaT1),
    (".hada_t2", Part::HadaT2),
    (".lokr_w1", Part::LokrW1),
    (".lokr_w1_a", Part::LokrW1A),
    (".lokr_w1_b", Part::LokrW1B),
    (".lokr_w2", Part::LokrW2),
    (".lokr_w2_a", Part::LokrW2A),
    (".lokr_w2_b", Part::LokrW2B),
    (".lokr_t2", Part::LokrT2),
    (".diff", Part::Diff),
    (".diff_b", Part::DiffBias),
    (".w_norm", Part::Diff),
    (".b_norm", Part::DiffBias),
    (".alpha", Part::Alpha),
    (".dora_scale", Part::Magnitude),
    (".lora_magnitude_vector", Part::Magnitude),
    (".lora_magnitude_vector.weight", Part::Magnitude),
    (".lora_magnitude_vector.default.weight", Part::Magnitude),
];

/// The old attention-processor style, where the projection's name is glued to `_lora`: `attn1.processor.to_q_lora.down.weight`.
const PROCESSOR_ENDINGS: &[(&str, Part)] = &[("_lora.down.weight", Part::Down), ("_lora.up.weight", Part::Up)];

/// Kinds of change that are not additive on one weight, or not implemented.
const UNSUPPORTED: &[(&str, &str)] = &[
    (".oft_blocks", "OFT"),
    (".oft_diag", "OFT"),
    (".oft_R.weight", "OFT"),
    (".a1.weight", "GLoRA"),
    (".b1.weight", "GLoRA"),
    (".on_input", "IA3"),
    (".ia3_l", "IA3"),
    (".lora_B.bias", "LoRA with a bias of its own"),
    (".reshape_weight", "LoRA that changes a weight's shape"),
    (".set_weight", "replacement of whole weights"),
    (".bias_values", "LoRA with sparse biases"),
];

/// What a name in the file says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Part of the change of `module`, named as in the file.
    Layer { module: String, part: Part },
    /// A textual-inversion embedding that travels in the file.
    Embedding,
    /// A kind of change that this crate does not have: its name.
    Unsupported(&'static str),
    /// Nothing known.
    Unknown,
}

impl Key {
    pub(super) fn parse(name: &str) -> Self {
        let ending = |endings: &[(&str, Part)]| {
            endings.iter().find_map(|(ending, part)| Some((name.strip_suffix(ending)?.to_string(), *part)))
        };
        if let Some((module, part)) = ending(ENDINGS) {
            Self::Layer { module, part }
        } else if let Some((module, part)) = ending(PROCESSOR_ENDINGS) {
            Self::Layer { module: processor_module(&module), part }
        } else if let Some((_, kind)) = UNSUPPORTED.iter().find(|(ending, _)| name.ends_with(ending)) {
            Self::Unsupported(kind)
        } else if name.starts_with("bundle_emb.") || (name.starts_with('<') && name.ends_with('>')) {
            Self::Embedding
        } else {
            Self::Unknown
        }
    }
}

/// `…attn1.processor.to_out` is the module `…attn1.to_out.0`; in a text encoder `…self_attn.to_out` is `…self_attn.out_proj`.
fn processor_module(module: &str) -> String {
    const TEXT: [(&str, &str); 4] =
        [("to_q", "q_proj"), ("to_k", "k_proj"), ("to_v", "v_proj"), ("to_out", "out_proj")];
    let (owner, projection) = module.rsplit_once('.').unwrap_or(("", module));
    let owner = owner.strip_suffix(".processor").unwrap_or(owner);
    let projection = match TEXT.iter().find(|(name, _)| *name == projection) {
        Some((_, text)) if owner.ends_with("self_attn") => text,
        Some(("to_out", _)) => "to_out.0",
        _ => projection,
    };
    format!("{owner}.{projection}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(module: &str, part: Part) -> Key {
        Key::Layer { module: module.into(), part }
    }

    #[test]
    fn every_style() {
        let cases = [
            ("lora_unet_mid_block_attn.lora_down.weight", layer("lora_unet_mid_block_attn", Part::Down)),
            ("unet.conv_in.lora_B.weight", layer("unet.conv_in", Part::Up)),
            ("unet.conv_in.lora.up.weight", layer("unet.conv_in", Part::Up)),
            ("a.attn1.processor.to_q_lora.down.weight", layer("a.attn1.to_q", Part::Down)),
            ("a.attn1.processor.to_out_lora.up.weight", layer("a.attn1.to_out.0", Part::Up)),
            ("text_encoder.x.self_attn.to_out_lora.up.weight", layer("text_encoder.x.self_attn.out_proj", Part::Up)),
            ("unet:98:up", layer("unet:98", Part::Up)),
            ("x.lokr_w1", layer("x", Part::LokrW1)),
            ("x.lokr_w1_a", layer("x", Part::LokrW1A)),
            ("<s1>", Key::Embedding),
            ("x.oft_blocks", Key::Unsupported("OFT")),
            ("conv_in.weight", Key::Unknown),
        ];
        for (name, key) in cases {
            assert_eq!(Key::parse(name), key, "{name}");
        }
    }
}
