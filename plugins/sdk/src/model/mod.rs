//! Denoisers, samplers and model patches: how a node samples, and how it steers a network from inside.
//!
//! Each is a trait, and a value on wires that any object becomes by implementing it: a node takes a [`DenoiserValue`], and
//! gives `SamplerValue::new(..)` of a rule of its own. It is the same whether the other side is in this program, in a plugin,
//! or the host of one.

mod denoiser;
mod fields;
mod info;
mod patch;
mod sampler;
mod values;

pub use denoiser::{Denoiser, DenoiserInfo, Estimate, Prediction};
pub use fields::{Fields, ModelWeights};
pub use info::{LayerInfo, Model, ModelInfo};
pub use patch::{Hook, HookCall, MaskResize, ModelPatch, Row, Site};
pub use sampler::{Sampler, Sampling};
pub use values::{DenoiserValue, ModelPatchValue, ModelValue, SamplerValue};
