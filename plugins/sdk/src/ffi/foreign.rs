//! Objects of the other side, called by the traits that they offer.

use super::abi::*;
use super::calls::call_host;
use super::export::{Exported, export};
use super::hooks::{read, row_table, site_number};
use super::import::import_owned;
use super::object::Foreign;
use super::text::{slice, text};
use crate::{
    Ctx, Denoiser, DenoiserInfo, Error, Estimate, Fields, Hook, HookCall, LayerInfo, Model, ModelInfo, ModelPatch,
    Prediction, Result, Sampler, Sampling, Site, Tensor, Value,
};
use std::sync::Arc;

/// The most names or hooks of an object.
const MOST: u64 = 1_000_000;

/// A function of a table that an object offers; none if it does not.
macro_rules! function {
    ($self:ident, $id:ident, $table:ident, $function:ident) => {{
        let table: *const $table = $self.object().interface($id).cast();
        // SAFETY: an interface of this name is such a table.
        unsafe { field!(table, $table, $function).flatten() }
    }};
}

type Predict = unsafe extern "C" fn(*mut SsObj, *mut SsCtx, SsValue, f64, *mut SsValue, *mut SsValue) -> SsStatus;
type Sample = unsafe extern "C" fn(*mut SsObj, *mut SsCtx, *const SsSampling, *mut SsValue) -> SsStatus;
type Call = unsafe extern "C" fn(*mut SsObj, *mut SsCtx, *const SsHookCall, *mut SsValue, u64) -> SsStatus;
type Info = unsafe extern "C" fn(*mut SsObj, *mut SsCtx, *mut SsValue) -> SsStatus;

impl Foreign {
    pub(super) fn has_fields(&self) -> bool {
        function!(self, SS_STRUCT, SsStruct, get).is_some()
    }

    pub(super) fn predict_function(&self) -> Option<Predict> {
        function!(self, SS_DENOISER, SsDenoiser, predict)
    }

    pub(super) fn sample_function(&self) -> Option<Sample> {
        function!(self, SS_SAMPLER, SsSampler, sample)
    }

    pub(super) fn call_function(&self) -> Option<Call> {
        function!(self, SS_MODEL_PATCH, SsModelPatch, call)
    }

    pub(super) fn info_function(&self) -> Option<Info> {
        function!(self, SS_MODEL, SsModel, info)
    }

    /// Calls a function with a context for a host.
    fn call(&self, ctx: Ctx, what: &str, function: &mut dyn FnMut(*mut SsCtx) -> SsStatus) -> Result<()> {
        match &self.caller {
            Some(caller) => caller.call(ctx, function),
            None => call_host(ctx, what, function),
        }
    }

    fn denoiser_info(&self) -> SsDenoiserInfo {
        let mut info = SsDenoiserInfo {
            struct_size: size_of::<SsDenoiserInfo>() as u32,
            prediction: SS_PREDICTION_EPSILON,
            channels: 0,
            reserved: 0,
            device: SsDLDevice { device_type: SS_DL_CPU, device_id: 0 },
            dtype: SsDLDataType::F32,
            sigma_min: 0.0,
            sigma_max: 0.0,
            sigmas: std::ptr::null(),
            n_sigmas: 0,
        };
        if let Some(ask) = function!(self, SS_DENOISER, SsDenoiser, info) {
            // SAFETY: the object is alive, and there is as much room as stated. One that fails says nothing.
            unsafe { ask(self.object().as_ptr(), &mut info) };
        }
        info
    }
}

fn lacks(what: &str) -> Error {
    Error::new(format!("an object lost its function `{what}`"))
}

/// A tensor that was given, perhaps; `given` is ours.
fn tensor(given: Exported, what: &str) -> Result<Option<Tensor>> {
    let Some(value) = import_owned(given)? else { return Ok(None) };
    match value.downcast::<Tensor>() {
        Some(tensor) => Ok(Some(Arc::unwrap_or_clone(tensor))),
        None => Err(Error::new(format!("{what} is {value}; expected a TENSOR"))),
    }
}

impl Foreign {
    /// A value that this object gave, with objects that are called as this one.
    fn of_the_same(&self, value: Value) -> Value {
        match (&value, &self.caller) {
            (Value::List(items), _) => Value::list(items.iter().map(|item| self.of_the_same(item.clone()))),
            (_, Some(caller)) => match value.downcast::<Foreign>() {
                Some(foreign) => Value::object(foreign.called_by(caller.clone())),
                None => value,
            },
            _ => value,
        }
    }
}

fn required(given: Exported, what: &str) -> Result<Tensor> {
    tensor(given, what)?.ok_or_else(|| Error::new(format!("{what} was not set")))
}

