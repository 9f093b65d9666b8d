//! Where nodes compute.

use candle_core::{DType, Device};
use selfsame_models::{Meter, Work};
use selfsame_sdk::{Ctx, Result};

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
