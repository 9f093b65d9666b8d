//! Recorded pipelines of diffusers and InstantID, end to end: prompts, a face embedding and pictures in, pictures out.
//!
//! Reads the group `pipeline` of the set that the test `goldens` reads, and prints one line a case; the small set of the
//! repository has no such cases. Everything is read from a case's parameters, the `kind` says which pipeline it is.
//! An argument filters, as for `goldens`.

#[allow(dead_code)]
#[path = "goldens/case.rs"]
mod case;
#[allow(dead_code)]
#[path = "goldens/clip.rs"]
mod clip;
#[path = "pipelines/first_step.rs"]
mod first_step;
#[allow(dead_code)]
#[path = "goldens/nets.rs"]
mod nets;
#[path = "goldens/prompts.rs"]
mod prompts;
#[allow(dead_code)]
#[path = "goldens/resampler.rs"]
mod resampler;
#[path = "pipelines/setup.rs"]
mod setup;
#[allow(dead_code)]
#[path = "goldens/vae.rs"]
mod vae;

use candle_core::{DType, Tensor};
use case::{Case, Outcome, Set, Tally};
use selfsame_models::noise::RecordedNoise;
use selfsame_models::sampling::{Guidance, Rescale, TimestepSettings, sample_timesteps};
use selfsame_models::schedulers::{self, Schedule};
use selfsame_models::vae::{AutoencoderKl, AutoencoderKlConfig};
use selfsame_models::{Cancel, samplers::Prediction};
use setup::Setup;
use std::error::Error;
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let filter = std::env::args().skip(1).find(|a| !a.starts_with('-')).unwrap_or_default();
    let cases = Set::find().and_then(|set| {
        println!("goldens from {}", set.root.display());
        set.cases()
    });
    let mut cases = match cases {
        Ok(cases) => cases,
        Err(error) => {
            eprintln!("pipelines: {error}");
            return ExitCode::FAILURE;
        }
    };
    cases.retain(|case| case.group == "pipeline");
    if cases.is_empty() {
        println!("nothing ran: this set has no cases of the group pipeline (SELFSAME_GOLDENS names another set)");
        return ExitCode::SUCCESS;
    }
    let mut tally = Tally::new(&filter);
    let mut left_out = 0;
    cases.retain(|case| tally.wants(&format!("pipeline/{}", case.name)));
    for case in &cases {
        match why_not(case) {
            Some(why) => {
                left_out += 1;
                println!("pipeline/{}: NOT RUN {why}", case.name);
            }
            None => tally.run_whole(case, run),
        }
    }
    println!("{left_out} of {} cases not run", cases.len());
    tally.close()
}

/// Why a case is beyond this crate, if it is: resizing pictures as PIL does is not part of it.
fn why_not(case: &Case) -> Option<String> {
    let size = case.meta["size"].as_array()?;
    let size: Vec<u64> = size.iter().filter_map(serde_json::Value::as_u64).collect();
    ["in.init_image", "in.control_image", "in.canny_image"].into_iter().find_map(|name| {
        let image = case.find(name).ok()??;
        let dims = image.dims().iter().map(|d| *d as u64).collect::<Vec<_>>();
        let differs = dims.first() != size.first() || dims.get(1) != size.get(1);
        differs.then(|| format!("{name} {dims:?} would have to be resized to {size:?} as PIL does"))
    })
}

fn run(case: &Case) -> Outcome {
    let setup = Setup::read(case)?;
    let steps = case.number("steps")? as usize;
    let eta = case.meta["eta"].as_f64();
    let mut scheduler = schedulers::build(case.text("scheduler")?, &case.meta["scheduler_config"], steps, eta)?;
    let vae = load_vae(case, setup.base)?;
    let (start, sample, noise) = first_sample(case, &vae, scheduler.schedule())?;
    let mut model = setup.guided_model(sample.dim(0)?)?;
    first_step::check(case, &setup, &mut model, scheduler.schedule(), start, &sample)?;

    let settings = TimestepSettings {
        start,
        guidance: Guidance {
            scale: setup.guidance,
            rescale: case.meta["guidance_rescale"].as_f64().map_or(Rescale::Off, Rescale::Output),
        },
        inpaint: None,
        prediction: Prediction::Epsilon,
        hooks: None,
    };
    let mut noise = RecordedNoise::new(noise);
    let mut states = Vec::new();
    let latents = sample_timesteps(&mut model, &mut *scheduler, &settings, &sample, &mut noise, &mut |step| {
        states.push(step.sample.clone());
        Ok(())
    })?;
    case.push("noise that was not asked for", noise.remaining() as f64, 0.0);
    case.check("out.latents_per_step", &Tensor::stack(&states, 0)?)?;
    check_image(case, &vae, &latents)
}

fn load_vae(case: &Case, base: &str) -> Result<AutoencoderKl> {
    let folder = case.models.join(base).join("vae");
    let config = AutoencoderKlConfig::from_json(&nets::config(&folder)?)?;
    vae::load(&folder.join("diffusion_pytorch_model.safetensors"), &config)
}

/// The call to start from, the sample before it, and the noise that is left for the steps.
fn first_sample(case: &Case, vae: &AutoencoderKl, schedule: &Schedule) -> Result<(usize, Tensor, Vec<Tensor>)> {
    let mut names = case.names("in.noise_");
    names.sort_by_key(|name| (name.len(), *name)); // numbers of three digits come last
    let mut noise = names.into_iter().map(|name| case.input(name)).collect::<Result<Vec<_>>>()?;
    if case.has("in.latents_unit") {
        return Ok((0, (case.input("in.latents_unit")? * schedule.init_noise_sigma())?, noise));
    }
    // Image to image: the first noise draws from the encoder's distribution, the second makes it noisy.
    if noise.len() < 2 {
        return Err("a case with a picture to start from has two tensors of noise at least".into());
    }
    let rest = noise.split_off(2);
    let picture = ((setup::picture(case, "in.init_image")? * 2.0)? - 1.0)?;
    let encoded = vae.encode(&picture, &Cancel::default())?.sample(&noise[0])?;
    let original = vae.config().to_model_latents(&encoded)?.broadcast_as(noise[1].shape())?;
    let start = schedule.start_index(case.number("strength")?);
    Ok((start, schedule.add_noise(&original.contiguous()?, &noise[1], start)?, rest))
}

/// The decoded picture as f32 in 0..1 and as bytes, whichever are recorded.
fn check_image(case: &Case, vae: &AutoencoderKl, latents: &Tensor) -> Outcome {
    let decoded = vae.decode(&vae.config().from_model_latents(latents)?, &Cancel::default())?;
    let image = ((decoded / 2.0)? + 0.5)?.clamp(0f32, 1f32)?.permute((0, 2, 3, 1))?.contiguous()?; // [B, H, W, 3]
    if case.has("out.image") {
        case.check("out.image", &image)?;
    }
    if case.has("out.image_u8") {
        let bytes = (image * 255.0)?.round()?.to_dtype(DType::U8)?;
        case.check_within("out.image_u8", &bytes, 1.0)?;
    }
    Ok(())
}
