//! What a plugin may learn of models, and the arithmetic of the host.

use crate::{SsCtx, SsObj, SsStatus, SsStr, SsValue};

/// What can be told of a MODEL: a SsModel.
pub const SS_MODEL: &str = "selfsame.model/1";

/// What can be told of a MODEL.
#[repr(C)]
pub struct SsModel {
    /// sizeof(SsModel).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// Gives a struct with `family` (a STRING: SD1.5, SDXL), `prediction` (an INT: SS_PREDICTION_*) and `layers`, the
    /// cross-attention layers in the order down, up, middle: a LIST of structs with `path` (STRING), `heads`, `hidden` and
    /// `context` (INTs).
    pub info: Option<unsafe extern "C" fn(o: *mut SsObj, ctx: *mut SsCtx, out: *mut SsValue) -> SsStatus>,
}

// SAFETY: it is read only.
unsafe impl Sync for SsModel {}

/// The host's arithmetic, for results that are its own to the bit: a SsMath of SsHost's `get_interface`.
pub const SS_MATH: &str = "selfsame.math/1";

/// The host's arithmetic, on the device of the run.
#[repr(C)]
pub struct SsMath {
    /// sizeof(SsMath).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// Gives `x` times `weight` transposed: TENSORs f32 [.., in] and [out, in] to one [.., out].
    pub linear:
        Option<unsafe extern "C" fn(ctx: *mut SsCtx, x: SsValue, weight: SsValue, out: *mut SsValue) -> SsStatus>,
}

// SAFETY: it is read only.
unsafe impl Sync for SsMath {}

/// The host's reader of model files: a SsWeights of SsHost's `get_interface`.
pub const SS_WEIGHTS: &str = "selfsame.weights/1";

/// The host's reader of model files.
#[repr(C)]
pub struct SsWeights {
    /// sizeof(SsWeights).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// Opens a model file (safetensors, or a pickle of torch, of which no code is run) by its path: gives an object with
    /// SS_STRUCT whose names are those of the tensors, and whose values TENSORs, read as f32 when they are asked for. Tell the
    /// host of the file by `reads` too.
    pub open: Option<unsafe extern "C" fn(ctx: *mut SsCtx, path: SsStr, out: *mut SsValue) -> SsStatus>,
}

// SAFETY: it is read only.
unsafe impl Sync for SsWeights {}
