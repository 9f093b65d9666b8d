//! Resizing as a product with a narrow matrix for each axis, so that it runs where the maps are.
//!
//! **Source**: torch's `F.interpolate`.

use crate::Result;
use candle_core::{Device, Tensor};

/// How much each of `from` values counts in each of `to`: row-major `[to, from]`.
pub type Kernel = fn(from: usize, to: usize) -> Vec<f32>;

/// `mode="bilinear", align_corners=True`.
pub fn aligned(from: usize, to: usize) -> Vec<f32> {
    let scale = if to > 1 { (from - 1) as f32 / (to - 1) as f32 } else { 0.0 };
    let mut weights = vec![0.0; to * from];
    for (i, row) in weights.chunks_exact_mut(from).enumerate() {
        let position = i as f32 * scale;
        let first = (position as usize).min(from - 1);
        let fraction = position - first as f32;
        row[first] += 1.0 - fraction;
        row[(first + 1).min(from - 1)] += fraction;
    }
    weights
}

/// `mode="bicubic", align_corners=False`: a cubic with a = -0.75, the borders repeat, nothing is smoothed.
pub fn cubic(from: usize, to: usize) -> Vec<f32> {
    const A: f32 = -0.75;
    let near = |x: f32| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    let far = |x: f32| ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
    let scale = from as f32 / to as f32;
    let mut weights = vec![0.0; to * from];
    for (i, row) in weights.chunks_exact_mut(from).enumerate() {
        let position = (i as f32 + 0.5) * scale - 0.5;
        let first = position.floor();
        let t = position - first;
        for (offset, weight) in [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)].into_iter().enumerate() {
            let at = (first as isize - 1 + offset as isize).clamp(0, from as isize - 1);
            row[at as usize] += weight;
        }
    }
    weights
}

/// Resizes `[B, C, h, w]`, none of them 0, to `[height, width]`.
pub fn resize(x: &Tensor, to: [usize; 2], kernel: Kernel) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    if [height, width] == to {
        return Ok(x.clone());
    }
    let matrix = |from: usize, to: usize| -> Result<Tensor> {
        let matrix = Tensor::from_vec(kernel(from, to), (to, from), &Device::Cpu)?;
        Ok(matrix.to_device(x.device())?.to_dtype(x.dtype())?)
    };
    let rows = x.contiguous()?.reshape((batch * channels * height, width))?;
    let wide = rows.matmul(&matrix(width, to[1])?.t()?)?.reshape((batch * channels, height, to[1]))?;
    Ok(matrix(height, to[0])?.broadcast_matmul(&wide)?.reshape((batch, channels, to[0], to[1]))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resized(kernel: Kernel, to: [usize; 2]) -> Vec<f32> {
        let x = Tensor::arange(0f32, 6.0, &Device::Cpu).unwrap().sqr().unwrap().reshape((1, 1, 2, 3)).unwrap();
        resize(&x, to, kernel).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    fn assert_near(got: Vec<f32>, wanted: &[f32]) {
        assert_eq!(got.len(), wanted.len());
        assert!(got.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-5), "{got:?} instead of {wanted:?}");
    }

    /// Values from `F.interpolate((torch.arange(6.) ** 2).view(1, 1, 2, 3), size, ...)`.
    #[test]
    fn agrees_with_torch() {
        let wanted = [0.0, 0.5, 1.0, 2.5, 4.0, 4.5, 6.5, 8.5, 11.5, 14.5, 9.0, 12.5, 16.0, 20.5, 25.0];
        assert_near(resized(aligned, [3, 5]), &wanted);
        assert_near(resized(aligned, [1, 2]), &[0.0, 4.0]);
        let wanted = [
            -0.81564355,
            -0.74712145,
            0.643_931,
            2.3550317,
            4.2128906,
            6.399_414,
            11.101563,
            14.930664,
            9.241_423,
            13.545948,
            21.559192,
            27.506296,
        ];
        assert_near(resized(cubic, [3, 4]), &wanted);
        assert_near(resized(cubic, [1, 2]), &[5.1953125, 13.28125]);
    }
}
