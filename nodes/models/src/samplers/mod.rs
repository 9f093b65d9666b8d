//! K-diffusion's samplers and ComfyUI's sigma schedules: sampling in sigma space.
//!
//! In sigma space the state is `x = x0 + sigma · noise`, whatever the model was trained on, and a [`Denoiser`] answers
//! with its estimate of `x0`. A sampler walks a decreasing list of sigmas down to 0.
//!
//! | part | what it holds |
//! |---|---|
//! | [`ModelSigmas`] | the model's own noise levels, and timestep to sigma and back |
//! | [`Prediction`] | what the network's output means: its input scale, and the way from output to `x0` |
//! | [`SCHEDULES`], [`Schedule`] | the nine lists of sigmas ComfyUI offers |
//! | [`SAMPLERS`], [`Sampler`] | the stepping rules by name, with k-diffusion's default options |
//! | [`Method`] | one stepping rule with its options; each in a file of its own |
//! | [`ksampler`] | what ComfyUI's KSampler does to a schedule: denoise, start and end step |
//!
//! **Sources**: k-diffusion (<https://github.com/crowsonkb/k-diffusion>, `sampling.py`) and ComfyUI
//! (`comfy/samplers.py`, `comfy/model_sampling.py`, `comfy/k_diffusion/sampling.py`) for conventions, names and defaults;
//! every file names the paper of its method. Where a method is algebraically another one in sigma space, it shares code:
//! `ddim` is Euler, `ddpm` is ancestral Euler, and an Euler step is a first-order DPM-Solver++ step.
//!
//! State and noise are f32 on the device of the state; scalars are f64 throughout.
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use selfsame_models::noise::TorchNoise;
//! use selfsame_models::samplers::{Denoiser, ModelSigmas, Run, Sampler, Schedule};
//!
//! /// Knows that the data is normal: then the best estimate is known in closed form.
//! struct Normal;
//! impl Denoiser for Normal {
//!     fn denoise(&mut self, x: &Tensor, sigma: f64) -> selfsame_models::Result<Tensor> {
//!         Ok((x / (1.0 + sigma * sigma))?)
//!     }
//! }
//!
//! let sigmas = Schedule::from_name("karras")?.sigmas(&ModelSigmas::stable_diffusion(), 20)?;
//! let noise = Tensor::randn(0f32, 1.0, (1, 4, 8, 8), &Device::Cpu)?;
//! let x = (noise * (1.0 + sigmas[0] * sigmas[0]).sqrt())?;
//! let mut run = Run {
//!     denoiser: &mut Normal,
//!     noise: &mut TorchNoise::comfyui(0),
//!     sigmas: &sigmas,
//!     on_step: &mut |step| Ok(println!("{} of {:?}", step.index, step.total)),
//!     cancel: &Default::default(),
//! };
//! let latents = Sampler::from_name("dpmpp_2m")?.sample(&mut run, &x)?;
//! # Ok::<(), selfsame_models::Error>(())
//! ```

mod deis;
mod dpm_2;
mod dpm_solver;
mod dpmpp_2m;
mod dpmpp_2m_sde;
mod dpmpp_2s_ancestral;
mod dpmpp_3m_sde;
mod dpmpp_sde;
mod er_sde;
mod euler;
mod gradient_estimation;
mod heun;
mod ipndm;
pub mod ksampler;
mod lcm;
mod list;
mod lms;
mod math;
mod model_sigmas;
mod names;
mod prediction;
mod res_multistep;
mod run;
mod schedules;
mod seeds;
mod uni_pc;

pub use deis::Deis;
pub use dpm_2::{Dpm2, Dpm2Ancestral};
pub use dpm_solver::{DpmAdaptive, DpmFast};
pub use dpmpp_2m::DpmPp2M;
pub use dpmpp_2m_sde::{DpmPp2MSde, SdeCorrection};
pub use dpmpp_2s_ancestral::DpmPp2SAncestral;
pub use dpmpp_3m_sde::DpmPp3MSde;
pub use dpmpp_sde::DpmPpSde;
pub use er_sde::ErSde;
pub use euler::{Euler, EulerAncestral};
pub use gradient_estimation::GradientEstimation;
pub use heun::{Heun, HeunPp2};
pub use ipndm::{Ipndm, IpndmV};
pub use lcm::Lcm;
pub use list::{NoiseKind, SAMPLERS, Sampler};
pub use lms::Lms;
pub use math::Churn;
pub use model_sigmas::ModelSigmas;
pub use prediction::Prediction;
pub use res_multistep::ResMultistep;
pub use run::{Denoiser, Guided, Method, Run, StepEvent, check_sigmas, sample};
pub use schedules::{SCHEDULES, Schedule, beta, exponential, karras, kl_optimal, linear_quadratic};
pub use seeds::{Seeds2, Seeds3};
pub use uni_pc::{UniPc, UniPcVariant};
