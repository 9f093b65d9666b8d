//! Guidance, conditioning lists, and the denoising loops.
//!
//! A run has a [`Model`] (a UNet with its adapters), lists of [`Condition`]s, and a loop. [`sample_timesteps`] goes by
//! diffusers' rules and schedulers, [`sample_sigmas`] by ComfyUI's rules and k-diffusion's samplers; both evaluate a
//! [`GuidedModel`] and combine what it says by [`Guidance`]. [`Inpaint`] keeps a part of a picture in either, and [`Hooks`] add to
//! the network from outside. A loop from outside asks a [`GuidedDenoiser`].

mod average;
mod conditioning;
mod guidance;
mod guided;
mod hooks;
mod inpaint;
mod prepared;
mod sigma_loop;
mod stack;
mod timestep_loop;
mod window;

pub use conditioning::{AdapterUse, Area, Condition, Control, ControlUse};
pub use guidance::{Guidance, Rescale};
pub use guided::{GuidedModel, GuidedPrediction, Model, Parameterization};
pub use hooks::{ExtraAttention, HookBatch, Hooks, Row};
pub use inpaint::Inpaint;
pub use sigma_loop::{DenoiserSettings, GuidedDenoiser, SigmaSettings, sample_sigmas};
pub use timestep_loop::{TimestepEvent, TimestepSettings, sample_timesteps};
pub use window::{Moment, Window};
