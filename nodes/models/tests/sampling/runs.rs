//! Whole runs through both loops.

use super::tiny::*;
use candle_core::{IndexOp, Tensor};
use selfsame_models::noise::{NoiseSource, TorchNoise};
use selfsame_models::samplers::{ModelSigmas, Prediction, Sampler, Schedule, StepEvent, ksampler};
use selfsame_models::sampling::{
    Condition, DenoiserSettings, Guidance, GuidedModel, Inpaint, SigmaSettings, TimestepEvent, TimestepSettings,
    sample_sigmas, sample_timesteps,
};
use selfsame_models::{Cancel, Error, Result, schedulers};
use serde_json::{Value, json};
use std::sync::mpsc;

const STEPS: usize = 4;

fn pair() -> GuidedModel {
    guided(model(vec![adapter(0.8)]), vec![condition(1)], vec![condition(2)])
}

fn no_noise() -> Box<dyn NoiseSource> {
    Box::new(TorchNoise::comfyui(0))
}

/// A run in sigma space, of any sampler.
struct InSigmas<'a> {
    sampler: &'a str,
    sigmas: Vec<f64>,
    guidance: f64,
    inpaint: Option<&'a Inpaint>,
}

impl<'a> InSigmas<'a> {
    fn new(sampler: &'a str) -> Self {
        let sigmas = Schedule::from_name("normal").unwrap().sigmas(&ModelSigmas::stable_diffusion(), STEPS).unwrap();
        Self { sampler, sigmas, guidance: 4.0, inpaint: None }
    }

    fn run(
        &self,
        model: &mut GuidedModel,
        latents: &Tensor,
        noise: Option<&Tensor>,
        on_step: &mut dyn FnMut(&StepEvent<'_>) -> Result<()>,
    ) -> Result<Tensor> {
        let settings = SigmaSettings {
            sampler: Sampler::from_name(self.sampler)?,
            sigmas: &self.sigmas,
            denoiser: DenoiserSettings {
                model_sigmas: &ModelSigmas::stable_diffusion(),
                prediction: Prediction::Epsilon,
                guidance: Guidance::new(self.guidance),
                inpaint: self.inpaint,
                hooks: None,
            },
        };
        sample_sigmas(model, &settings, latents, noise, &mut *no_noise(), on_step)
    }

    /// A new picture from unit noise.
    fn picture(&self, model: &mut GuidedModel, noise: &Tensor) -> Result<Tensor> {
        self.run(model, &noise.zeros_like()?, Some(noise), &mut |_| Ok(()))
    }
}

/// A run over timesteps, of any scheduler.
struct InTimesteps<'a> {
    scheduler: &'a str,
    config: Value,
    steps: usize,
    guidance: f64,
    inpaint: Option<&'a Inpaint>,
    prediction: Prediction,
}

