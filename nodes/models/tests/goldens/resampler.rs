//! Image tokens of an adapter's Resampler.

use super::case::{Case, Outcome};
use super::nets;
use selfsame_models::adapter::Resampler;
use std::error::Error;
use std::path::Path;

/// The case's name starts with the base model, which names the adapter file; a set may state the heads, which no tensor tells.
pub fn run(case: &Case) -> Outcome {
    let base = case.name.rsplit_once('_').map_or(case.name.as_str(), |(base, _)| base);
    let heads = case.meta["heads"].as_u64().map(usize::try_from).transpose()?;
    let resampler = load(&case.models, base, heads)?;
    case.check("out.tokens", &resampler.forward(&case.input("in.embedding")?)?)
}

/// The Resampler of a base model's adapter file.
pub fn load(models: &Path, base: &str, heads: Option<usize>) -> Result<Resampler, Box<dyn Error>> {
    let weights = nets::adapter_weights(models, base)?;
    let resampler = Resampler::load(&weights.pp("image_proj"), heads)?;
    weights.finish("a Resampler")?;
    Ok(resampler)
}
