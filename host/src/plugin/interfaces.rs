//! What a plugin may ask of the host beyond its first table.

use super::services::{give, lend};
use selfsame_sdk::ffi::abi::*;
use selfsame_sdk::ffi::{import, text};
use selfsame_sdk::{Ctx, Error, Result, Status, Tensor, Value};
use std::ffi::c_void;
use std::path::Path;
use std::sync::Arc;

/// The table of this name; null if there is none.
pub fn find(id: &str) -> *const c_void {
    match id {
        SS_MATH => (&raw const MATH).cast(),
        SS_WEIGHTS => (&raw const WEIGHTS).cast(),
        _ => std::ptr::null(),
    }
}

/// Calls a function with the host behind a context: how objects of the host are reached from plugins.
///
/// # Safety
/// The pointer is null or that of a context.
pub unsafe fn enter(ctx: *mut SsCtx, call: &mut dyn FnMut(Ctx) -> Result<()>) -> SsStatus {
    // SAFETY: as above.
    unsafe { lend(ctx, |lent| call(Ctx::new(lent.services))) }
}

static MATH: SsMath = SsMath { struct_size: size_of::<SsMath>() as u32, flags: 0, linear: Some(linear) };

unsafe extern "C" fn linear(ctx: *mut SsCtx, x: SsValue, weight: SsValue, out: *mut SsValue) -> SsStatus {
    // SAFETY: the plugin lends its context and values, and a place for the result.
    unsafe {
        lend(ctx, |call| {
            let (x, weight) = (tensor(x, "x")?, tensor(weight, "weight")?);
            let product = call.services.linear(&x, &weight)?;
            give(&Value::object(product), out)
        })
    }
}

/// # Safety
/// If it is an object, the caller holds it.
unsafe fn tensor(value: SsValue, name: &str) -> Result<Arc<Tensor>> {
    // SAFETY: as above.
    let tensor = unsafe { import(value) }?.and_then(|value| value.downcast());
    tensor.ok_or_else(|| Error::with(Status::InvalidArgument, format!("`{name}` is no TENSOR")))
}

static WEIGHTS: SsWeights = SsWeights { struct_size: size_of::<SsWeights>() as u32, flags: 0, open: Some(open) };

unsafe extern "C" fn open(ctx: *mut SsCtx, path: SsStr, out: *mut SsValue) -> SsStatus {
    // SAFETY: the plugin lends its context and text, and a place for the result.
    unsafe { lend(ctx, |call| give(&Value::Object(call.services.weights(Path::new(text(path)?))?), out)) }
}
