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
#[path = "goldens/prompts.rs"]
mod prompts;

use candle_core::Tensor;
use case::{Case, Outcome, Set, Tally};
use selfsame_models::text::{EncodeOptions, EncodedText, PadInPrompt, TextEncoder, Tokenizer, encode_sdxl};
use std::process::ExitCode;

#[test]
fn text_of_recorded_pipelines() -> ExitCode {
    let set = Set::find().expect("the project holds a small set");
    let mut tally = Tally::new("");
    for case in set.cases().expect("the index is readable") {
        match case.group.as_str() {
            "pipeline" if case.has(&unet("encoder_hidden_states")) => tally.run_partly(&case, pipeline),
            "comfy_ksampler" => tally.run_partly(&case, comfy),
            _ => {}
        }
    }
    tally.close()
}

fn unet(input: &str) -> String {
    format!("out.first_step.unet.{input}")
}

/// diffusers' and InstantID's pipelines.
fn pipeline(case: &Case) -> Outcome {
    let encoded = prompts::encode(case)?;
    check_context(case, &unet("encoder_hidden_states"), encoded.context)?;
    match encoded.pooled {
        Some(pooled) => case.check(&unet("text_embeds"), &pooled),
        None => Ok(()),
    }
}

/// InstantID's pipelines add face tokens behind the text, which are not compared here.
fn check_context(case: &Case, name: &str, mut got: Tensor) -> Outcome {
    let expected = case.input(name)?;
    if expected.dim(1)? > got.dim(1)? {
        let behind = expected.narrow(1, got.dim(1)?, expected.dim(1)? - got.dim(1)?)?;
        got = Tensor::cat(&[got, behind], 1)?;
    }
    case.check(name, &got)
}

/// ComfyUI's rules: the positive prompt's row comes first.
fn comfy(case: &Case) -> Outcome {
    let prompts = [case.text("prompt")?, case.text("negative")?];
    let second = prompts::encoder(case, "sdxl", 2)?;
    let EncodedText { context, pooled } = encode_sdxl(
        &prompts::encoder(case, "sdxl", 1)?,
        &TextEncoder { tokenizer: Tokenizer::clip_g(PadInPrompt::Ordinary), ..second },
        &prompts,
        &prompts,
        &EncodeOptions::default(),
    )?;
    case.check("out.context", &context)?;
    case.check("out.pooled", &pooled.ok_or("no pooled vector")?)
}
