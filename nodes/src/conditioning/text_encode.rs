//! Text to conditioning.

use crate::compute::measure;
use crate::networks::{TextEncoders, text_encoders};
use crate::wires::{Clip, Condition, Conditioning, Embedding, ModelFile, from_device};
use selfsame_models::text::{EncodeOptions, EncodedText, PromptStyle, encode_sd15, encode_sdxl};
use selfsame_models::{Cancel, Work};
use selfsame_sdk::prelude::*;

/// How weights in a prompt, such as `(red hat:1.2)`, are read and applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Syntax {
    /// ComfyUI's.
    #[choice("comfyui")]
    ComfyUi,
    /// AUTOMATIC1111's.
    #[choice("a1111")]
    A1111,
    /// None: the text as it stands, cut after 77 tokens, as diffusers does.
    Plain,
    /// That of InstantID's `full` pipeline.
    #[choice("instantid_full")]
    InstantIdFull,
}

impl Syntax {
    fn style(self) -> PromptStyle {
        match self {
            Syntax::ComfyUi => PromptStyle::ComfyUi,
            Syntax::A1111 => PromptStyle::A1111,
            Syntax::Plain => PromptStyle::Plain,
            Syntax::InstantIdFull => PromptStyle::InstantIdFull,
        }
    }
}

/// Encodes a prompt, so that it can steer a sampling. Prompts of any length are taken in windows of 77 tokens.
#[node(id = "core.conditioning.text_encode", category = "conditioning", device, search = ["prompt", "CLIPTextEncode"])]
#[output(conditioning = "the prompt")]
pub fn text_encode(
    ctx: Ctx,
    /// The text encoders.
    clip: Clip,
    /// What the picture should show, or should not.
    #[param(multiline)]
    text: String,
    /// What SDXL's second text encoder reads; the same text if not set.
    #[param(multiline)]
    text_2: Option<String>,
    /// How weights are read and applied.
    #[param(default = "comfyui")]
    syntax: Syntax,
) -> Result<Conditioning> {
    let encoders = text_encoders(ctx, &clip)?;
    let second = text_2.as_ref().unwrap_or(&text);
    let encoded = encode(ctx, &encoders, &[&text], &[second], syntax, clip.skip)?;
    let pooled = encoded.pooled.as_ref().map(from_device).transpose()?;
    Ok(Conditioning { entries: vec![Condition::new(from_device(&encoded.context)?, pooled)] })
}

/// Encodes prompts together, so that they come out equally long; `second` are those for SDXL's second text encoder.
pub(super) fn encode(
    ctx: Ctx,
    encoders: &TextEncoders,
    first: &[&str],
    second: &[&str],
    syntax: Syntax,
    clip_skip: usize,
) -> Result<EncodedText> {
    let options = EncodeOptions {
        style: syntax.style(),
        clip_skip,
        embeddings: &encoders.embeddings,
        cancel: ctx.get::<Cancel>()?.clone(),
    };
    measure(ctx, Work::TextEncoder, || {
        Ok(match &encoders.second {
            None => encode_sd15(&encoders.first, first, &options)?,
            Some(clip_g) => encode_sdxl(&encoders.first, clip_g, first, second, &options)?,
        })
    })
}

/// Takes the features of an earlier layer of the text encoders, as models of drawings are often trained with.
#[node(id = "core.conditioning.clip_skip", category = "conditioning", search = ["CLIPSetLastLayer"])]
#[output(clip = "the text encoders")]
pub fn clip_skip(
    /// The text encoders.
    mut clip: Clip,
    /// How many layers earlier than usual; A1111's "Clip skip" is one more.
    #[param(default = 1, hard = 0..=24, soft = 0..=4)]
    layers: usize,
) -> Result<Clip> {
    clip.skip = layers;
    Ok(clip)
}

/// Adds a textual inversion: prompts call it by the name of its file, as `embedding:name` or the name alone.
#[node(id = "core.conditioning.load_embedding", category = "loaders", search = ["textual inversion"])]
#[output(clip = "the text encoders that know it")]
pub fn load_embedding(
    ctx: Ctx,
    /// The text encoders.
    mut clip: Clip,
    /// The file.
    #[param(model = "embeddings")]
    embedding: String,
) -> Result<Clip> {
    clip.embeddings.push(Embedding { file: ModelFile::read(ctx, "embeddings", &embedding).input("embedding")? });
    Ok(clip)
}
