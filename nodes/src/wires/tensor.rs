//! Between the wires and a device.

use candle_core as candle;
use candle_core::{DType, Device};
use selfsame_sdk::{Image, Result, Tensor};

/// A tensor on a device, f32 and of the same shape.
///
/// # Errors
/// If the device has no room.
pub fn to_device(tensor: &Tensor, device: &Device) -> Result<candle::Tensor> {
    Ok(candle::Tensor::from_slice(tensor.data(), tensor.shape(), device)?)
}

/// A tensor from a device, as f32.
///
/// # Errors
/// If the device fails.
pub fn from_device(tensor: &candle::Tensor) -> Result<Tensor> {
    let data = tensor.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
    Tensor::new(tensor.dims(), data)
}

/// Pictures `[B,H,W,3]` as `[B,3,H,W]` in 0..1 on a device; gray ones get three equal channels, alpha is left out.
///
/// # Errors
/// If the device has no room.
pub fn image_to_device(image: &Image, device: &Device) -> Result<candle::Tensor> {
    let tensor = to_device(image.tensor(), &Device::Cpu)?;
    let tensor = match image.channels() {
        1 => candle::Tensor::cat(&[&tensor, &tensor, &tensor], 3)?,
        _ => tensor.narrow(3, 0, 3)?,
    };
    Ok(tensor.permute((0, 3, 1, 2))?.contiguous()?.to_device(device)?)
}

/// `[B,3,H,W]` in 0..1 as pictures; values beyond are clamped.
///
/// # Errors
/// If the device fails.
pub fn image_from_device(tensor: &candle::Tensor) -> Result<Image> {
    let tensor = tensor.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.clamp(0f32, 1f32)?;
    Image::from_tensor(from_device(&tensor.permute((0, 2, 3, 1))?.contiguous()?)?)
}
