//! Guidance, conditioning lists, and the denoising loops.

mod conditioning;
mod guidance;
mod guided;
mod inpaint;
mod sigma_loop;
mod timestep_loop;
mod window;

pub use conditioning::{AdapterUse, Area, Condition, Control, ControlUse};
pub use guidance::{Guidance, Rescale};
pub use guided::{GuidedModel, Model, Parameterization, Prediction};
pub use inpaint::Inpaint;
pub use sigma_loop::{SigmaSettings, sample_sigmas};
pub use timestep_loop::{TimestepEvent, TimestepSettings, sample_timesteps};
pub use window::{Moment, Window};