impl<'a> InTimesteps<'a> {
    fn new(scheduler: &'a str) -> Self {
        let config = json!({"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012});
        let prediction = Prediction::Epsilon;
        Self { scheduler, config, steps: STEPS, guidance: 4.0, inpaint: None, prediction }
    }

    fn run(
        &self,
        model: &mut GuidedModel,
        unit: &Tensor,
        on_step: &mut dyn FnMut(&TimestepEvent<'_>) -> Result<()>,
    ) -> Result<Tensor> {
        let mut scheduler = schedulers::build(self.scheduler, &self.config, self.steps, None)?;
        let guidance = Guidance::new(self.guidance);
        let (inpaint, prediction) = (self.inpaint, self.prediction);
        let settings = TimestepSettings { start: 0, guidance, inpaint, prediction, hooks: None };
        let sample = (unit * scheduler.schedule().init_noise_sigma())?;
        sample_timesteps(model, &mut *scheduler, &settings, &sample, &mut *no_noise(), on_step)
    }

    fn picture(&self, model: &mut GuidedModel, unit: &Tensor) -> Result<Tensor> {
        self.run(model, unit, &mut |_| Ok(()))
    }
}

#[test]
fn without_guidance_the_negative_is_never_evaluated() {
    let impossible = || Condition { context: noise(1, &[1, 77, width() + 1]), ..condition(2) };
    let unit = latents(7, 1, 8);
    let mut model = guided(model(vec![]), vec![condition(1)], vec![impossible()]);
    for guidance in [0.0, 1.0] {
        InSigmas { guidance, ..InSigmas::new("euler") }.picture(&mut model, &unit).unwrap();
        InTimesteps { guidance, ..InTimesteps::new("EulerDiscreteScheduler") }.picture(&mut model, &unit).unwrap();
    }
    let error = InSigmas::new("euler").picture(&mut model, &unit).unwrap_err().to_string();
    assert!(InTimesteps::new("EulerDiscreteScheduler").picture(&mut model, &unit).is_err());
    assert!(error.starts_with("context: expected"), "{error}");
    // CFG++ steers by the negative prediction at any scale.
    assert!(InSigmas { guidance: 1.0, ..InSigmas::new("euler_cfg_pp") }.picture(&mut model, &unit).is_err());
}

#[test]
fn two_pictures_at_once_are_two_runs() {
    // Little guidance and few steps, so that rounding stays rounding.
    let unit = latents(7, 2, 8);
    let mut sigmas = InSigmas { guidance: 1.1, ..InSigmas::new("dpmpp_2m") };
    sigmas.sigmas = ksampler::window(&sigmas.sigmas, 1, Some(3), false);
    let timesteps = InTimesteps { guidance: 1.1, steps: 2, ..InTimesteps::new("DDIMScheduler") };
    let (first, second) = (sigmas.picture(&mut pair(), &unit), timesteps.picture(&mut pair(), &unit));
    let (first, second) = (first.unwrap(), second.unwrap());
    for row in 0..2 {
        let one = unit.i(row..=row).unwrap();
        assert_near(&first.i(row..=row).unwrap(), &sigmas.picture(&mut pair(), &one).unwrap());
        assert_near(&second.i(row..=row).unwrap(), &timesteps.picture(&mut pair(), &one).unwrap());
    }
}

/// [`assert_close`] for states, which are larger than what the network says and gather the rounding of every step.
#[track_caller]
fn assert_near(a: &Tensor, b: &Tensor) {
    let largest = flat(a).into_iter().map(f32::abs).fold(1.0, f32::max);
    let distance = distance(a, b);
    assert!(distance < 1e-4 * largest, "{distance} of {largest}");
}

#[test]
fn inpainting_keeps_what_the_mask_keeps() {
    let (unit, original) = (latents(7, 1, 8), latents(8, 1, 8));
    let masks = |left: f32, right: f32| Inpaint::new(&halves(left, right, 64), &original, &unit).unwrap();
    let (nothing, everything, half) = (masks(0.0, 0.0), masks(1.0, 1.0), masks(0.0, 1.0));
    for sampler in ["euler", "heun", "dpmpp_2m"] {
        let run = |inpaint| {
            InSigmas { inpaint, ..InSigmas::new(sampler) }
                .run(&mut pair(), &original, Some(&unit), &mut |_| Ok(()))
                .unwrap()
        };
        assert_close(&run(Some(&nothing)), &original);
        assert_same(&run(Some(&everything)), &run(None));
        let half = run(Some(&half));
        assert_close(&half.i((.., .., .., ..4)).unwrap(), &original.i((.., .., .., ..4)).unwrap());
        assert_differ(&half.i((.., .., .., 4..)).unwrap(), &original.i((.., .., .., 4..)).unwrap());
    }
    for scheduler in ["EulerDiscreteScheduler", "HeunDiscreteScheduler", "DPMSolverMultistepScheduler"] {
        let run = |inpaint| InTimesteps { inpaint, ..InTimesteps::new(scheduler) }.picture(&mut pair(), &unit).unwrap();
        assert_same(&run(Some(&nothing)), &original);
        assert_same(&run(Some(&everything)), &run(None));
        let half = run(Some(&half));
        assert_same(&half.i((.., .., .., ..4)).unwrap(), &original.i((.., .., .., ..4)).unwrap());
        assert_differ(&half.i((.., .., .., 4..)).unwrap(), &original.i((.., .., .., 4..)).unwrap());
    }
    let three = Tensor::cat(&[halves(0., 1., 8), halves(0., 1., 8), halves(0., 1., 8)], 0).unwrap();
    assert!(Inpaint::new(&three, &original, &unit).unwrap_err().to_string().starts_with("noise mask: expected 1 row"));
}

#[test]
fn a_run_in_two_parts_is_the_whole_run() {
    let unit = latents(7, 1, 8);
    let whole = InSigmas::new("euler");
    let expected = whole.picture(&mut pair(), &unit).unwrap();
    let part = |start, end, leftover| InSigmas {
        sigmas: ksampler::window(&whole.sigmas, start, end, leftover),
        ..InSigmas::new("euler")
    };
    let noisy = part(0, Some(2), true).picture(&mut pair(), &unit).unwrap();
    let finished = part(2, None, true).run(&mut pair(), &noisy, None, &mut |_| Ok(())).unwrap();
    assert_same(&finished, &expected);
    // Without leftover noise the first part ends in a clean picture.
    let clean = part(0, Some(2), false).picture(&mut pair(), &unit).unwrap();
    assert_differ(&clean, &noisy);
    // Nothing to do changes nothing.
    let nothing = part(STEPS, None, true).run(&mut pair(), &noisy, Some(&unit), &mut |_| Ok(())).unwrap();
    assert_same(&nothing, &noisy);
}

#[test]
fn the_step_callback_stops_a_run() {
    let unit = latents(7, 1, 8);
    let mut seen = 0;
    let (mut model, stop) = cancellable();
    let run = InSigmas::new("euler").run(&mut model, &unit.zeros_like().unwrap(), Some(&unit), &mut |step| {
        seen += 1;
        if step.index == 1 {
            stop.cancel();
        }
        Ok(())
    });
    assert!(matches!(run, Err(Error::Cancelled)) && seen == 2, "{seen}");
    let mut seen = 0;
    let (mut model, stop) = cancellable();
    let run = InTimesteps::new("DDIMScheduler").run(&mut model, &unit, &mut |step| {
        seen += 1;
        if step.index == 1 {
            stop.cancel();
        }
        Ok(())
    });
    assert!(matches!(run, Err(Error::Cancelled)) && seen == 2, "{seen}");
    // Its own errors come out as they are.
    let run = InSigmas::new("euler").picture(&mut pair(), &unit);
    assert!(run.is_ok());
    let run = InTimesteps::new("DDIMScheduler").run(&mut pair(), &unit, &mut |_| Err(Error::config("preview", "full")));
    assert_eq!(run.unwrap_err().to_string(), "preview: full");
}

fn cancellable() -> (GuidedModel, Cancel) {
    let stop = Cancel::default();
    let model = GuidedModel::new(model(vec![]), vec![condition(1)], vec![condition(2)], stop.clone());
    (model.unwrap(), stop)
}

#[test]
fn another_thread_stops_a_run() {
    let unit = latents(7, 1, 8);
    let (mut model, stop) = cancellable();
    let (started, has_started) = mpsc::channel();
    let stopper = std::thread::spawn(move || {
        has_started.recv().unwrap();
        stop.cancel();
    });
    let mut seen = 0;
    let run = InTimesteps { steps: 1000, ..InTimesteps::new("DDIMScheduler") }.run(&mut model, &unit, &mut |_| {
        seen += 1;
        started.send(()).map_err(|_| Error::Cancelled).or(Ok(()))
    });
    stopper.join().unwrap();
    assert!(matches!(run, Err(Error::Cancelled)), "{run:?}");
    assert!((1..1000).contains(&seen), "{seen}");
}

fn is_finite(x: &Tensor) -> bool {
    flat(x).iter().all(|v| v.is_finite())
}

#[test]
fn every_step_shows_a_preview() {
    let unit = latents(7, 1, 8);
    let mut seen = 0;
    let last = InSigmas::new("euler").run(&mut pair(), &unit.zeros_like().unwrap(), Some(&unit), &mut |step| {
        assert!(is_finite(step.denoised) && step.denoised.dims() == unit.dims());
        assert_eq!((step.index, step.total), (seen, Some(STEPS)));
        seen += 1;
        Ok(())
    });
    assert!(is_finite(&last.unwrap()) && seen == STEPS);
    for class in schedulers::SCHEDULERS.iter().map(|class| class.name).filter(|name| *name != "IPNDMScheduler") {
        let mut previews = Vec::new();
        let run = InTimesteps::new(class);
        let last = run.run(&mut pair(), &unit, &mut |step| {
            assert_eq!(step.index, previews.len());
            previews.push((step.denoised.clone(), step.total));
            Ok(())
        });
        let last = last.unwrap();
        assert!(is_finite(&last) && previews.iter().all(|(x, _)| is_finite(x)), "{class}");
        assert!(previews.len() >= STEPS && previews.iter().all(|(_, total)| *total == previews.len()), "{class}");
    }
}

#[test]
fn the_last_preview_of_euler_is_the_picture() {
    let unit = latents(7, 1, 8);
    let mut last = None;
    let run = InTimesteps::new("EulerDiscreteScheduler");
    let picture = run.run(&mut pair(), &unit, &mut |step| {
        last = Some(step.denoised.clone());
        Ok(())
    });
    assert_close(&last.unwrap(), &picture.unwrap());
}

#[test]
fn velocity_with_a_schedule_that_ends_in_pure_noise() {
    let unit = latents(7, 1, 8);
    for scheduler in ["DDIMScheduler", "EulerDiscreteScheduler", "DPMSolverMultistepScheduler"] {
        let mut run = InTimesteps { prediction: Prediction::VPrediction, ..InTimesteps::new(scheduler) };
        run.config["prediction_type"] = json!("v_prediction");
        run.config["rescale_betas_zero_snr"] = json!(true);
        run.config["timestep_spacing"] = json!("trailing");
        let mut seen = 0;
        let picture = run.run(&mut pair(), &unit, &mut |step| {
            assert!(is_finite(step.denoised), "{scheduler} {}", step.index);
            seen += 1;
            Ok(())
        });
        assert!(is_finite(&picture.unwrap()) && seen == STEPS, "{scheduler}");
    }
}
