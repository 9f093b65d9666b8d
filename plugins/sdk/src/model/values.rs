//! Objects with these traits as values on wires.

use super::{Denoiser, Model, ModelPatch, Sampler};
use crate::{Ctx, Error, FromValue, IntoValue, Object, Result, Tensor, Type, Value};
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

macro_rules! handle {
    ($(#[doc = $doc:literal])+ $name:ident, $constant:ident, $interface:ident, $as:ident) => {
        $(#[doc = $doc])+
        #[derive(Clone)]
        pub struct $name(Arc<dyn Object>);

        impl $name {
            /// An object as such a value.
            ///
            /// # Errors
            /// If it is none.
            pub fn of(object: Arc<dyn Object>) -> Result<Self> {
                let is_one = object.type_name() == stringify!($constant) && object.$as().is_some();
                let expected = || Error::new(format!("expected {}, got {}", stringify!($constant), Value::Object(object.clone())));
                if is_one { Ok($name(object)) } else { Err(expected()) }
            }

            /// The object.
            pub fn object(&self) -> &Arc<dyn Object> {
                &self.0
            }
        }

        impl Deref for $name {
            type Target = dyn $interface;

            fn deref(&self) -> &Self::Target {
                self.0.$as().expect("`of` and `new` take only what has it")
            }
        }

        impl FromValue for $name {
            fn ty() -> Type {
                Type::$constant
            }

            fn from_value(value: &Value) -> Result<Self> {
                match value {
                    Value::Object(object) => Self::of(object.clone()),
                    other => Err(Error::new(format!("expected {}, got {other}", stringify!($constant)))),
                }
            }
        }

        impl IntoValue for $name {
            fn ty() -> Type {
                Type::$constant
            }

            fn into_value(self) -> Value {
                Value::Object(self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// What makes a value of one's own.
macro_rules! make {
    ($name:ident, $constant:ident, $interface:ident, $as:ident) => {
        impl $name {
            /// A value of one's own.
            pub fn new(made: impl $interface) -> Self {
                struct Made<T>(T);

                impl<T: $interface> Object for Made<T> {
                    fn type_name(&self) -> Cow<'_, str> {
                        Cow::Borrowed(stringify!($constant))
                    }

                    fn bytes(&self) -> u64 {
                        self.0.bytes()
                    }

                    fn is_lost(&self) -> bool {
                        self.0.is_lost()
                    }

                    fn summary(&self) -> String {
                        // `selfsame_samples::heun::Heun` is Heun.
                        let name = std::any::type_name::<T>();
                        name.rsplit("::").next().unwrap_or(name).to_owned()
                    }

                    fn $as(&self) -> Option<&dyn $interface> {
                        Some(&self.0)
                    }
                }

                $name(Arc::new(Made(made)))
            }
        }
    };
}

handle!(
    /// A DENOISER: anything that is a [`Denoiser`].
    DenoiserValue, DENOISER, Denoiser, as_denoiser
);
make!(DenoiserValue, DENOISER, Denoiser, as_denoiser);
handle!(
    /// A SAMPLER: anything that is a [`Sampler`].
    SamplerValue, SAMPLER, Sampler, as_sampler
);
make!(SamplerValue, SAMPLER, Sampler, as_sampler);
handle!(
    /// A MODEL_PATCH: anything that is a [`ModelPatch`].
    ModelPatchValue, MODEL_PATCH, ModelPatch, as_model_patch
);
make!(ModelPatchValue, MODEL_PATCH, ModelPatch, as_model_patch);
handle!(
    /// A MODEL. Only the host makes those.
    ModelValue, MODEL, Model, as_model
);

impl DenoiserValue {
    /// The estimate of the clean latents, see [`Denoiser::predict`].
    ///
    /// # Errors
    /// As there.
    pub fn denoise(&self, ctx: Ctx, x: &Tensor, sigma: f64) -> Result<Tensor> {
        Ok(self.predict(ctx, x, sigma, false)?.denoised)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DenoiserInfo, Estimate, Prediction, Sampling};
    use crate::testing::TestHost;

    struct Half;

    impl Denoiser for Half {
        fn info(&self) -> DenoiserInfo {
            DenoiserInfo { prediction: Prediction::Sample, channels: 1 }
        }

        fn sigmas(&self) -> &[f64] {
            &[0.1, 1.0]
        }

        fn predict(&self, _: Ctx, x: &Tensor, _: f64, _: bool) -> Result<Estimate> {
            let halves = x.data().iter().map(|x| x / 2.0).collect();
            Ok(Estimate { denoised: Tensor::new(x.shape(), halves)?, uncond: None })
        }
    }

    struct Once;

    impl Sampler for Once {
        fn sample(&self, ctx: Ctx, sampling: Sampling) -> Result<Tensor> {
            sampling.denoiser.denoise(ctx, &sampling.x, sampling.sigmas[0])
        }
    }

    #[test]
    fn a_rule_of_ones_own_is_a_value() {
        let host = TestHost::new();
        let (denoiser, sampler) = (DenoiserValue::new(Half), SamplerValue::new(Once).into_value());
        assert_eq!(sampler.to_string(), "SAMPLER (Once)");
        let again = SamplerValue::from_value(&sampler).unwrap();
        let x = Tensor::new([1, 1, 1, 2], vec![2.0, -1.0]).unwrap();
        let sampling = Sampling { denoiser: &denoiser, x, sigmas: &[1.0, 0.0], seed: 0 };
        assert_eq!(again.sample(host.ctx(), sampling).unwrap().data(), [1.0, -0.5]);
        let error = DenoiserValue::from_value(&sampler).unwrap_err();
        assert_eq!(error.message, "expected DENOISER, got SAMPLER (Once)");
    }
}