impl Fields for Foreign {
    fn names(&self) -> Vec<String> {
        let functions = function!(self, SS_STRUCT, SsStruct, len).zip(function!(self, SS_STRUCT, SsStruct, name));
        let Some((len, name)) = functions else { return Vec::new() };
        // SAFETY: the object is alive, and so are its names.
        unsafe {
            let object = self.object().as_ptr();
            let read = |i: u64| text(name(object, i)).ok().map(str::to_owned);
            (0..len(object).min(MOST)).filter_map(read).collect()
        }
    }

    fn field(&self, name: &str) -> Result<Option<Value>> {
        let get = function!(self, SS_STRUCT, SsStruct, get).ok_or_else(|| lacks("get"))?;
        let mut out = SsValue::NULL;
        // SAFETY: the object is alive, and the value can be written.
        let status = unsafe { get(self.object().as_ptr(), SsStr::new(name), &mut out) };
        // SAFETY: it was given.
        let field = unsafe { Exported::from_raw(out) };
        match status {
            SS_STATUS_OK => Ok(import_owned(field)?.map(|field| self.of_the_same(field))),
            SS_STATUS_NOT_FOUND => Ok(None),
            status => Err(Error::new(format!("`{name}` cannot be read (status {status})"))),
        }
    }
}

impl Denoiser for Foreign {
    fn info(&self) -> DenoiserInfo {
        let info = self.denoiser_info();
        DenoiserInfo { prediction: prediction(info.prediction), channels: info.channels as usize }
    }

    fn sigmas(&self) -> &[f64] {
        let info = self.denoiser_info();
        // SAFETY: the denoiser keeps them as long as it lives.
        unsafe { slice(info.sigmas, info.n_sigmas) }.unwrap_or_default()
    }

    fn predict(&self, ctx: Ctx, x: &Tensor, sigma: f64, with_uncond: bool) -> Result<Estimate> {
        let predict = self.predict_function().ok_or_else(|| lacks("predict"))?;
        let x = export(&Value::object(x.clone()));
        let (mut out, mut uncond) = (SsValue::NULL, SsValue::NULL);
        let to_uncond = if with_uncond { &raw mut uncond } else { std::ptr::null_mut() };
        let called = self.call(ctx, "predict", &mut |ctx| {
            // SAFETY: the object, the context and the value outlive the call; the results can be written.
            unsafe { predict(self.object().as_ptr(), ctx, x.as_raw(), sigma, &mut out, to_uncond) }
        });
        // SAFETY: they were given, whether it succeeded or not.
        let (out, uncond) = unsafe { (Exported::from_raw(out), Exported::from_raw(uncond)) };
        called?;
        Ok(Estimate { denoised: required(out, "the estimate")?, uncond: tensor(uncond, "the unconditional estimate")? })
    }

    fn bytes(&self) -> u64 {
        self.object().bytes()
    }
}

impl Sampler for Foreign {
    fn sample(&self, ctx: Ctx, sampling: Sampling) -> Result<Tensor> {
        let sample = self.sample_function().ok_or_else(|| lacks("sample"))?;
        let denoiser = export(&Value::Object(sampling.denoiser.object().clone()));
        let x = export(&Value::object(sampling.x));
        let table = SsSampling {
            struct_size: size_of::<SsSampling>() as u32,
            flags: 0,
            // SAFETY: it was made of an object.
            denoiser: unsafe { denoiser.as_raw().v.o },
            x: x.as_raw(),
            sigmas: sampling.sigmas.as_ptr(),
            n_sigmas: sampling.sigmas.len() as u64,
            seed: sampling.seed,
        };
        let mut out = SsValue::NULL;
        let called = self.call(ctx, "sample", &mut |ctx| {
            // SAFETY: all that is lent outlives the call; the result can be written.
            unsafe { sample(self.object().as_ptr(), ctx, &table, &mut out) }
        });
        // SAFETY: it was given, whether it succeeded or not.
        let out = unsafe { Exported::from_raw(out) };
        called?;
        required(out, "what the sampler gave")
    }

    fn bytes(&self) -> u64 {
        self.object().bytes()
    }
}

impl ModelPatch for Foreign {
    fn hooks(&self) -> Result<Vec<Hook>> {
        let hooks = function!(self, SS_MODEL_PATCH, SsModelPatch, hooks).ok_or_else(|| lacks("hooks"))?;
        let (mut tables, mut count) = (std::ptr::null(), 0);
        // SAFETY: the object is alive, both can be written, and what they point at lives as long as the object.
        unsafe {
            match hooks(self.object().as_ptr(), &mut tables, &mut count) {
                SS_STATUS_OK if count > MOST => Err(Error::new(format!("a patch with {count} hooks"))),
                SS_STATUS_OK => slice(tables, count)?.iter().map(|table| read(*table)).collect(),
                status => Err(Error::new(format!("a patch does not say where it works (status {status})"))),
            }
        }
    }

