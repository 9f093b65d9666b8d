//! AutoencoderKL: round trips, decoding alone, tiled decoding.

use super::case::{Case, Outcome};
use super::nets;
use candle_core::Tensor;
use selfsame_models::Cancel;
use selfsame_models::vae::{AutoencoderKl, AutoencoderKlConfig, Tiling};
use std::error::Error;
use std::path::Path;

pub fn run(case: &Case) -> Outcome {
    // A case is named after the model folder it was made with, e.g. `sdxl_decode_8x8`.
    let model = case.name.split('_').next().unwrap_or_default();
    let folder = case.models.join(model).join("vae");
    let config = AutoencoderKlConfig::from_json(&nets::config(&folder)?)?;
    check(case, &load(&folder.join("diffusion_pytorch_model.safetensors"), &config)?)?;
    // The same weights under the attention names of old files, where the set has them.
    let legacy = case.models.join(format!("{model}_vae_legacy_names.safetensors"));
    if legacy.exists() { check(case, &load(&legacy, &config)?) } else { Ok(()) }
}

/// The autoencoder of a file that holds nothing else.
pub fn load(path: &Path, config: &AutoencoderKlConfig) -> Result<AutoencoderKl, Box<dyn Error>> {
    let weights = nets::weights(path)?;
    let vae = AutoencoderKl::new(config, &weights)?;
    let report = weights.finish("VAE")?;
    if report.unexpected.is_empty() { Ok(vae) } else { Err(format!("not asked for: {:?}", report.unexpected).into()) }
}

fn check(case: &Case, vae: &AutoencoderKl) -> Outcome {
    let cancel = Cancel::default();
    if let Some(scaling) = case.meta["scaling_factor"].as_f64() {
        case.push("scaling_factor", (vae.config().scaling_factor - scaling).abs(), 0.0);
    }
    if case.has("in.x") {
        let posterior = vae.encode(&case.input("in.x")?, &cancel)?;
        case.check("out.mean", posterior.mean())?;
        case.check("out.logvar_clamped", posterior.logvar())?;
        let sampled = posterior.sample(&case.input("in.posterior_noise")?)?;
        case.check("out.latent", &vae.config().to_model_latents(&sampled)?)?;
        // Of the recorded mean, so that the encoder's rounding is not counted again.
        case.check("out.decoded_mean", &vae.decode(&case.input("out.mean")?, &cancel)?)?;
    }
    if case.has("in.latent_scaled") {
        let latents = vae.config().from_model_latents(&case.input("in.latent_scaled")?)?;
        let whole = vae.decode(&latents, &cancel)?;
        match tiling(case)? {
            None => case.check("out.image", &whole)?,
            Some(tiling) => {
                case.check("out.untiled", &whole)?;
                case.check("out.image", &decode_tiled(vae, &latents, tiling)?)?;
            }
        }
    }
    Ok(())
}

fn tiling(case: &Case) -> Result<Option<Tiling>, Box<dyn Error>> {
    if case.meta.get("tile_latent_min_size").is_none() {
        return Ok(None);
    }
    let tile = case.number("tile_latent_min_size")? as usize;
    Ok(Some(Tiling::from_overlap_factor(tile, case.number("tile_overlap_factor")?)?))
}

fn decode_tiled(vae: &AutoencoderKl, latents: &Tensor, tiling: Tiling) -> Result<Tensor, Box<dyn Error>> {
    Ok(vae.decode_tiled(latents, tiling, &mut |_, _| (), &Cancel::default())?)
}
