//! The text of a recorded case: its prompts, encoded the way its pipeline encodes them.

use super::case::Case;
use super::clip;
use candle_core::Tensor;
use selfsame_models::text::{
    EncodeOptions, EncodedText, PadInPrompt, PromptStyle, TextEncoder, Tokenizer, encode_sd15, encode_sdxl,
};
use std::error::Error;

/// The rows of diffusers' and InstantID's pipelines: with guidance the negative prompt's comes before the prompt's.
pub fn encode(case: &Case) -> Result<EncodedText, Box<dyn Error>> {
    let clip_skip = case.meta["clip_skip"].as_u64().unwrap_or(0) as usize;
    let encoded = encode_skipping(case, clip_skip)?;
    if encoded.context.dim(0)? == 1 {
        return Ok(encoded);
    }
    // The pipelines skip layers for the prompt alone, and SDXL's take zeros for a missing negative prompt
    // (`force_zeros_for_empty_prompt`).
    let negative = encode_skipping(case, 0)?;
    let zeros = case.meta["negative"].is_null() && !case.text("kind")?.starts_with("sd15");
    let join = |negative: &Tensor, all: &Tensor| -> candle_core::Result<Tensor> {
        let negative = negative.narrow(0, 0, 1)?;
        let negative = if zeros { negative.zeros_like()? } else { negative };
        Tensor::cat(&[negative, all.narrow(0, 1, all.dim(0)? - 1)?], 0)
    };
    let pooled = match (&negative.pooled, &encoded.pooled) {
        (Some(negative), Some(all)) => Some(join(negative, all)?),
        _ => None,
    };
    Ok(EncodedText { context: join(&negative.context, &encoded.context)?, pooled })
}

fn encode_skipping(case: &Case, clip_skip: usize) -> Result<EncodedText, Box<dyn Error>> {
    let kind = case.text("kind")?;
    let words = |key: &str| case.meta[key].as_str();
    let (prompt, negative) = (case.text("prompt")?, words("negative"));
    let mut prompts = vec![prompt];
    let mut prompts_2 = vec![words("prompt_2").unwrap_or(prompt)];
    if case.number("guidance")? > 1.0 {
        prompts.insert(0, negative.unwrap_or_default());
        prompts_2.insert(0, words("negative_prompt_2").or(negative).unwrap_or_default());
    }
    let style = if kind == "instantid_full" { PromptStyle::InstantIdFull } else { PromptStyle::Plain };
    let options = EncodeOptions { style, clip_skip, ..EncodeOptions::default() };
    if kind.starts_with("sd15") {
        return Ok(encode_sd15(&encoder(case, "sd15", 1)?, &prompts, &options)?);
    }
    Ok(encode_sdxl(&encoder(case, "sdxl", 1)?, &encoder(case, "sdxl", 2)?, &prompts, &prompts_2, &options)?)
}

/// Text encoder `number` (1 or 2) of a model folder, with its tokenizer.
pub fn encoder(case: &Case, family: &str, number: usize) -> Result<TextEncoder, Box<dyn Error>> {
    let suffix = if number == 1 { String::new() } else { format!("_{number}") };
    let family = case.models.join(family);
    Ok(TextEncoder {
        tokenizer: Tokenizer::from_dir(family.join(format!("tokenizer{suffix}")), PadInPrompt::Special)?,
        clip: clip::load(&family.join(format!("text_encoder{suffix}")))?,
    })
}
