//! TAESD with its published weights: the round trip of a photo against recorded results.
//!
//! Wants the folder named by `SELFSAME_REAL_DATA`, holding `vae/`, `images/` and `expected/`; without it the test says so and passes.

#[path = "support/skip.rs"]
mod skip;

use candle_core::{DType, Device, Tensor};
use selfsame_models::Cancel;
use selfsame_models::vae::{AutoencoderTinyConfig, LatentRgb, TaesdDecoder, TaesdEncoder};
use selfsame_models::weights::Weights;
use std::error::Error;
use std::path::Path;

/// The pairs of files, the tolerance of their latents, and the preview that belongs to them.
///
/// The tolerance is ten times what separates torch's f32 run from its f64 run on this photo: 1.2e-5 and 1.6e-4.
const MODELS: [(&str, f64, LatentRgb); 2] = [("taesd", 1.2e-4, LatentRgb::SD15), ("taesdxl", 1.6e-3, LatentRgb::SDXL)];

#[test]
fn taesd_takes_a_photo_there_and_back() -> Result<(), Box<dyn Error>> {
    let Some(data) = std::env::var_os("SELFSAME_REAL_DATA") else {
        skip::not_run("SELFSAME_REAL_DATA names no folder with vae/, images/ and expected/");
        return Ok(());
    };
    // Cargo runs tests in the package folder; a relative path means the workspace's.
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(data);
    let expected = std::fs::read_to_string(data.join("expected/vae.json"))?;
    let expected: serde_json::Value = serde_json::from_str(&expected)?;
    let photo = picture(&data.join("images/clear/astronaut.png"))?;
    for (i, (name, tolerance, latent_rgb)) in MODELS.into_iter().enumerate() {
        let (encoder, decoder) = (encoder(&data, name)?, decoder(&data, name)?);
        let latents = encoder.encode(&photo.affine(2.0, -1.0)?, &Cancel::default())?;
        let recorded = Tensor::read_npy(data.join(format!("expected/vae/{name}_astronaut_latent.npy")))?;
        let latent_error = max_abs_diff(&latents, &recorded)?;
        println!("{name}: latents {latent_error:.1e} of {tolerance:.1e}");
        assert!(latent_error <= tolerance);

        let decoded = decoder.decode(&latents, &Cancel::default())?;
        let decoded = decoded.affine(0.5, 0.5)?.clamp(0f32, 1f32)?;
        let psnr = psnr_db(&decoded, &photo)?;
        let recorded_psnr = expected[name]["roundtrip_psnr_db"].as_f64().ok_or("vae.json records no round trip")?;
        println!("{name}: round trip {psnr:.2} dB, recorded {recorded_psnr} dB");
        assert!(psnr >= 25.0 && (psnr - recorded_psnr).abs() < 0.01);
        let level = 1.0 / 255.0;
        let recorded = picture(&data.join(format!("expected/vae/{name}_astronaut_decoded.png")))?;
        assert!(max_abs_diff(&decoded, &recorded)? < level);

        // Each model has latents of its own: the other one's factors do worse.
        let small = photo.avg_pool2d(8)?;
        let preview = |rgb: LatentRgb| psnr_db(&rgb.preview(&latents)?, &small);
        let (own, foreign) = (preview(latent_rgb)?, preview(MODELS[1 - i].2)?);
        println!("{name}: preview {own:.2} dB, with the other model's factors {foreign:.2} dB");
        assert!(own > foreign + 3.0);
    }
    Ok(())
}

fn encoder(data: &Path, name: &str) -> Result<TaesdEncoder, Box<dyn Error>> {
    let weights = weights(&data.join(format!("vae/{name}_encoder.safetensors")))?;
    let encoder = TaesdEncoder::new(&AutoencoderTinyConfig::default(), &weights)?;
    assert!(weights.finish("TAESD encoder")?.unexpected.is_empty());
    Ok(encoder)
}

fn decoder(data: &Path, name: &str) -> Result<TaesdDecoder, Box<dyn Error>> {
    let weights = weights(&data.join(format!("vae/{name}_decoder.safetensors")))?;
    let decoder = TaesdDecoder::new(&AutoencoderTinyConfig::default(), &weights)?;
    assert!(weights.finish("TAESD decoder")?.unexpected.is_empty());
    Ok(decoder)
}

fn weights(path: &Path) -> Result<Weights, Box<dyn Error>> {
    Ok(Weights::from_tensors(candle_core::safetensors::load(path, &Device::Cpu)?, DType::F32, &Device::Cpu))
}

/// A PNG as `[1, 3, H, W]` in 0..1.
fn picture(path: &Path) -> Result<Tensor, Box<dyn Error>> {
    let image = image::open(path)?.to_rgb8();
    let (width, height) = (image.width() as usize, image.height() as usize);
    let pixels = Tensor::from_vec(image.into_raw(), (1, height, width, 3), &Device::Cpu)?;
    let pixels = pixels.permute((0, 3, 1, 2))?.contiguous()?;
    Ok((pixels.to_dtype(DType::F32)? / 255.0)?)
}

fn max_abs_diff(a: &Tensor, b: &Tensor) -> Result<f64, Box<dyn Error>> {
    assert_eq!(a.dims(), b.dims());
    let max: f32 = (a - b)?.abs()?.flatten_all()?.max(0)?.to_scalar()?;
    Ok(max.into())
}

/// Of pictures in 0..1.
fn psnr_db(a: &Tensor, b: &Tensor) -> Result<f64, Box<dyn Error>> {
    let error: f32 = (a - b)?.sqr()?.mean_all()?.to_scalar()?;
    Ok(-10.0 * f64::from(error).log10())
}
