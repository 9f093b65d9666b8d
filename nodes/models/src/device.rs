//! Choosing a device, and setting a CUDA device up so that it is neither racy nor slow.

use crate::Result;
use candle_core::{DType, Device};

/// The first CUDA device if this build can use one and there is one, else the CPU; with the dtype that weights have there.
///
/// Weights are f16 on CUDA (statistics, softmax and sampler state stay f32) and f32 on the CPU. Autoencoders have a rule of their
/// own: [`AutoencoderKlConfig::force_upcast`](crate::vae::AutoencoderKlConfig::force_upcast).
///
/// # Errors
/// When the driver refuses the device.
pub fn best_device() -> Result<(Device, DType)> {
    if candle_core::utils::cuda_is_available() {
        Ok((cuda_device(0)?, DType::F16))
    } else {
        Ok((Device::Cpu, DType::F32))
    }
}

/// CUDA device `ordinal` on one stream of its own.
///
/// **Why not [`Device::new_cuda`]**: that uses CUDA's per-thread default stream, so tensors that two threads share would race. With
/// one stream for all threads no event tracking is needed either, and the memory pool is told to keep what is freed: its
/// default gives everything back to the driver at each synchronisation.
///
/// # Errors
/// When this build has no CUDA support, there is no such device, or the driver refuses it.
pub fn cuda_device(ordinal: usize) -> Result<Device> {
    let device = Device::new_cuda_with_stream(ordinal)?;
    #[cfg(feature = "cuda")]
    if let Device::Cuda(cuda) = &device {
        // SAFETY: every tensor of this device is used on its one stream, in order, so there is nothing to track.
        unsafe { cuda.disable_event_tracking() };
        keep_freed_memory(ordinal)?;
    }
    Ok(device)
}

/// Bytes of a CUDA device's memory that are taken, by this program or another; none on the CPU.
pub(crate) fn memory_in_use(device: &Device) -> Option<u64> {
    match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(cuda) => {
            let (free, total) = cuda.cuda_stream().context().mem_get_info().ok()?;
            Some(total.saturating_sub(free) as u64)
        }
        _ => None,
    }
}

/// Raises the release threshold of the device's memory pool from 0 to the most there is.
#[cfg(feature = "cuda")]
fn keep_freed_memory(ordinal: usize) -> Result<()> {
    use candle_core::cuda_backend::WrapErr;
    use candle_core::cuda_backend::cudarc::driver::{result, sys};
    let ordinal = i32::try_from(ordinal)
        .map_err(|_| crate::Error::input("CUDA device", "a small number", ordinal.to_string()))?;
    let mut threshold = u64::MAX;
    let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
    let device = result::device::get(ordinal).w()?;
    // SAFETY: the device exists (a context was made on it), its default pool lives as long as it does, and the attribute is a u64.
    unsafe {
        let pool = result::device::get_default_mem_pool(device).w()?;
        result::mem_pool::set_attribute(pool, attribute, (&raw mut threshold).cast()).w()?;
    }
    Ok(())
}
