//! Denoisers, samplers, patches and models of this side, as tables for the other.

use super::abi::*;
use super::calls::enter;
use super::error::to_status;
use super::export::{export, lent};
use super::hooks::{row, site};
use super::import::import;
use super::plain::Struct;
use super::text::{slice, text};
use crate::{
    Ctx, DenoiserValue, Error, HookCall, ModelInfo, Object, Prediction, Result, Row, Sampling, Status, Tensor, Value,
    panics,
};
use std::ffi::c_void;
use std::sync::Arc;

/// The table of an interface that an object offers by one of these traits; null if it has none.
pub(super) fn interface(object: &dyn Object, id: &str) -> *const c_void {
    match id {
        SS_DENOISER if object.as_denoiser().is_some() => (&raw const DENOISER).cast(),
        SS_SAMPLER if object.as_sampler().is_some() => (&raw const SAMPLER).cast(),
        SS_MODEL_PATCH if object.as_model_patch().is_some() => (&raw const MODEL_PATCH).cast(),
        SS_MODEL if object.as_model().is_some() => (&raw const MODEL).cast(),
        _ => std::ptr::null(),
    }
}

/// What the caller's object is to this side, by one of the traits.
macro_rules! own {
    ($object:expr, $as:ident) => {
        // SAFETY: the caller holds the object, which has this table because it is one.
        unsafe { lent($object) }.object().and_then(Object::$as).ok_or_else(|| Error::new("the object is another"))
    };
}

fn invalid(message: &str) -> Error {
    Error::with(Status::InvalidArgument, message)
}

/// # Safety
/// If it is an object, the caller holds it.
pub(super) unsafe fn tensor(value: SsValue, what: &str) -> Result<Tensor> {
    // SAFETY: as above.
    let value = unsafe { import(value) }?;
    let tensor = value.as_ref().and_then(Value::downcast::<Tensor>).map(Arc::unwrap_or_clone);
    let got = || value.as_ref().map_or("nothing".to_owned(), Value::to_string);
    tensor.ok_or_else(|| invalid(&format!("expected a TENSOR as {what}, got {}", got())))
}

/// # Safety
/// The pointer is null or a value can be written there.
unsafe fn give(value: &Value, out: *mut SsValue) -> Result<()> {
    if out.is_null() {
        return Err(invalid("there is no place for the result"));
    }
    // SAFETY: the caller promises it.
    unsafe { out.write(export(value).into_raw()) };
    Ok(())
}

static DENOISER: SsDenoiser = SsDenoiser {
    struct_size: size_of::<SsDenoiser>() as u32,
    flags: 0,
    info: Some(denoiser_info),
    predict: Some(predict),
};

unsafe extern "C" fn denoiser_info(o: *mut SsObj, out: *mut SsDenoiserInfo) -> SsStatus {
    let write = || {
        let denoiser = own!(o, as_denoiser)?;
        let (info, sigmas) = (denoiser.info(), denoiser.sigmas());
        let whole = SsDenoiserInfo {
            struct_size: size_of::<SsDenoiserInfo>() as u32,
            prediction: prediction_number(info.prediction),
            channels: info.channels as u32,
            reserved: 0,
            device: SsDLDevice { device_type: SS_DL_CPU, device_id: 0 },
            dtype: SsDLDataType::F32,
            sigma_min: sigmas.first().copied().unwrap_or_default(),
            sigma_max: sigmas.last().copied().unwrap_or_default(),
            sigmas: sigmas.as_ptr(),
            n_sigmas: sigmas.len() as u64,
        };
        // SAFETY: the caller has as much room as it says, and its own size stays.
        unsafe {
            let room = field!(out, SsDenoiserInfo, struct_size).ok_or_else(|| invalid("there is no place for it"))?;
            let (start, end) = (size_of::<u32>(), (room as usize).min(size_of::<SsDenoiserInfo>()));
            let from = (&raw const whole).cast::<u8>();
            out.cast::<u8>().add(start).copy_from(from.add(start), end.saturating_sub(start));
        }
        Ok(())
    };
    panics::catch(write).map_or_else(|error| to_status(error.status), |()| SS_STATUS_OK)
}

unsafe extern "C" fn predict(
    o: *mut SsObj,
    ctx: *mut SsCtx,
    x: SsValue,
    sigma: f64,
    out: *mut SsValue,
    uncond: *mut SsValue,
) -> SsStatus {
    let call = |ctx: Ctx| {
        let denoiser = own!(o, as_denoiser)?;
        // SAFETY: the caller lends its values.
        let x = unsafe { tensor(x, "the latents") }?;
        let estimate = denoiser.predict(ctx, &x, sigma, !uncond.is_null())?;
        if let (false, Some(value)) = (uncond.is_null(), estimate.uncond) {
            // SAFETY: a value can be written there.
            unsafe { give(&Value::object(value), uncond) }?;
        }
        // SAFETY: the caller has a place for it.
        unsafe { give(&Value::object(estimate.denoised), out) }
    };
    // SAFETY: the caller lends its context.
    unsafe { enter(ctx, call) }
}

static SAMPLER: SsSampler = SsSampler { struct_size: size_of::<SsSampler>() as u32, flags: 0, sample: Some(sample) };

