//! Prompts to what the denoising network is conditioned on.
//!
//! Parse, cut into windows, encode each, let the weights act, and lay the windows side by side.

use super::clip::{ClipOutput, ClipText, Token};
use super::prompt::PromptStyle;
use super::textual_inversion::{EncoderRole, TextualInversion};
use super::tokenizer::Tokenizer;
use super::windows::{Window, Windows};
use crate::{Cancel, Error, Result};
use candle_core::{D, DType, Tensor};

/// A text encoder with its tokenizer.
pub struct TextEncoder {
    /// Text to ids.
    pub tokenizer: Tokenizer,
    /// Ids to features.
    pub clip: ClipText,
}

/// How prompts are encoded; the default is ComfyUI's way without clip skip.
#[derive(Debug, Clone, Default)]
pub struct EncodeOptions<'a> {
    /// Syntax, windows and weights.
    pub style: PromptStyle,
    /// How many layers earlier than usual the features are taken: diffusers' `clip_skip`, 0 for its `None`.
    ///
    /// diffusers' pipelines skip for the prompt alone and encode the negative prompt with 0: two calls.
    /// A1111's "Clip skip" is one more; ComfyUI's "stop at layer" -1 (SD1.5) and -2 (SDXL) are 0 here.
    pub clip_skip: usize,
    /// Textual inversions that prompts may call.
    pub embeddings: &'a [TextualInversion],
    /// Stops between the layers.
    pub cancel: Cancel,
}

/// Encoded prompts.
#[derive(Debug, Clone)]
pub struct EncodedText {
    /// `[B, L, D]`: what cross-attention reads; `L` is 77 for each window.
    pub context: Tensor,
    /// `[B, P]`: SDXL's vector for the whole text.
    pub pooled: Option<Tensor>,
}

/// Encodes prompts for SD1.5: the last layer's features, normalised.
///
/// Prompts of different lengths come out equally long, see [`Windows::cut`].
///
/// # Errors
/// What [`Windows::cut`] and [`ClipText::forward`] refuse; [`Error::Input`] for more `clip_skip` than layers.
pub fn encode_sd15(clip_l: &TextEncoder, prompts: &[&str], options: &EncodeOptions) -> Result<EncodedText> {
    let windows = windows(&clip_l.tokenizer, &clip_l.clip, EncoderRole::ClipL, options);
    let features = |output: ClipOutput| match options.clip_skip {
        0 => Ok(output.last_hidden_state),
        skipped => clip_l.clip.final_norm(output.from_end(skipped.saturating_add(1))?),
    };
    let (context, _) = encode(&clip_l.clip, &windows, windows.cut(prompts)?, options, features)?;
    Ok(EncodedText { context, pooled: None })
}

/// Encodes prompts for SDXL: the penultimate layers of both encoders side by side, not normalised.
///
/// The two encoders may read different texts (`prompts_l` and `prompts_g`, as many); usually they are the same. Where one
/// text takes fewer windows than the other it is filled up with empty ones. The pooled
/// vector is the second encoder's, from a prompt's first window ([`PromptStyle::InstantIdFull`]: from its last).
///
/// diffusers' rule that a missing negative prompt is all zeros, context and pooled, is the caller's.
///
/// # Errors
/// As [`encode_sd15`]; [`Error::Input`] when there are not as many prompts for one encoder as for the other, and
/// [`Error::Config`] when the second encoder has no projection.
pub fn encode_sdxl(
    clip_l: &TextEncoder,
    clip_g: &TextEncoder,
    prompts_l: &[&str],
    prompts_g: &[&str],
    options: &EncodeOptions,
) -> Result<EncodedText> {
    if prompts_l.len() != prompts_g.len() {
        let (expected, got) = (format!("{} prompts", prompts_l.len()), prompts_g.len().to_string());
        return Err(Error::input("prompts of the second text encoder", expected, got));
    }
    let tokenizer_g = match options.style {
        PromptStyle::InstantIdFull => &clip_l.tokenizer,
        _ => &clip_g.tokenizer,
    };
    let windows_l = windows(&clip_l.tokenizer, &clip_l.clip, EncoderRole::ClipL, options);
    let windows_g = windows(tokenizer_g, &clip_g.clip, EncoderRole::ClipG, options);
    let (mut cut_l, mut cut_g) = (windows_l.cut(prompts_l)?, windows_g.cut(prompts_g)?);
    let count = cut_l.iter().chain(&cut_g).map(Vec::len).max().unwrap_or(0);
    cut_l.iter_mut().for_each(|prompt| prompt.resize(count, windows_l.empty()));
    cut_g.iter_mut().for_each(|prompt| prompt.resize(count, windows_g.empty()));

    let penultimate = |output: ClipOutput| output.from_end(options.clip_skip.saturating_add(2)).cloned();
    let (context_l, _) = encode(&clip_l.clip, &windows_l, cut_l, options, penultimate)?;
    let (context_g, pooled) = encode(&clip_g.clip, &windows_g, cut_g, options, penultimate)?;
    let pooled = pooled.ok_or_else(|| {
        Error::config("SDXL's second text encoder", "it has no projection: expected a CLIPTextModelWithProjection")
    })?;
    Ok(EncodedText { context: Tensor::cat(&[context_l, context_g], D::Minus1)?, pooled: Some(pooled) })
}

