//! A prompt to a picture, through every part of the crate: `cargo run --release -p selfsame-models --example text_to_image`.
//!
//! Without arguments it runs a tiny model with random weights that lies beside the tests. With `--model` it takes any SD1.5 or
//! SDXL checkpoint, a single file or a diffusers folder. `--help` lists the rest.

use candle_core::{DType, Device, Tensor};
use selfsame_models::rng::TorchGenerator;
use selfsame_models::samplers::{ModelSigmas, Prediction, Sampler, Schedule, ksampler};
use selfsame_models::sampling::{
    Condition, DenoiserSettings, Guidance, GuidedModel, Model, SigmaSettings, sample_sigmas,
};
use selfsame_models::text::{
    ClipConfig, ClipText, EncodeOptions, EncodedText, PadInPrompt, TextEncoder, Tokenizer, encode_sd15, encode_sdxl,
};
use selfsame_models::unet::{AddedConditions, UNet, UNetConfig};
use selfsame_models::vae::{AutoencoderKl, AutoencoderKlConfig, Tiling};
use selfsame_models::weights::{Checkpoint, Family, Part, TensorSource, Weights};
use selfsame_models::{Cancel, Error, Result, best_device};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

const HELP: &str = "\
Usage: text_to_image [--model PATH] [--prompt TEXT] [--negative TEXT] [--size WIDTHxHEIGHT] [--steps N]
                     [--guidance X] [--seed N] [--sampler NAME] [--schedule NAME] [--out FILE.png]";

/// The settings of a run.
struct Settings {
    model: String,
    prompt: String,
    negative: String,
    width: usize,
    height: usize,
    steps: usize,
    guidance: f64,
    seed: u64,
    sampler: String,
    schedule: String,
    out: String,
}

impl Settings {
    fn read() -> std::result::Result<Self, String> {
        let mut settings = Self {
            model: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/small/models/sdxl").into(),
            prompt: "watercolour portrait, soft light".into(),
            negative: "lowres, blurry".into(),
            width: 256,
            height: 256,
            steps: 20,
            guidance: 5.0,
            seed: 7,
            sampler: "euler".into(),
            schedule: "normal".into(),
            out: "text_to_image.png".into(),
        };
        let mut args = std::env::args().skip(1);
        while let Some(flag) = args.next() {
            if flag == "--help" {
                return Err(HELP.into());
            }
            let value = args.next().ok_or_else(|| format!("{flag} needs a value\n{HELP}"))?;
            let wrong = |expected: &str| format!("{flag}: expected {expected}, got {value}");
            match flag.as_str() {
                "--model" => settings.model = value,
                "--prompt" => settings.prompt = value,
                "--negative" => settings.negative = value,
                "--size" => {
                    let size = value.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
                    let multiple = |n: usize| n > 0 && n.is_multiple_of(8);
                    (settings.width, settings.height) = size
                        .filter(|(w, h)| multiple(*w) && multiple(*h))
                        .ok_or_else(|| wrong("WIDTHxHEIGHT in multiples of 8"))?;
                }
                "--steps" => settings.steps = value.parse().map_err(|_| wrong("a whole number"))?,
                "--guidance" => settings.guidance = value.parse().map_err(|_| wrong("a number"))?,
                "--seed" => settings.seed = value.parse().map_err(|_| wrong("a whole number"))?,
                "--sampler" => settings.sampler = value,
                "--schedule" => settings.schedule = value,
                "--out" => settings.out = value,
                _ => return Err(format!("unknown option {flag}\n{HELP}")),
            }
        }
        Ok(settings)
    }
}

fn main() -> ExitCode {
    let outcome = Settings::read().and_then(|settings| run(&settings).map_err(|e| e.to_string()));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: &Settings) -> Result<()> {
    let (device, dtype) = best_device()?;
    let checkpoint = Checkpoint::open(&settings.model)?;
    println!("{}: {}", settings.model, checkpoint.architecture());
    let family = checkpoint.architecture().family;
    if !matches!(family, Some(Family::Sd15 | Family::Sdxl)) {
        return Err(Error::input("model", "an SD1.5 or SDXL checkpoint", checkpoint.architecture().to_string()));
    }

    // Text first, and out of memory before the UNet comes in.
    let prompts = [settings.prompt.as_str(), settings.negative.as_str()];
    let text = encode(&checkpoint, &prompts, &device, dtype)?;

    let latents = sample(settings, &checkpoint, &text, &device, dtype)?;

    // The published autoencoders overflow f16.
    let config = AutoencoderKlConfig::from_json(&checkpoint.config(Part::Vae)?)?;
    let weights = Weights::new(checkpoint.vae()?, DType::F32, &device);
    let vae = AutoencoderKl::new(&config, &weights)?;
    weights.finish("VAE")?;
    let latents = config.from_model_latents(&latents)?;
    let cancel = Cancel::default();
    let image = match settings.width.max(settings.height) > 1024 {
        true => vae.decode_tiled(&latents, Tiling::default(), &mut |_, _| (), &cancel)?,
        false => vae.decode(&latents, &cancel)?,
    };
    save(&image, Path::new(&settings.out))
}