    fn call(&self, ctx: Ctx, call: &HookCall) -> Result<Vec<Tensor>> {
        let function = self.call_function().ok_or_else(|| lacks("call"))?;
        let rows: Vec<SsRow> = call.rows.iter().map(row_table).collect();
        let inputs: Vec<Exported> = call.inputs.iter().map(|input| export(&Value::object(input.clone()))).collect();
        let inputs: Vec<SsValue> = inputs.iter().map(Exported::as_raw).collect();
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let table = SsHookCall {
            struct_size: size_of::<SsHookCall>() as u32,
            hook: number(call.hook),
            site: site_number(call.site),
            layer: number(call.layer),
            place: SsStr::new(call.place),
            heads: number(call.heads),
            hidden: number(call.hidden),
            context: number(call.context),
            latent_height: number(call.latent[0]),
            latent_width: number(call.latent[1]),
            reserved: 0,
            sigma: call.sigma,
            rows: rows.as_ptr(),
            n_rows: rows.len() as u64,
            inputs: inputs.as_ptr(),
            n_inputs: inputs.len() as u64,
        };
        let mut outputs = vec![SsValue::NULL; if call.site == Site::AttentionAdd { 2 } else { 1 }];
        let called = Foreign::call(self, ctx, "call", &mut |ctx| {
            let n_outputs = outputs.len() as u64;
            // SAFETY: all that is lent outlives the call; there are as many places for results.
            unsafe { function(self.object().as_ptr(), ctx, &table, outputs.as_mut_ptr(), n_outputs) }
        });
        // SAFETY: they were given, whether it succeeded or not.
        let outputs: Vec<Exported> = outputs.into_iter().map(|value| unsafe { Exported::from_raw(value) }).collect();
        called?;
        let outputs = outputs.into_iter().map(|output| tensor(output, "an output of a patch"));
        let given = outputs.collect::<Result<Vec<_>>>()?;
        let count = given.iter().take_while(|output| output.is_some()).count();
        if given.iter().flatten().count() > count {
            return Err(Error::new("a patch left out an output before the last one"));
        }
        Ok(given.into_iter().flatten().collect())
    }

    fn bytes(&self) -> u64 {
        self.object().bytes()
    }
}

impl Model for Foreign {
    fn info(&self, ctx: Ctx) -> Result<ModelInfo> {
        let info = self.info_function().ok_or_else(|| lacks("info"))?;
        let mut out = SsValue::NULL;
        let called = self.call(ctx, "info", &mut |ctx| {
            // SAFETY: the object and the context outlive the call; the result can be written.
            unsafe { info(self.object().as_ptr(), ctx, &mut out) }
        });
        // SAFETY: it was given, whether it succeeded or not.
        let out = unsafe { Exported::from_raw(out) };
        called?;
        let info = import_owned(out)?.ok_or_else(|| Error::new("nothing is told of a MODEL"))?;
        let words = |value: &Value, name: &str| match value.field(name)? {
            Value::Text(words) => Ok(words.as_ref().to_owned()),
            other => Err(Error::new(format!("`{name}` of a MODEL is {other}; expected a STRING"))),
        };
        let number = |value: &Value, name: &str| match value.field(name)? {
            Value::Int(number) if u32::try_from(number).is_ok() => Ok(number as u32),
            other => Err(Error::new(format!("`{name}` of a MODEL is {other}; expected an INT"))),
        };
        let layers = match info.field("layers")? {
            Value::List(layers) => layers,
            other => return Err(Error::new(format!("`layers` of a MODEL is {other}; expected a LIST"))),
        };
        let layer = |layer: &Value| {
            Ok(LayerInfo {
                path: words(layer, "path")?,
                heads: number(layer, "heads")? as usize,
                hidden: number(layer, "hidden")? as usize,
                context: number(layer, "context")? as usize,
            })
        };
        Ok(ModelInfo {
            family: words(&info, "family")?,
            prediction: prediction(number(&info, "prediction")?),
            layers: layers.iter().map(layer).collect::<Result<_>>()?,
        })
    }
}

fn prediction(number: u32) -> Prediction {
    match number {
        SS_PREDICTION_V => Prediction::Velocity,
        SS_PREDICTION_SAMPLE => Prediction::Sample,
        SS_PREDICTION_LCM => Prediction::LcmEpsilon,
        _ => Prediction::Epsilon,
    }
}
