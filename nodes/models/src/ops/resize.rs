//! Bilinear resizing of masks and latents.

use crate::Result;
use candle_core::{DType, Device, Tensor};

/// Where an output pixel samples the input: two neighbours and the weight of the second.
struct Tap {
    first: usize,
    second: usize,
    weight: f32,
}

/// Pixel centres are aligned at half-integers, the edge repeats: `F.interpolate(mode="bilinear", align_corners=False)` of torch.
fn taps(from: usize, to: usize) -> Vec<Tap> {
    let scale = from as f32 / to as f32;
    let tap = |i: usize| {
        let position = ((i as f32 + 0.5) * scale - 0.5).max(0.0);
        let first = (position as usize).min(from - 1);
        Tap { first, second: (first + 1).min(from - 1), weight: position - first as f32 }
    };
    (0..to).map(tap).collect()
}

/// Resizes `[B, C, h, w]` to `height × width` by linear interpolation without smoothing.
///
/// Runs on the host: masks and latents are small. An empty input or output is returned as zeros.
pub fn resize_bilinear(x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    let (batch, channels, h, w) = x.dims4()?;
    if (h, w) == (height, width) {
        return Ok(x.clone());
    }
    if x.elem_count() == 0 || height * width == 0 {
        return Ok(Tensor::zeros((batch, channels, height, width), x.dtype(), x.device())?);
    }
    let source = x.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
    let (rows, columns) = (taps(h, height), taps(w, width));
    let mut out = Vec::with_capacity(batch * channels * height * width);
    for plane in source.chunks_exact(h * w) {
        for row in &rows {
            let (top, bottom) = (&plane[row.first * w..][..w], &plane[row.second * w..][..w]);
            let lerp = |line: &[f32], c: &Tap| line[c.first] * (1.0 - c.weight) + line[c.second] * c.weight;
            out.extend(columns.iter().map(|c| lerp(top, c) * (1.0 - row.weight) + lerp(bottom, c) * row.weight));
        }
    }
    Ok(Tensor::from_vec(out, (batch, channels, height, width), x.device())?.to_dtype(x.dtype())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values from `torch.nn.functional.interpolate(torch.arange(6.).view(1, 1, 2, 3), (3, 2), mode="bilinear")`.
    #[test]
    fn agrees_with_torch() {
        let x = Tensor::arange(0f32, 6.0, &Device::Cpu).unwrap().reshape((1, 1, 2, 3)).unwrap();
        let y = resize_bilinear(&x, 3, 2).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(y, [0.25, 1.75, 1.75, 3.25, 3.25, 4.75]);
    }
}