/// Denoises unit noise under the two prompts; the UNet is gone when it returns.
fn sample(
    settings: &Settings,
    checkpoint: &Checkpoint,
    text: &EncodedText,
    device: &Device,
    dtype: DType,
) -> Result<Tensor> {
    let weights = Weights::new(checkpoint.unet()?, dtype, device);
    let unet = UNet::new(&UNetConfig::from_json(&checkpoint.config(Part::Unet)?)?, &weights)?;
    weights.finish("UNet")?;
    let condition = |row: usize| -> Result<Condition> {
        let added = match &text.pooled {
            None => None,
            Some(pooled) => {
                let (w, h) = (settings.width as f32, settings.height as f32);
                let time_ids = Tensor::new(&[[h, w, 0.0, 0.0, h, w]], device)?;
                Some(AddedConditions { text_embeds: pooled.narrow(0, row, 1)?, time_ids })
            }
        };
        Ok(Condition::new(text.context.narrow(0, row, 1)?, added))
    };
    let model = Model::new(Arc::new(unet));
    let mut model = GuidedModel::new(model, vec![condition(0)?], vec![condition(1)?], Cancel::default())?;

    let sampler = Sampler::from_name(&settings.sampler)?;
    let model_sigmas = match checkpoint.architecture().zero_terminal_snr {
        false => ModelSigmas::stable_diffusion(),
        true => ModelSigmas::stable_diffusion_zero_snr(),
    };
    let schedule = Schedule::from_name(&settings.schedule)?;
    let sigmas = ksampler::sigmas(&model_sigmas, sampler, schedule, settings.steps, 1.0)?;
    let shape = [1, 4, settings.height / 8, settings.width / 8];
    let noise = TorchGenerator::new(settings.seed).randn_tensor(&shape, device)?;
    let run = SigmaSettings {
        sampler,
        sigmas: &sigmas,
        denoiser: DenoiserSettings {
            model_sigmas: &model_sigmas,
            prediction: match checkpoint.architecture().v_prediction {
                true => Prediction::VPrediction,
                false => Prediction::Epsilon,
            },
            guidance: Guidance::new(settings.guidance),
            inpaint: None,
            hooks: None,
        },
    };
    let mut step_noise = sampler.default_noise(settings.seed, &sigmas)?;
    let latents =
        sample_sigmas(&mut model, &run, &noise.zeros_like()?, Some(&noise), step_noise.as_mut(), &mut |step| {
            eprint!("\rstep {} of {}", step.index + 1, settings.steps);
            Ok(())
        })?;
    eprintln!();
    Ok(latents)
}

/// Encodes prompts with the checkpoint's one or two text encoders.
fn encode(checkpoint: &Checkpoint, prompts: &[&str], device: &Device, dtype: DType) -> Result<EncodedText> {
    let encoder = |part: Part, source: Arc<dyn TensorSource>, tokenizer: Tokenizer| -> Result<TextEncoder> {
        let weights = Weights::new(source, dtype, device);
        let clip = ClipText::new(&ClipConfig::from_json(&checkpoint.config(part)?)?, &weights)?;
        weights.finish("text encoder")?;
        Ok(TextEncoder { tokenizer, clip })
    };
    let options = EncodeOptions::default();
    let first = encoder(Part::TextEncoder, checkpoint.text_encoder()?, Tokenizer::clip_l())?;
    if !checkpoint.has(Part::TextEncoder2) {
        return encode_sd15(&first, prompts, &options);
    }
    let tokenizer = Tokenizer::clip_g(PadInPrompt::Ordinary);
    let second = encoder(Part::TextEncoder2, checkpoint.text_encoder_2()?, tokenizer)?;
    encode_sdxl(&first, &second, prompts, prompts, &options)
}

/// Writes `[1, 3, H, W]` in -1..1 as a PNG.
fn save(image: &Tensor, path: &Path) -> Result<()> {
    let (_, _, height, width) = image.dims4()?;
    let levels = ((image.clamp(-1f32, 1f32)? + 1.0)? * 127.5)?.round()?.to_dtype(DType::U8)?;
    let bytes = levels.squeeze(0)?.permute((1, 2, 0))?.flatten_all()?.to_device(&Device::Cpu)?.to_vec1::<u8>()?;
    let failed = |e: image::ImageError| Error::input("output file", "a path that can be written", e.to_string());
    image::save_buffer(path, &bytes, width as u32, height as u32, image::ColorType::Rgb8).map_err(failed)?;
    println!("saved {}", path.display());
    Ok(())
}
