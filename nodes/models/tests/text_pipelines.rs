//! What recorded pipelines feed their UNet at the first step, from their prompts alone: the whole way from text to conditioning.
//!
//! Reads the same set as the test `goldens`.

#[allow(dead_code)]
#[path = "goldens/case.rs"]
mod case;
#[allow(dead_code)]
#[path = "goldens/clip.rs"]
mod clip;
#[allow(dead_code)]
#[path = "goldens/nets.rs"]
mod nets;

use candle_core::Tensor;
use case::{Case, Outcome, Set, Tally};
use selfsame_models::text::{
    EncodeOptions, EncodedText, PadInPrompt, PromptStyle, TextEncoder, Tokenizer, encode_sd15, encode_sdxl,
};
use std::error::Error;
use std::process::ExitCode;

#[test]
fn text_of_recorded_pipelines() -> ExitCode {
    let set = Set::find().expect("the project holds a small set");
    let mut tally = Tally::new("");
    for case in set.cases().expect("the index is readable") {
        match case.group.as_str() {
            "pipeline" if case.has(&unet("encoder_hidden_states")) => tally.run(&case, pipeline),
            "comfy_ksampler" => tally.run(&case, comfy),
            _ => {}
        }
    }
    tally.close()
}

fn unet(input: &str) -> String {
    format!("out.first_step.unet.{input}")
}

/// diffusers' and InstantID's pipelines; with guidance the negative prompt's row comes first.
fn pipeline(case: &Case) -> Outcome {
    let kind = case.text("kind")?;
    let prompt = case.text("prompt")?;
    let negative = case.meta["negative"].as_str();
    let mut prompts = vec![prompt];
    if case.number("guidance")? > 1.0 {
        prompts.insert(0, negative.unwrap_or_default());
    }
    let options = EncodeOptions {
        style: if kind == "instantid_full" { PromptStyle::InstantIdFull } else { PromptStyle::Plain },
        clip_skip: case.meta["clip_skip"].as_u64().unwrap_or(0) as usize,
        ..EncodeOptions::default()
    };
    let encoded = if kind.starts_with("sd15") {
        encode_sd15(&encoder(case, "sd15", 1)?, &prompts, &options)?
    } else {
        encode_sdxl(&encoder(case, "sdxl", 1)?, &encoder(case, "sdxl", 2)?, &prompts, &prompts, &options)?
    };
    // A missing negative prompt is zeros, and the pipelines add face tokens behind the text.
    let is_zeros = |row: usize| prompts.len() == 2 && row == 0 && negative.is_none();
    check_rows(case, &unet("encoder_hidden_states"), &encoded.context, is_zeros)?;
    match encoded.pooled {
        Some(pooled) => check_rows(case, &unet("text_embeds"), &pooled, is_zeros),
        None => Ok(()),
    }
}

fn check_rows(case: &Case, name: &str, got: &Tensor, is_zeros: impl Fn(usize) -> bool) -> Outcome {
    let rows = (0..got.dim(0)?).map(|i| {
        let row = got.narrow(0, i, 1)?;
        if is_zeros(i) { row.zeros_like() } else { Ok(row) }
    });
    let mut got = Tensor::cat(&rows.collect::<candle_core::Result<Vec<_>>>()?, 0)?;
    let expected = case.input(name)?;
    if expected.rank() == 3 && expected.dim(1)? > got.dim(1)? {
        let behind = expected.narrow(1, got.dim(1)?, expected.dim(1)? - got.dim(1)?)?;
        got = Tensor::cat(&[got, behind], 1)?;
    }
    case.check(name, &got)
}

/// ComfyUI's rules: the positive prompt's row comes first.
fn comfy(case: &Case) -> Outcome {
    let prompts = [case.text("prompt")?, case.text("negative")?];
    let EncodedText { context, pooled } = encode_sdxl(
        &encoder(case, "sdxl", 1)?,
        &TextEncoder { tokenizer: Tokenizer::clip_g(PadInPrompt::Ordinary), ..encoder(case, "sdxl", 2)? },
        &prompts,
        &prompts,
        &EncodeOptions::default(),
    )?;
    case.check("out.context", &context)?;
    case.check("out.pooled", &pooled.ok_or("no pooled vector")?)
}

fn encoder(case: &Case, family: &str, number: usize) -> Result<TextEncoder, Box<dyn Error>> {
    let suffix = if number == 1 { String::new() } else { format!("_{number}") };
    let family = case.models.join(family);
    Ok(TextEncoder {
        tokenizer: Tokenizer::from_dir(family.join(format!("tokenizer{suffix}")), PadInPrompt::Special)?,
        clip: clip::load(&family.join(format!("text_encoder{suffix}")))?,
    })
}
