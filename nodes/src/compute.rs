//! Where nodes compute.

use candle_core::{DType, Device};

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
