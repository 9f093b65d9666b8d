//! A prompt and its negative, encoded together as the pipelines of diffusers do.

use super::text_encode::{Syntax, encode};
use crate::networks::text_encoders;
use crate::wires::{Clip, Condition, Conditioning, from_device};
use candle_core::Tensor as DeviceTensor;
use selfsame_models::text::EncodedText;
use selfsame_models::weights::Family;
use selfsame_sdk::prelude::*;

/// Encodes what the picture should show and what it should not, as the pipelines of diffusers and InstantID do: both come out
/// equally long, layers are skipped for the prompt alone, and for SDXL a missing negative prompt is zeros.
#[node(id = "core.conditioning.encode_prompts", category = "conditioning", device, search = ["prompt", "negative", "TextEncode"])]
#[output(positive = "what the picture should show", negative = "what it should not show")]
pub fn encode_prompts(
    ctx: Ctx,
    /// The text encoders.
    clip: Clip,
    /// What the picture should show.
    #[param(multiline)]
    prompt: String,
    /// What it should not show.
    #[param(multiline)]
    negative: Option<String>,
    /// What SDXL's second text encoder reads; the same prompt if not set.
    #[param(multiline)]
    prompt_2: Option<String>,
    /// The same for the negative prompt.
    #[param(multiline)]
    negative_2: Option<String>,
    /// How weights in the prompts are read and applied.
    #[param(default = "plain")]
    syntax: Syntax,
) -> Result<(Conditioning, Conditioning)> {
    let encoders = text_encoders(ctx, &clip)?;
    let text = negative.as_deref().unwrap_or_default();
    let first = [text, &prompt];
    let second = [negative_2.as_deref().unwrap_or(text), prompt_2.as_deref().unwrap_or(&prompt)];
    let row = |tensor: &DeviceTensor, row: usize| from_device(&tensor.narrow(0, row, 1)?);
    let zeros = |tensor: Tensor| Tensor::new(tensor.shape(), vec![0.0; tensor.data().len()]);
    let encode = |skip: usize| encode(ctx, &encoders, &first, &second, syntax, skip);
    let condition = |encoded: &EncodedText, at: usize, is_zero: bool| -> Result<Conditioning> {
        let finish = |tensor: &DeviceTensor| if is_zero { zeros(row(tensor, at)?) } else { row(tensor, at) };
        let pooled = encoded.pooled.as_ref().map(finish).transpose()?;
        Ok(Conditioning { entries: vec![Condition::new(finish(&encoded.context)?, pooled)] })
    };
    // Source: `encode_prompt` of diffusers' pipelines (`force_zeros_for_empty_prompt` of SDXL's).
    let nothing = negative.is_none() && clip.family == Family::Sdxl;
    let skipped = encode(clip.skip)?;
    let positive = condition(&skipped, 1, false)?;
    // Encoding costs; zeros only need the shapes.
    let negative = match clip.skip == 0 || nothing {
        true => condition(&skipped, 0, nothing)?,
        false => condition(&encode(0)?, 0, false)?,
    };
    Ok((positive, negative))
}
