//! Real tokenizer files and textual inversions, from the folder in `SELFSAME_REAL_DATA`; says so and passes without it.

#[path = "support/skip.rs"]
mod skip;

use selfsame_models::text::{EncoderRole, PadInPrompt, TextualInversion, Tokenizer};
use serde_json::Value;
use std::path::PathBuf;

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("SELFSAME_REAL_DATA").map(PathBuf::from);
    if folder.is_none() {
        skip::not_run("SELFSAME_REAL_DATA names no folder with real files");
    }
    folder
}

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).expect("a list of ids")
}

#[test]
fn tokenizers_agree_with_the_recorded_ids() {
    let Some(data) = data() else { return };
    let text = std::fs::read_to_string(data.join("expected/tokens.json")).expect("expected/tokens.json");
    let table: Value = serde_json::from_str(&text).expect("expected/tokens.json is JSON");
    let folder =
        |name: &str| Tokenizer::from_dir(data.join("tokenizer").join(name), PadInPrompt::Ordinary).expect(name);
    let clip_l = [Tokenizer::clip_l(), folder("sd1"), folder("")];
    let clip_g = [Tokenizer::clip_g(PadInPrompt::Ordinary), folder("sdxl_2")];
    let prompts = table["prompts"].as_array().expect("a list of prompts");
    assert!(!prompts.is_empty());
    for row in prompts {
        let prompt = row["prompt"].as_str().expect("a prompt");
        for tokenizer in clip_l.iter().chain(&clip_g) {
            assert_eq!(tokenizer.encode(prompt).unwrap(), ids(&row["ids"]), "{prompt}");
        }
        for (tokenizers, key) in [(&clip_l[..], "padded77_clip_l"), (&clip_g[..], "padded77_sdxl_2")] {
            for tokenizer in tokenizers {
                assert_eq!(tokenizer.encode_padded(prompt, 77).unwrap(), ids(&row[key]), "{key}: {prompt}");
            }
        }
    }
}

#[test]
fn textual_inversions_load() {
    let Some(data) = data() else { return };
    let load = |name: &str| TextualInversion::load(data.join("textual_inversion").join(name)).expect(name);
    for (name, token, vectors) in
        [("sd15_diffusers_learned_embeds.bin", Some("<birb-style>"), 1), ("sd15_invoke_test.safetensors", None, 5)]
    {
        let found = load(name);
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!((found[0].token(), Some(found[0].name())), (token, name.split('.').next()), "{name}");
        assert_eq!(found[0].vectors(EncoderRole::ClipL, 768).unwrap().dims(), [vectors, 768], "{name}");
        let error = found[0].vectors(EncoderRole::ClipG, 1280).unwrap_err().to_string();
        assert!(error.contains("768") && error.contains("1280"), "{error}");
    }
}

#[test]
fn other_real_files_are_refused() {
    let Some(data) = data() else { return };
    for name in ["tokenizer/tokenizer.json", "expected/tokens.json", "images"] {
        let error = TextualInversion::load(data.join(name)).expect_err(name).to_string();
        assert!(error.contains(name), "{error}");
    }
}
