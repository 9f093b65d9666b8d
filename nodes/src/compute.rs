//! Where nodes compute.

use crate::wires::{from_device, to_device};
use candle_core::{DType, Device};
use selfsame_models::{Meter, Work, ops};
use selfsame_sdk::{Ctx, Error, Result, Status, Tensor};

/// The device of a run, and the type of weights on it. Nodes get it with `ctx.get::<Compute>()`.
#[derive(Clone, Debug)]
pub struct Compute {
    /// The device.
    pub device: Device,
    /// f16 on CUDA, f32 on the CPU.
    pub dtype: DType,
}

impl Compute {
    /// The CPU.
    pub fn cpu() -> Self {
        Compute { device: Device::Cpu, dtype: DType::F32 }
    }

    /// `x [.., in]` times `weight [out, in]` transposed, `[.., out]`: what a network would give, to the bit.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn linear(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let fits = match (x.shape(), weight.shape()) {
            ([.., _, inputs], [_, reads]) => inputs == reads,
            _ => false,
        };
        if !fits {
            let message = format!("expected x [.., n, in] and a weight [out, in], got {x:?} and {weight:?}");
            return Err(Error::with(Status::InvalidArgument, message));
        }
        let moved = |tensor: &Tensor| -> Result<_> { Ok(to_device(tensor, &self.device)?.to_dtype(self.dtype)?) };
        from_device(&ops::linear(&moved(x)?, &moved(weight)?, None)?)
    }
}

/// Does a piece of work on the device of the run, so that a host that asks for it learns what it takes.
pub(crate) fn measure<T>(ctx: Ctx, work: Work, run: impl FnOnce() -> Result<T>) -> Result<T> {
    let compute: &Compute = ctx.get()?;
    // A host without a meter does not want to know.
    match ctx.get::<Meter>() {
        Ok(meter) => meter.measure(work, &compute.device, run),
        Err(_) => run(),
    }
}
