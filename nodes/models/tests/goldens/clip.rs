//! Token ids to every output of a text encoder. A case's name begins with its model folder and its encoder: `sdxl_te2_…`.

use super::case::{Case, Outcome};
use super::nets;
use candle_core::{DType, Tensor};
use selfsame_models::Cancel;
use selfsame_models::text::{ClipConfig, ClipText, Token};
use std::error::Error;
use std::path::Path;

pub fn run(case: &Case) -> Outcome {
    let mut words = case.name.split('_');
    let family = words.next().unwrap_or_default();
    let encoder = match words.next() {
        Some("te1") => "text_encoder",
        Some("te2") => "text_encoder_2",
        other => return Err(format!("{}: no encoder is called {other:?}", case.name).into()),
    };
    let clip = load(&case.models.join(family).join(encoder))?;
    let output = clip.forward(&tokens(&case.stored("in.input_ids")?)?, &Cancel::default())?;
    for name in case.names("out.") {
        let got = match name.trim_start_matches("out.") {
            "last_hidden_state" => output.last_hidden_state.clone(),
            "pooler_output" => output.pooled.clone(),
            "text_embeds" => output.text_embeds.clone().ok_or("the encoder has no projection")?,
            "hidden0" => output.hidden_states[0].clone(),
            "penultimate" => output.from_end(2)?.clone(),
            "penultimate_normed" => clip.final_norm(output.from_end(2)?)?,
            // SDXL's clip skip: n layers before the penultimate.
            other => match other.strip_prefix("clip_skip").map(str::parse::<usize>) {
                Some(Ok(skipped)) => output.from_end(skipped + 2)?.clone(),
                _ => return Err(format!("no output is called {other}").into()),
            },
        };
        case.check(name, &got)?;
    }
    Ok(())
}

/// The encoder of a model folder, in f32.
pub fn load(dir: &Path) -> Result<ClipText, Box<dyn Error>> {
    let config = ClipConfig::from_json(&nets::config(dir)?)?;
    let weights = nets::weights(&dir.join("model.safetensors"))?;
    let clip = ClipText::new(&config, &weights)?;
    weights.finish("CLIP text encoder")?;
    Ok(clip)
}

/// `[B, L]` ids as the encoder takes them.
pub fn tokens(ids: &Tensor) -> Result<Vec<Vec<Token>>, Box<dyn Error>> {
    let rows = ids.to_dtype(DType::U32)?.to_vec2::<u32>()?;
    Ok(rows.into_iter().map(|row| row.into_iter().map(Token::Id).collect()).collect())
}
