//! Denoisers and samplers: how a plugin samples.
//!
//! Functions with a `ctx` take that of the call in which they are called. They belong to the thread of that call, unlike
//! those of SsHost, and none of them may be called while another one of the same denoiser answers.

use crate::{SsCtx, SsDLDataType, SsDLDevice, SsObj, SsStatus, SsValue};

/// The function D(x, sigma) that a sampler calls, of type DENOISER: a SsDenoiser.
pub const SS_DENOISER: &str = "selfsame.denoiser/1";

/// The network gives the noise.
pub const SS_PREDICTION_EPSILON: u32 = 0;
/// The network gives a velocity.
pub const SS_PREDICTION_V: u32 = 1;
/// The network gives the clean latents.
pub const SS_PREDICTION_SAMPLE: u32 = 2;
/// The network gives the noise, inside the boundary scaling of a latent consistency model.
pub const SS_PREDICTION_LCM: u32 = 3;

/// What a denoiser is.
#[repr(C)]
pub struct SsDenoiserInfo {
    /// sizeof(SsDenoiserInfo), set by the caller.
    pub struct_size: u32,
    /// SS_PREDICTION_*: what the network inside was trained to give. `predict` gives clean latents in any case.
    pub prediction: u32,
    /// Channels of the latents.
    pub channels: u32,
    /// 0.
    pub reserved: u32,
    /// Where `predict` takes and gives tensors, wherever the network is computed.
    pub device: SsDLDevice,
    /// The type of their numbers.
    pub dtype: SsDLDataType,
    /// The lowest noise level that the network was trained with.
    pub sigma_min: f64,
    /// The highest one.
    pub sigma_max: f64,
    /// All of them, rising; valid as long as the denoiser.
    pub sigmas: *const f64,
    /// How many there are.
    pub n_sigmas: u64,
}

/// The function D(x, sigma). Guidance, conditions, ControlNets, adapters, patches and what an inpainting keeps are inside.
#[repr(C)]
pub struct SsDenoiser {
    /// sizeof(SsDenoiser).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// Says what it is. As many fields are written as `out->struct_size` has room for.
    pub info: Option<unsafe extern "C" fn(o: *mut SsObj, out: *mut SsDenoiserInfo) -> SsStatus>,
    /// Gives the estimate of the clean latents in `x` = clean + `sigma` * noise, a TENSOR [B,C,H/8,W/8], in the same shape. If
    /// `uncond` is not null, it gets the estimate without the positive conditions that the former was guided away from.
    /// SS_STATUS_CANCELLED once the run is cancelled: hand it on.
    pub predict: Option<
        unsafe extern "C" fn(
            o: *mut SsObj,
            ctx: *mut SsCtx,
            x: SsValue,
            sigma: f64,
            out: *mut SsValue,
            uncond: *mut SsValue,
        ) -> SsStatus,
    >,
}

// SAFETY: it is read only.
unsafe impl Sync for SsDenoiser {}

/// A stepping rule, of type SAMPLER: a SsSampler.
pub const SS_SAMPLER: &str = "selfsame.sampler/1";

/// One sampling.
#[repr(C)]
pub struct SsSampling {
    /// sizeof(SsSampling).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// An object with SS_DENOISER.
    pub denoiser: *mut SsObj,
    /// Where it starts: a TENSOR [B,C,H/8,W/8] at the first noise level.
    pub x: SsValue,
    /// The noise levels to walk along, at least two, falling; the last one is 0 unless noise shall be left.
    pub sigmas: *const f64,
    /// How many there are.
    pub n_sigmas: u64,
    /// For a rule that adds noise.
    pub seed: u64,
}

/// A stepping rule.
#[repr(C)]
pub struct SsSampler {
    /// sizeof(SsSampler).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// Walks to the last noise level: gives a TENSOR of the shape of `x`. It tells progress by itself.
    pub sample: Option<
        unsafe extern "C" fn(
            o: *mut SsObj,
            ctx: *mut SsCtx,
            sampling: *const SsSampling,
            out: *mut SsValue,
        ) -> SsStatus,
    >,
}

// SAFETY: it is read only.
unsafe impl Sync for SsSampler {}
