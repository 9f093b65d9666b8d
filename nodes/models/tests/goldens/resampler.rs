//! Image tokens of an adapter's Resampler.

use super::case::{Case, Outcome};
use candle_core::{DType, Device};
use selfsame_models::adapter::Resampler;
use selfsame_models::weights::Weights;

/// The case's name starts with the base model, which names the adapter file; a set may state the heads, which no tensor tells.
pub fn run(case: &Case) -> Outcome {
    let base = case.name.rsplit_once('_').map_or(case.name.as_str(), |(base, _)| base);
    let file = case.models.join(format!("ip-adapter_{base}.safetensors"));
    let tensors = candle_core::safetensors::load(&file, &Device::Cpu)?;
    let weights = Weights::from_tensors(tensors, DType::F32, &Device::Cpu);
    let heads = case.meta["heads"].as_u64().map(usize::try_from).transpose()?;
    let resampler = Resampler::load(&weights.pp("image_proj"), heads)?;
    weights.finish("a Resampler")?;
    case.check("out.tokens", &resampler.forward(&case.input("in.embedding")?)?)
}
