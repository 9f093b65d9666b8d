//! Recorded pictures as this crate's types, and comparisons.

use super::case::{Case, Outcome};
use candle_core::{DType, Device, Tensor};
use selfsame_nodes::image::bytes::Bytes;
use std::error::Error;

/// A recorded picture `[H, W, 3]` or `[H, W]` of bytes.
pub fn picture(case: &Case, name: &str) -> Result<Bytes, Box<dyn Error>> {
    let tensor = case.stored(name)?;
    let channels = if tensor.rank() == 3 { tensor.dim(2)? } else { 1 };
    let data = tensor.flatten_all()?.to_dtype(DType::U8)?.to_vec1()?;
    Ok(Bytes::new([tensor.dim(1)?, tensor.dim(0)?], channels, data).map_err(|e| e.to_string())?)
}

/// Compares a picture with a recorded one, to the byte.
pub fn check(case: &Case, name: &str, got: &Bytes) -> Outcome {
    check_within(case, name, got, 0.0)
}

/// Compares a picture with a recorded one, by levels of 8 bits.
pub fn check_within(case: &Case, name: &str, got: &Bytes, levels: f64) -> Outcome {
    let ([width, height], channels) = (got.size(), got.channels());
    let shape = if case.stored(name)?.rank() == 2 { vec![height, width] } else { vec![height, width, channels] };
    case.check_within(name, &Tensor::from_slice(got.data(), shape, &Device::Cpu)?, levels)
}

/// Compares numbers with recorded ones of any shape.
pub fn check_numbers(case: &Case, name: &str, got: Vec<f64>, tolerance: f64) -> Outcome {
    let shape = case.stored(name)?.shape().clone();
    if shape.elem_count() != got.len() {
        return Err(format!("{name}: expected {shape:?}, got {} numbers", got.len()).into());
    }
    case.check_within(name, &Tensor::from_vec(got, shape, &Device::Cpu)?, tolerance)
}

/// What f32 itself allows where the index states no tolerance.
pub fn rounding(case: &Case, name: &str) -> f64 {
    4e-6 * case.max_abs(name).unwrap_or(1.0).max(1.0)
}

/// The five recorded points of a tensor.
pub fn points(case: &Case, name: &str) -> Result<[[f64; 2]; 5], Box<dyn Error>> {
    let numbers = case.numbers(name)?;
    let (pairs, []) = numbers.as_chunks::<2>() else { return Err(format!("{name} has no pairs").into()) };
    Ok(pairs.try_into().map_err(|_| format!("{name}: expected 5 points, got {}", pairs.len()))?)
}

/// The picture of a file beside the cases.
pub fn file(case: &Case, key: &str) -> Result<Bytes, Box<dyn Error>> {
    let path = case.goldens().join(case.text(key)?);
    let decoded = selfsame_nodes::image::decode::decode(&std::fs::read(&path)?).map_err(|e| e.to_string())?;
    let mut frames = Bytes::frames(decoded.image, 3).map_err(|e| e.to_string())?;
    frames.pop().ok_or_else(|| format!("{} is empty", path.display()).into())
}