unsafe extern "C" fn sample(
    o: *mut SsObj,
    ctx: *mut SsCtx,
    sampling: *const SsSampling,
    out: *mut SsValue,
) -> SsStatus {
    macro_rules! field {
        ($field:ident) => {
            super::abi::field!(sampling, SsSampling, $field)
                .ok_or_else(|| invalid(concat!("a sampling ends before `", stringify!($field), "`")))?
        };
    }
    let call = |ctx: Ctx| {
        let sampler = own!(o, as_sampler)?;
        // SAFETY: the caller lends what it says.
        unsafe {
            let denoiser = match import(SsValue::object(field!(denoiser)))? {
                Some(Value::Object(object)) => DenoiserValue::of(object)?,
                _ => return Err(invalid("there is no denoiser")),
            };
            let x = tensor(field!(x), "the latents")?;
            let sigmas = slice(field!(sigmas), field!(n_sigmas))?;
            let given = sampler.sample(ctx, Sampling { denoiser: &denoiser, x, sigmas, seed: field!(seed) })?;
            give(&Value::object(given), out)
        }
    };
    // SAFETY: the caller lends its context.
    unsafe { enter(ctx, call) }
}

static MODEL_PATCH: SsModelPatch =
    SsModelPatch { struct_size: size_of::<SsModelPatch>() as u32, flags: 0, hooks: Some(hooks), call: Some(call) };

unsafe extern "C" fn hooks(o: *mut SsObj, hooks: *mut *const *const SsHook, n_hooks: *mut u64) -> SsStatus {
    if hooks.is_null() || n_hooks.is_null() {
        return SS_STATUS_INVALID_ARGUMENT;
    }
    // SAFETY: the caller holds the object.
    match unsafe { lent(o) }.hooks() {
        Ok(tables) => {
            // SAFETY: both can be written.
            unsafe {
                hooks.write(tables.as_slice().as_ptr());
                n_hooks.write(tables.as_slice().len() as u64);
            }
            SS_STATUS_OK
        }
        Err(error) => to_status(error.status),
    }
}

unsafe extern "C" fn call(
    o: *mut SsObj,
    ctx: *mut SsCtx,
    call: *const SsHookCall,
    outputs: *mut SsValue,
    n_outputs: u64,
) -> SsStatus {
    macro_rules! field {
        ($field:ident) => {
            super::abi::field!(call, SsHookCall, $field)
                .ok_or_else(|| invalid(concat!("a call of a hook ends before `", stringify!($field), "`")))?
        };
    }
    let answer = |ctx: Ctx| {
        let patch = own!(o, as_model_patch)?;
        // SAFETY: the caller lends what it says, and has as many places for values.
        unsafe {
            let rows: Vec<Row> = slice(field!(rows), field!(n_rows))?.iter().map(row).collect();
            let inputs = slice(field!(inputs), field!(n_inputs))?.iter().map(|value| tensor(*value, "an input"));
            let inputs = inputs.collect::<Result<Vec<_>>>()?;
            let call = HookCall {
                hook: field!(hook) as usize,
                site: site(field!(site))?,
                layer: field!(layer) as usize,
                place: text(field!(place))?,
                heads: field!(heads) as usize,
                hidden: field!(hidden) as usize,
                context: field!(context) as usize,
                latent: [field!(latent_height) as usize, field!(latent_width) as usize],
                sigma: field!(sigma),
                rows: &rows,
                inputs: &inputs,
            };
            let given = patch.call(ctx, &call)?;
            if given.len() as u64 > n_outputs || outputs.is_null() {
                let message = format!("{} gave {} outputs; it has room for {n_outputs}", call.place, given.len());
                return Err(Error::new(message));
            }
            for (i, tensor) in given.into_iter().enumerate() {
                give(&Value::object(tensor), outputs.add(i))?;
            }
        }
        Ok(())
    };
    // SAFETY: the caller lends its context.
    unsafe { enter(ctx, answer) }
}

static MODEL: SsModel = SsModel { struct_size: size_of::<SsModel>() as u32, flags: 0, info: Some(model_info) };

unsafe extern "C" fn model_info(o: *mut SsObj, ctx: *mut SsCtx, out: *mut SsValue) -> SsStatus {
    let call = |ctx: Ctx| {
        let info = own!(o, as_model)?.info(ctx)?;
        // SAFETY: the caller has a place for it.
        unsafe { give(&info_value(&info), out) }
    };
    // SAFETY: the caller lends its context.
    unsafe { enter(ctx, call) }
}

fn info_value(info: &ModelInfo) -> Value {
    let object = |type_name: &str, fields: Vec<(&str, Value)>| {
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Value::object(Struct { type_name: type_name.to_owned(), fields })
    };
    let words = |words: &str| Value::Text(words.into());
    let number = |n: usize| Value::Int(n as i64);
    let layers = info.layers.iter().map(|layer| {
        let sizes = [("heads", layer.heads), ("hidden", layer.hidden), ("context", layer.context)];
        let sizes = sizes.map(|(name, size)| (name, number(size)));
        object("selfsame.LAYER_INFO/1", [vec![("path", words(&layer.path))], sizes.to_vec()].concat())
    });
    object(
        "selfsame.MODEL_INFO/1",
        vec![
            ("family", words(&info.family)),
            ("prediction", Value::Int(prediction_number(info.prediction).into())),
            ("layers", Value::list(layers)),
        ],
    )
}

fn prediction_number(prediction: Prediction) -> u32 {
    match prediction {
        Prediction::Epsilon => SS_PREDICTION_EPSILON,
        Prediction::Velocity => SS_PREDICTION_V,
        Prediction::Sample => SS_PREDICTION_SAMPLE,
        Prediction::LcmEpsilon => SS_PREDICTION_LCM,
    }
}
