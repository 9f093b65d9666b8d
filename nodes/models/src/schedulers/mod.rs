//! diffusers' schedulers: which timesteps a run visits, and the rule that steps a sample along them.
//!
//! A scheduler is built for one run from the class name and the settings that a `scheduler_config.json` holds. The caller
//! then walks over the indices of its timesteps:
//!
//! ```
//! # use candle_core::{Device, Tensor};
//! # use selfsame_models::{noise::NoiseSource, schedulers, Result};
//! # fn network(input: &Tensor, _timestep: f64) -> Result<Tensor> { Ok(input.clone()) }
//! # fn sample(unit_noise: &Tensor, noise: &mut dyn NoiseSource) -> Result<Tensor> {
//! let config = schedulers::parse_config(r#"{"beta_schedule": "scaled_linear", "timestep_spacing": "leading"}"#)?;
//! let mut scheduler = schedulers::build("EulerDiscreteScheduler", &config, 20, None)?;
//! let mut sample = (unit_noise * scheduler.schedule().init_noise_sigma())?;
//! for index in 0..scheduler.schedule().timesteps().len() {
//!     let input = scheduler.schedule().scale_model_input(&sample, index)?;
//!     let output = network(&input, scheduler.schedule().timesteps()[index])?;
//!     sample = scheduler.step(&output, index, &sample, noise)?;
//! }
//! # Ok(sample)
//! # }
//! ```
//!
//! For img2img start at [`Schedule::start_index`] with a sample from [`Schedule::add_noise`]; a freshly built scheduler may be
//! started at any index that is a multiple of [`Schedule::order`], and its multistep history begins there.
//!
//! **Source**: every file names its paper; tables, defaults and the order of f32 operations follow diffusers 0.42.1.
//! Schedules are computed in the precision that diffusers uses (f32 tables, f64 for interpolation and reshaping); states
//! and step coefficients are f32.

mod alpha_space;
mod config;
mod ddim;
mod ddpm;
mod deis;
mod dpm_solver;
mod dpm_solver_singlestep;
mod euler;
mod euler_ancestral;
mod exponential;
mod heun;
mod history;
mod ipndm;
mod kdpm2;
mod lcm;
mod lms;
mod logarithm;
mod pndm;
mod prediction;
mod reshape;
mod schedule;
mod sigma_space;
mod solver_space;
mod spacing;
mod tcd;
mod training;
mod unipc;

pub use config::parse as parse_config;
pub use schedule::{Level, Schedule};
pub(crate) use training::linspace_f32;
pub use training::{alphas_cumprod, rescale_zero_terminal_snr};

use crate::noise::NoiseSource;
use crate::{Error, Result};
use candle_core::{DType, Tensor};
use config::Config;
use serde_json::Value;

/// One run of one scheduler class.
pub trait Scheduler: Send {
    /// Timesteps, noise levels, and everything that follows from them alone.
    fn schedule(&self) -> &Schedule;

    /// The rule itself; callers use [`Self::step`], which checks and converts what goes in.
    ///
    /// # Errors
    /// When tensor arithmetic or the noise source fails, or the run was started between the two calls of one step.
    fn advance(&mut self, step: Step<'_>) -> Result<Tensor>;

    /// Takes `sample` from the network call `index` to the next one; the result is f32.
    ///
    /// `model_output` is what the network returned for the scaled `sample`, of the same shape, in any float dtype. After the
    /// first call indices go up by one.
    ///
    /// # Errors
    /// [`Error::Input`] when `index` is past the end or the shapes differ; otherwise as [`Self::advance`].
    fn step(
        &mut self,
        model_output: &Tensor,
        index: usize,
        sample: &Tensor,
        noise: &mut dyn NoiseSource,
    ) -> Result<Tensor> {
        self.schedule().check(index)?;
        if model_output.dims() != sample.dims() {
            let expected = format!("the sample's shape {:?}", sample.dims());
            return Err(Error::input("model output", expected, format!("{:?}", model_output.dims())));
        }
        let output = model_output.to_device(sample.device())?.to_dtype(DType::F32)?;
        self.advance(Step { index, output, sample: sample.to_dtype(DType::F32)?, noise })
    }
}

/// What a rule gets for one call.
pub struct Step<'a> {
    /// Which timestep.
    pub index: usize,
    /// What the network returned, f32.
    pub output: Tensor,
    /// The sample before the step, f32.
    pub sample: Tensor,
    /// Where fresh noise comes from.
    pub noise: &'a mut dyn NoiseSource,
}