fn windows<'a>(
    tokenizer: &'a Tokenizer,
    clip: &ClipText,
    role: EncoderRole,
    options: &EncodeOptions<'a>,
) -> Windows<'a> {
    let width = clip.config().hidden_size;
    Windows { style: options.style, tokenizer, embeddings: options.embeddings, role, width }
}

/// Weighted features `[B, L, D]` of all windows, and the projected vector `[B, P]` of the one that the style takes.
fn encode(
    clip: &ClipText,
    windows: &Windows,
    prompts: Vec<Vec<Window>>,
    options: &EncodeOptions,
    features: impl Fn(ClipOutput) -> Result<Tensor>,
) -> Result<(Tensor, Option<Tensor>)> {
    let count = prompts.first().map_or(0, Vec::len);
    let is_weighted = prompts.iter().flatten().flat_map(|window| &window.weights).any(|weight| *weight != 1.0);
    let empty = if is_weighted && options.style == PromptStyle::ComfyUi {
        Some(features(clip.forward(&[windows.empty().tokens], &options.cancel)?)?) // [1, L, D]
    } else {
        None
    };
    let (mut contexts, mut pooled) = (Vec::with_capacity(count), None);
    let mut rest: Vec<_> = prompts.into_iter().map(Vec::into_iter).collect();
    for i in 0..count {
        let batch = rest.iter_mut().filter_map(Iterator::next).map(|window| (window.tokens, window.weights));
        let (tokens, weights): (Vec<Vec<Token>>, Vec<Vec<f32>>) = batch.unzip();
        let mut output = clip.forward(&tokens, &options.cancel)?;
        let is_pooled = if options.style == PromptStyle::InstantIdFull { i + 1 == count } else { i == 0 };
        if is_pooled {
            pooled = output.text_embeds.take();
        }
        contexts.push(weigh(&features(output)?, &weights, options.style, empty.as_ref())?);
    }
    if contexts.is_empty() {
        return Err(Error::input("prompts", "at least one", "none"));
    }
    Ok((Tensor::cat(&contexts, 1)?, pooled))
}

/// Lets the weights of a window's tokens act on their features `[B, L, D]`, computed in f32.
///
/// With features `z`, weight `w`:
/// - ComfyUI: `e + w (z - e)`, `e` what the empty prompt has at that place (`encode_token_weights`, `comfy/sd1_clip.py`);
/// - InstantID `full`: the same with `e` the window's last token (`get_weighted_text_embeddings_sdxl`);
/// - A1111: `w z`, times the factor that restores the mean over the window (`modules/sd_emphasis.py`).
fn weigh(z: &Tensor, weights: &[Vec<f32>], style: PromptStyle, empty: Option<&Tensor>) -> Result<Tensor> {
    if weights.iter().flatten().all(|weight| *weight == 1.0) {
        return Ok(z.clone());
    }
    let (dtype, (batch, length, _)) = (z.dtype(), z.dims3()?);
    let z = z.to_dtype(DType::F32)?;
    let w = Tensor::from_vec(weights.concat(), (batch, length, 1), z.device())?;
    let base = match (style, empty) {
        (PromptStyle::A1111, _) => {
            let weighted = z.broadcast_mul(&w)?;
            let restore = (z.mean_keepdim((1, 2))? / weighted.mean_keepdim((1, 2))?)?;
            return Ok(weighted.broadcast_mul(&restore)?.to_dtype(dtype)?);
        }
        (PromptStyle::ComfyUi, Some(empty)) => empty.to_dtype(DType::F32)?,
        _ => z.narrow(1, length - 1, 1)?,
    };
    let moved = z.broadcast_sub(&base)?.broadcast_mul(&w)?.broadcast_add(&base)?;
    // Weight 1 leaves a token exactly as it is.
    Ok(w.eq(1f32)?.broadcast_as(z.dims())?.where_cond(&z, &moved)?.to_dtype(dtype)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn values(t: &Tensor) -> Vec<f32> {
        t.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn weights_act_by_each_styles_formula() {
        let z = Tensor::from_vec(vec![1f32, 3.0, 5.0, 2.0], (1, 4, 1), &Device::Cpu).unwrap();
        let weights = [vec![1.0, 2.0, 0.5, 1.0]];
        let empty = Tensor::from_vec(vec![1f32, 1.0, 1.0, 1.0], (1, 4, 1), &Device::Cpu).unwrap();
        let weighed = |style, empty| values(&weigh(&z, &weights, style, empty).unwrap());
        assert_eq!(weighed(PromptStyle::ComfyUi, Some(&empty)), [1.0, 5.0, 3.0, 2.0]);
        assert_eq!(weighed(PromptStyle::InstantIdFull, None), [1.0, 4.0, 3.5, 2.0]);
        // 1, 6, 2.5, 2 has the mean 2.875; it was 2.75.
        let expected = [1.0f32, 6.0, 2.5, 2.0].map(|x| x * 2.75 / 2.875);
        let got = weighed(PromptStyle::A1111, None);
        assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{got:?}");
    }

    #[test]
    fn weight_one_changes_nothing() {
        let z = Tensor::from_vec(vec![0.1f32, 0.7, -0.3], (1, 3, 1), &Device::Cpu).unwrap();
        for style in [PromptStyle::ComfyUi, PromptStyle::A1111, PromptStyle::InstantIdFull] {
            assert_eq!(values(&weigh(&z, &[vec![1.0; 3]], style, None).unwrap()), [0.1, 0.7, -0.3]);
        }
    }
}
