//! Stepping rules.

use super::DenoiserValue;
use crate::{Ctx, Result, Tensor};
use std::any::Any;

/// A stepping rule: walks along noise levels.
pub trait Sampler: Any + Send + Sync {
    /// Walks to the last noise level, and gives the latents there, of the shape of `x`. It tells progress by itself.
    ///
    /// # Errors
    /// What the denoiser says, or that the rule cannot do this.
    fn sample(&self, ctx: Ctx, sampling: Sampling) -> Result<Tensor>;

    /// How much memory it holds, in bytes.
    fn bytes(&self) -> u64 {
        0
    }

    /// Whether something that it is made of [is lost](crate::Object::is_lost).
    fn is_lost(&self) -> bool {
        false
    }
}

/// One sampling.
#[derive(Debug)]
pub struct Sampling<'a> {
    /// The model.
    pub denoiser: &'a DenoiserValue,
    /// Where it starts: f32 `[B,C,H/8,W/8]` at the first noise level.
    pub x: Tensor,
    /// The noise levels to walk along, at least two, falling; the last one is 0 unless noise shall be left.
    pub sigmas: &'a [f64],
    /// For a rule that adds noise.
    pub seed: u64,
}