impl Step<'_> {
    /// Unit noise for a step between two noise levels.
    fn noise(&mut self, from: Level, to: Level) -> Result<Tensor> {
        self.noise.next(&self.sample, from.sigma(), to.sigma())
    }
}

/// A scheduler class.
#[derive(Debug)]
pub struct SchedulerClass {
    /// Its name in diffusers and in `_class_name` of a `scheduler_config.json`.
    pub name: &'static str,
    /// What it is, in a line.
    pub summary: &'static str,
    build: Build,
}

/// Lays out a run from settings, a number of steps, and `eta`.
type Build = fn(&Config, usize, Option<f64>) -> Result<Box<dyn Scheduler>>;

/// Every class, in the order to show them.
pub const SCHEDULERS: &[SchedulerClass] = &[
    SchedulerClass {
        name: "EulerDiscreteScheduler",
        summary: "Euler's method on the probability flow; fast and plain",
        build: euler::build,
    },
    SchedulerClass {
        name: "EulerAncestralDiscreteScheduler",
        summary: "Euler's method with fresh noise every step; varied, does not converge",
        build: euler_ancestral::build,
    },
    SchedulerClass {
        name: "HeunDiscreteScheduler",
        summary: "Heun's second-order method; two network calls a step",
        build: heun::build,
    },
    SchedulerClass {
        name: "LMSDiscreteScheduler",
        summary: "linear multistep over the last four derivatives",
        build: lms::build,
    },
    SchedulerClass {
        name: "KDPM2DiscreteScheduler",
        summary: "DPM-Solver-2 in sigmas, by the midpoint; two network calls a step",
        build: kdpm2::build,
    },
    SchedulerClass {
        name: "KDPM2AncestralDiscreteScheduler",
        summary: "DPM-Solver-2 in sigmas with fresh noise every step; two network calls a step",
        build: kdpm2::build_ancestral,
    },
    SchedulerClass {
        name: "DPMSolverMultistepScheduler",
        summary: "DPM-Solver++ 2M and 3M, and their SDE variants; few steps, the usual choice",
        build: dpm_solver::build,
    },
    SchedulerClass {
        name: "DPMSolverSinglestepScheduler",
        summary: "DPM-Solver++ 2S and 3S: steps in groups that start afresh",
        build: dpm_solver_singlestep::build,
    },
    SchedulerClass {
        name: "UniPCMultistepScheduler",
        summary: "predictor and corrector of any order; good at very few steps",
        build: unipc::build,
    },
    SchedulerClass {
        name: "DEISMultistepScheduler",
        summary: "exponential integrator with polynomial extrapolation in log-rho",
        build: deis::build,
    },
    SchedulerClass {
        name: "DDIMScheduler",
        summary: "the implicit model; eta 0 is deterministic, eta 1 is DDPM",
        build: ddim::build,
    },
    SchedulerClass {
        name: "DDPMScheduler",
        summary: "the original stochastic sampler; needs many steps",
        build: ddpm::build,
    },
    SchedulerClass {
        name: "PNDMScheduler",
        summary: "pseudo linear multistep (PLMS), with or without a Runge-Kutta start",
        build: pndm::build,
    },
    SchedulerClass {
        name: "IPNDMScheduler",
        summary: "fourth-order multistep for models of continuous time in 0..1",
        build: ipndm::build,
    },
    SchedulerClass {
        name: "LCMScheduler",
        summary: "latent consistency models: 1 to 8 steps, low guidance",
        build: lcm::build,
    },
    SchedulerClass {
        name: "TCDScheduler",
        summary: "trajectory consistency distillation: few steps, eta sets the noise",
        build: tcd::build,
    },
];

/// Models are trained with 1000; much more would only exhaust memory.
const MOST_TIMESTEPS: usize = 100_000;

