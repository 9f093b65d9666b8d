//! TAESD, from a diffusers folder and from the original's pair of files.

use super::case::{Case, Outcome};
use super::nets;
use selfsame_models::Cancel;
use selfsame_models::vae::{AutoencoderTinyConfig, TaesdDecoder, TaesdEncoder};
use selfsame_models::weights::Weights;

pub fn run(case: &Case) -> Outcome {
    let folder = case.models.join("taesd_sdxl");
    let config = AutoencoderTinyConfig::from_json(&nets::config(&folder)?)?;

    let weights = nets::weights(&folder.join("diffusion_pytorch_model.safetensors"))?;
    let (encoder, decoder) = (TaesdEncoder::new(&config, &weights)?, TaesdDecoder::new(&config, &weights)?);
    finish(&weights)?;
    check(case, &encoder, &decoder)?;

    let (first, second) =
        (case.models.join("taesd_encoder.safetensors"), case.models.join("taesd_decoder.safetensors"));
    if first.exists() && second.exists() {
        let (first, second) = (nets::weights(&first)?, nets::weights(&second)?);
        let (encoder, decoder) = (TaesdEncoder::new(&config, &first)?, TaesdDecoder::new(&config, &second)?);
        finish(&first)?;
        finish(&second)?;
        check(case, &encoder, &decoder)?;
    }
    Ok(())
}

fn finish(weights: &Weights) -> Outcome {
    let report = weights.finish("TAESD")?;
    if report.unexpected.is_empty() { Ok(()) } else { Err(format!("not asked for: {:?}", report.unexpected).into()) }
}

fn check(case: &Case, encoder: &TaesdEncoder, decoder: &TaesdDecoder) -> Outcome {
    let cancel = Cancel::default();
    case.check("out.latent", &encoder.encode(&case.input("in.x")?, &cancel)?)?;
    let latents = case.input("out.latent")?;
    case.check("out.decoded", &decoder.decode(&latents, &cancel)?)?;
    if case.has("out.decoded_big") {
        case.check("out.decoded_big", &decoder.decode(&(latents * 5.0)?, &cancel)?)?;
    }
    Ok(())
}
