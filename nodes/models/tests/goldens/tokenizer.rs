//! `tokenizer.json`: texts with their ids by both tokenizers, raw and padded, from the built-in vocabulary and from folders.

use super::case::{Set, Tally};
use selfsame_models::text::{PadInPrompt, Tokenizer};
use serde_json::Value;
use std::error::Error;

pub fn run(set: &Set, tally: &mut Tally) -> Result<(), Box<dyn Error>> {
    let table = set.table("tokenizer.json")?;
    let folder = |name: &str| Tokenizer::from_dir(set.models().join("sdxl").join(name), PadInPrompt::Special);
    let tokenizers = [
        ("tok1", "built-in", Tokenizer::clip_l()),
        ("tok1", "folder", folder("tokenizer")?),
        ("tok2", "built-in", Tokenizer::clip_g(PadInPrompt::Special)),
        ("tok2", "folder", folder("tokenizer_2")?),
    ];
    for (i, row) in table["texts"].as_array().ok_or("no list of texts")?.iter().enumerate() {
        let text = row["text"].as_str().ok_or("a row without text")?;
        for (which, origin, tokenizer) in &tokenizers {
            let padded = ids(&row[format!("{which}_padded77")])?;
            let id = format!("tokenizer/{which}_{origin}_{i:02}");
            tally.row(&id, differences(&tokenizer.encode(text)?, &ids(&row[*which])?), 0.0);
            let got = tokenizer.encode_padded(text, padded.len())?;
            tally.row(&format!("{id}_padded"), differences(&got, &padded), 0.0);
        }
    }
    Ok(())
}

fn ids(value: &Value) -> Result<Vec<u32>, Box<dyn Error>> {
    Ok(serde_json::from_value(value.clone())?)
}

/// How many ids differ, missing and surplus ones included.
fn differences(got: &[u32], expected: &[u32]) -> f64 {
    let unequal = got.iter().zip(expected).filter(|(a, b)| a != b).count();
    (unequal + got.len().abs_diff(expected.len())) as f64
}