/// Lays out a run of `steps` steps of the scheduler `class` with the settings of a `scheduler_config.json`.
///
/// Settings that are missing have the class's own defaults; keys that the class does not know are ignored, as diffusers
/// does. `eta` is used by DDIM (0 if `None`) and TCD (0.3 if `None`), in 0..=1; other classes have no such parameter.
///
/// # Errors
/// [`Error::Input`] for an unknown class, no steps or an `eta` out of range; [`Error::Config`] for a setting that is wrong,
/// not supported, or does not go with the number of steps.
pub fn build(class: &str, config: &Value, steps: usize, eta: Option<f64>) -> Result<Box<dyn Scheduler>> {
    let Some(class) = SCHEDULERS.iter().find(|c| c.name == class) else {
        let names: Vec<&str> = SCHEDULERS.iter().map(|c| c.name).collect();
        return Err(Error::input("scheduler class", format!("one of {}", names.join(", ")), class));
    };
    if let Some(eta) = eta.filter(|eta| !(0.0..=1.0).contains(eta)) {
        return Err(Error::input("eta", "0..=1", eta.to_string()));
    }
    let config = Config::new(class.name, config)?;
    let train = config.count("num_train_timesteps", 1000)?;
    if train > MOST_TIMESTEPS {
        let message = format!("num_train_timesteps must be at most {MOST_TIMESTEPS}, got {train}");
        return Err(Error::config(class.name, message));
    }
    if steps == 0 || steps > train {
        let expected = format!("1..={train}, the number of training timesteps");
        return Err(Error::input("steps", expected, steps.to_string()));
    }
    (class.build)(&config, steps, eta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;
    use serde_json::json;

    /// Noise of ones.
    struct Ones;

    impl NoiseSource for Ones {
        fn next(&mut self, like: &Tensor, _sigma_from: f64, _sigma_to: f64) -> Result<Tensor> {
            Ok(like.ones_like()?)
        }
    }

    fn error(class: &str, config: &Value, steps: usize) -> String {
        build(class, config, steps, None).err().expect("an error").to_string()
    }

    #[test]
    fn every_class_runs_from_its_defaults_in_half_precision_too() {
        for class in SCHEDULERS {
            let mut scheduler = build(class.name, &Value::Null, 6, None).unwrap();
            let mut sample = Tensor::full(0.5f32, (1, 1, 2, 2), &Device::Cpu).unwrap();
            for index in 0..scheduler.schedule().timesteps().len() {
                let output = sample.to_dtype(DType::F16).unwrap();
                sample = scheduler.step(&output, index, &sample, &mut Ones).unwrap();
            }
            let values: Vec<f32> = sample.flatten_all().unwrap().to_vec1().unwrap();
            assert!(values.iter().all(|v| v.is_finite()), "{} {values:?}", class.name);
        }
    }

    #[test]
    fn wrong_settings_are_named() {
        let none = json!({});
        assert!(error("EulerScheduler", &none, 4).contains("EulerDiscreteScheduler, "));
        assert!(error("DDIMScheduler", &none, 0).contains("steps: expected 1..=1000"));
        assert!(error("DDIMScheduler", &json!([1]), 4).contains("JSON object"));
        assert!(error("LCMScheduler", &none, 51).contains("original_inference_steps"));
        let wrong = [
            ("EulerDiscreteScheduler", json!({"use_karras_sigmas": true, "use_beta_sigmas": true}), "use_beta_sigmas"),
            ("EulerAncestralDiscreteScheduler", json!({"prediction_type": "sample"}), "prediction_type"),
            ("DPMSolverMultistepScheduler", json!({"use_flow_sigmas": true}), "use_flow_sigmas"),
            ("DPMSolverMultistepScheduler", json!({"algorithm_type": "dpmsolver"}), "final_sigmas_type"),
            ("DPMSolverMultistepScheduler", json!({"variance_type": "learned_range"}), "variance_type"),
            ("DPMSolverSinglestepScheduler", json!({"solver_order": 4}), "solver_order"),
            ("UniPCMultistepScheduler", json!({"solver_p": {}}), "solver_p"),
            ("DDIMScheduler", json!({"steps_offset": 600}), "steps_offset"),
            ("PNDMScheduler", json!({"trained_betas": [0.1]}), "trained_betas"),
        ];
        for (class, config, key) in wrong {
            let error = error(class, &config, 4);
            assert!(error.starts_with(class) && error.contains(key), "{error}");
        }
    }

    #[test]
    fn runs_start_where_a_strength_says_but_not_between_two_calls() {
        let mut heun = build("HeunDiscreteScheduler", &Value::Null, 10, None).unwrap();
        assert_eq!(heun.schedule().start_index(0.3), 14);
        assert_eq!(heun.schedule().start_index(1.0), 0);
        let sample = Tensor::full(0.5f32, (1, 1, 2, 2), &Device::Cpu).unwrap();
        let error = heun.step(&sample, 3, &sample, &mut Ones).unwrap_err().to_string();
        assert!(error.contains("even"), "{error}");
        assert!(heun.step(&sample, 19, &sample, &mut Ones).is_err());
    }
}
