//! The function D(x, sigma).

use crate::{Ctx, Result, Tensor};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// The function `D(x, sigma)` of k-diffusion that a sampler calls. Guidance, conditions, ControlNets, adapters, patches and what
/// an inpainting keeps are inside.
pub trait Denoiser: Any + Send + Sync {
    /// What it is.
    fn info(&self) -> DenoiserInfo;

    /// The noise levels that its network was trained with, rising.
    fn sigmas(&self) -> &[f64];

    /// The estimate of the clean latents in `x` = clean + `sigma` · noise, f32 `[B,C,H/8,W/8]`; `with_uncond` also wants the estimate
    /// that guidance leads away from.
    ///
    /// It is called by the thread that runs the node, while `ctx` lasts, and not while it is answering already (from a patch
    /// inside, say).
    ///
    /// # Errors
    /// [`Status::Cancelled`](crate::Status::Cancelled) once the run was cancelled, which the node hands on;
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for latents of another shape, a noise level that is none, or
    /// a call against the rules above.
    fn predict(&self, ctx: Ctx, x: &Tensor, sigma: f64, with_uncond: bool) -> Result<Estimate>;

    /// How much memory it holds, in bytes; shared weights count where they are kept, not here.
    fn bytes(&self) -> u64 {
        0
    }

    /// Whether something that it is made of [is lost](crate::Object::is_lost).
    fn is_lost(&self) -> bool {
        false
    }
}

/// What a denoiser is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenoiserInfo {
    /// What the network inside was trained to give; [`Denoiser::predict`] gives clean latents in any case.
    pub prediction: Prediction,
    /// Channels of the latents.
    pub channels: usize,
}

/// What a network was trained to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Prediction {
    /// The noise.
    Epsilon,
    /// A velocity: `alpha · noise - sigma · clean` of the variance-preserving process.
    Velocity,
    /// The clean latents.
    Sample,
    /// The noise, inside the boundary scaling of a latent consistency model.
    LcmEpsilon,
}

/// What a denoiser says.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// The clean latents, guidance applied.
    pub denoised: Tensor,
    /// Those without the positive conditions, if they were asked for.
    pub uncond: Option<Tensor>,
}
