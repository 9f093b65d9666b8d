//! Objects whose functions are called from the other side: denoisers, samplers, model patches, models, and what shows values by
//! name. The object stays where it is; here it is a number that answers like it.

mod proxy;

pub use proxy::{Peer, Proxy};
use selfsame_sdk::{
    Ctx, DenoiserInfo, DenoiserValue, Error, Estimate, Hook, HookCall, MaskResize, ModelInfo, Object, Result, Row,
    Sampling, Site, Slot, Status, Tensor, Value,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What an object offers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Offers {
    pub fields: bool,
    /// What the denoiser is, and the noise levels of its network: both are asked for without a call.
    pub denoiser: Option<(DenoiserInfo, Vec<f64>)>,
    pub sampler: bool,
    pub patch: bool,
    pub model: bool,
}

impl Offers {
    pub fn of(object: &dyn Object) -> Self {
        Offers {
            fields: object.as_fields().is_some(),
            denoiser: object.as_denoiser().map(|denoiser| (denoiser.info(), denoiser.sigmas().to_vec())),
            sampler: object.as_sampler().is_some(),
            patch: object.as_model_patch().is_some(),
            model: object.as_model().is_some(),
        }
    }
}

/// A call of one of its functions. Tensors and objects follow as values.
#[derive(Debug, Serialize, Deserialize)]
pub enum Call {
    Names,
    Field(String),
    /// `x` follows.
    Predict {
        sigma: f64,
        with_uncond: bool,
    },
    /// The denoiser and `x` follow.
    Sample {
        sigmas: Vec<f64>,
        seed: u64,
    },
    Hooks,
    /// The inputs follow.
    Hook(HookedCall),
    Info,
}

/// A [`HookCall`] without its inputs.
#[derive(Debug, Serialize, Deserialize)]
pub struct HookedCall {
    hook: u64,
    site: Site,
    layer: u64,
    place: String,
    heads: u64,
    hidden: u64,
    context: u64,
    latent: [u64; 2],
    sigma: f64,
    rows: Vec<Row>,
}

/// What a call gives.
#[derive(Debug, Serialize, Deserialize)]
pub enum Reply {
    /// Nothing but the values that follow.
    Values,
    Names(Vec<String>),
    /// A mask follows for each, or nothing.
    Hooks(Vec<HookText>),
    Info(ModelInfo),
}

/// A [`Hook`] without its mask.
#[derive(Debug, Serialize, Deserialize)]
pub struct HookText {
    site: Site,
    places: String,
    priority: i32,
    start: f64,
    end: f64,
    weights: Vec<f64>,
    resize: MaskResize,
}

/// Calls a function of an object of this side. What needs a host fails without one.
///
/// # Errors
/// What the function gives; if the object does not offer it.
pub fn perform(object: &dyn Object, ctx: Option<Ctx>, call: Call, values: &[Slot]) -> Result<(Reply, Vec<Slot>)> {
    let lacks = || Error::new(format!("{} does not offer what is asked of it", object.type_name()));
    let host = || ctx.ok_or_else(|| Error::with(Status::Unsupported, "this can only be asked during a call"));
    let given = |tensor: Tensor| Slot::Value(Value::object(tensor));
    let values_of = |slots: Vec<Slot>| Ok((Reply::Values, slots));
    match call {
        Call::Names => Ok((Reply::Names(object.as_fields().ok_or_else(lacks)?.names()), Vec::new())),
        Call::Field(name) => {
            let field = object.as_fields().ok_or_else(lacks)?.field(&name)?;
            values_of(vec![field.map_or(Slot::Unset, Slot::Value)])
        }
        Call::Predict { sigma, with_uncond } => {
            let denoiser = object.as_denoiser().ok_or_else(lacks)?;
            let Estimate { denoised, uncond } = denoiser.predict(host()?, &tensor(values, 0)?, sigma, with_uncond)?;
            values_of(vec![given(denoised), uncond.map_or(Slot::Unset, given)])
        }
        Call::Sample { sigmas, seed } => {
            let sampler = object.as_sampler().ok_or_else(lacks)?;
            let Some(Slot::Value(Value::Object(denoiser))) = values.first() else {
                return Err(Error::new("a sampling without a denoiser"));
            };
            let denoiser = &DenoiserValue::of(denoiser.clone())?;
            let sampling = Sampling { denoiser, x: tensor(values, 1)?, sigmas: &sigmas, seed };
            values_of(vec![given(sampler.sample(host()?, sampling)?)])
        }
        Call::Hooks => {
            let hooks = object.as_model_patch().ok_or_else(lacks)?.hooks()?;
            let part = |hook: Hook| {
                let Hook { site, places, priority, start, end, weights, mask, resize } = hook;
                let mask = mask.map_or(Slot::Unset, |mask| Slot::Value(Value::object(mask)));
                (HookText { site, places, priority, start, end, weights, resize }, mask)
            };
            let (hooks, masks) = hooks.into_iter().map(part).unzip();
            Ok((Reply::Hooks(hooks), masks))
        }
        Call::Hook(call) => {
            let patch = object.as_model_patch().ok_or_else(lacks)?;
            let inputs = (0..values.len()).map(|i| tensor(values, i)).collect::<Result<Vec<_>>>()?;
            let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            let call = HookCall {
                hook: number(call.hook),
                site: call.site,
                layer: number(call.layer),
                place: &call.place,
                heads: number(call.heads),
                hidden: number(call.hidden),
                context: number(call.context),
                latent: call.latent.map(number),
                sigma: call.sigma,
                rows: &call.rows,
                inputs: &inputs,
            };
            values_of(patch.call(host()?, &call)?.into_iter().map(given).collect())
        }
        Call::Info => Ok((Reply::Info(object.as_model().ok_or_else(lacks)?.info(host()?)?), Vec::new())),
    }
}

/// The tensor at this place among values.
///
/// # Errors
/// If there is none.
pub fn tensor(values: &[Slot], index: usize) -> Result<Tensor> {
    let found = match values.get(index) {
        Some(Slot::Value(value)) => value.downcast::<Tensor>(),
        _ => None,
    };
    found.map(Arc::unwrap_or_clone).ok_or_else(|| Error::new(format!("no TENSOR as value {index}")))
}
