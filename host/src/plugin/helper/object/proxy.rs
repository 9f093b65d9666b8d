//! Objects of the other side as they are seen on this one.

use super::super::value::Handle;
use super::{Call, HookText, HookedCall, Reply, tensor};
use selfsame_sdk::{
    Ctx, Denoiser, DenoiserInfo, Error, Estimate, Fields, Hook, HookCall, Mask, Model, ModelInfo, ModelPatch, Object,
    Prediction, Result, Sampler, Sampling, Slot, Tensor, Value,
};
use std::borrow::Cow;
use std::sync::Arc;

/// The other side.
pub trait Peer: Send + Sync + 'static {
    /// Calls a function of an object that it has.
    ///
    /// # Errors
    /// What the function gives; if the other side is gone.
    fn call(&self, ctx: Option<Ctx>, number: u64, call: Call, values: Vec<Slot>) -> Result<(Reply, Vec<Slot>)>;

    /// Nobody here holds the object any more.
    fn release(&self, number: u64);

    /// Whether it is gone, and its objects with it.
    fn is_gone(&self) -> bool;
}

/// An object of the other side.
pub struct Proxy<P: Peer> {
    pub peer: P,
    pub handle: Handle,
}

impl<P: Peer> Proxy<P> {
    fn ask(&self, ctx: Option<Ctx>, call: Call, values: Vec<Slot>) -> Result<(Reply, Vec<Slot>)> {
        self.peer.call(ctx, self.handle.number, call, values)
    }
}

fn other<T>() -> Result<T> {
    Err(Error::new("the other process gives another answer"))
}

impl<P: Peer> Object for Proxy<P> {
    fn type_name(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.handle.type_name)
    }

    fn bytes(&self) -> u64 {
        self.handle.bytes
    }

    fn summary(&self) -> String {
        self.handle.summary.clone()
    }

    fn is_lost(&self) -> bool {
        self.peer.is_gone()
    }

    fn as_fields(&self) -> Option<&dyn Fields> {
        self.handle.offers.fields.then_some(self)
    }

    fn as_denoiser(&self) -> Option<&dyn Denoiser> {
        self.handle.offers.denoiser.as_ref().map(|_| self as &dyn Denoiser)
    }

    fn as_sampler(&self) -> Option<&dyn Sampler> {
        self.handle.offers.sampler.then_some(self)
    }

    fn as_model_patch(&self) -> Option<&dyn ModelPatch> {
        self.handle.offers.patch.then_some(self)
    }

    fn as_model(&self) -> Option<&dyn Model> {
        self.handle.offers.model.then_some(self)
    }
}

impl<P: Peer> Drop for Proxy<P> {
    fn drop(&mut self) {
        self.peer.release(self.handle.number);
    }
}

impl<P: Peer> Fields for Proxy<P> {
    fn names(&self) -> Vec<String> {
        match self.ask(None, Call::Names, Vec::new()) {
            Ok((Reply::Names(names), _)) => names,
            _ => Vec::new(),
        }
    }

    fn field(&self, name: &str) -> Result<Option<Value>> {
        match self.ask(None, Call::Field(name.to_owned()), Vec::new())? {
            (Reply::Values, values) => Ok(match values.into_iter().next() {
                Some(Slot::Value(value)) => Some(value),
                _ => None,
            }),
            _ => other(),
        }
    }
}

impl<P: Peer> Denoiser for Proxy<P> {
    fn info(&self) -> DenoiserInfo {
        let known = self.handle.offers.denoiser.as_ref().map(|(info, _)| *info);
        known.unwrap_or(DenoiserInfo { prediction: Prediction::Epsilon, channels: 0 })
    }

    fn sigmas(&self) -> &[f64] {
        self.handle.offers.denoiser.as_ref().map_or(&[], |(_, sigmas)| sigmas)
    }

    fn predict(&self, ctx: Ctx, x: &Tensor, sigma: f64, with_uncond: bool) -> Result<Estimate> {
        let x = vec![Slot::Value(Value::object(x.clone()))];
        let (_, values) = self.ask(Some(ctx), Call::Predict { sigma, with_uncond }, x)?;
        let uncond = matches!(values.get(1), Some(Slot::Value(_))).then(|| tensor(&values, 1)).transpose()?;
        Ok(Estimate { denoised: tensor(&values, 0)?, uncond })
    }

    fn bytes(&self) -> u64 {
        self.handle.bytes
    }
}

impl<P: Peer> Sampler for Proxy<P> {
    fn sample(&self, ctx: Ctx, sampling: Sampling) -> Result<Tensor> {
        let Sampling { denoiser, x, sigmas, seed } = sampling;
        let values = [Value::Object(denoiser.object().clone()), Value::object(x)].map(Slot::Value).to_vec();
        let (_, values) = self.ask(Some(ctx), Call::Sample { sigmas: sigmas.to_vec(), seed }, values)?;
        tensor(&values, 0)
    }

    fn bytes(&self) -> u64 {
        self.handle.bytes
    }
}

impl<P: Peer> ModelPatch for Proxy<P> {
    fn hooks(&self) -> Result<Vec<Hook>> {
        let (Reply::Hooks(hooks), masks) = self.ask(None, Call::Hooks, Vec::new())? else { return other() };
        let whole = |(hook, mask): (HookText, Slot)| {
            let HookText { site, places, priority, start, end, weights, resize } = hook;
            let mask = match mask {
                Slot::Value(mask) => match mask.downcast::<Mask>() {
                    Some(mask) => Some(Arc::unwrap_or_clone(mask)),
                    None => return other(),
                },
                _ => None,
            };
            Ok(Hook { site, places, priority, start, end, weights, mask, resize })
        };
        if hooks.len() != masks.len() {
            return other();
        }
        hooks.into_iter().zip(masks).map(whole).collect()
    }

    fn call(&self, ctx: Ctx, call: &HookCall) -> Result<Vec<Tensor>> {
        let inputs = call.inputs.iter().map(|input| Slot::Value(Value::object(input.clone()))).collect();
        let call = HookedCall {
            hook: call.hook as u64,
            site: call.site,
            layer: call.layer as u64,
            place: call.place.to_owned(),
            heads: call.heads as u64,
            hidden: call.hidden as u64,
            context: call.context as u64,
            latent: call.latent.map(|size| size as u64),
            sigma: call.sigma,
            rows: call.rows.to_vec(),
        };
        let (_, values) = self.ask(Some(ctx), Call::Hook(call), inputs)?;
        (0..values.len()).map(|i| tensor(&values, i)).collect()
    }

    fn bytes(&self) -> u64 {
        self.handle.bytes
    }
}

impl<P: Peer> Model for Proxy<P> {
    fn info(&self, ctx: Ctx) -> Result<ModelInfo> {
        match self.ask(Some(ctx), Call::Info, Vec::new())? {
            (Reply::Info(info), _) => Ok(info),
            _ => other(),
        }
    }
}
