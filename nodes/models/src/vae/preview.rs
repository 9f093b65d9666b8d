//! A small picture of unfinished latents from one matrix: the cheapest preview there is.
//!
//! **Source**: `latent_rgb_factors` of ComfyUI (`comfy/latent_formats.py`), fitted by its authors; the finer and slower preview is
//! [`super::TaesdDecoder`].

use crate::{Error, Result, ops};
use candle_core::{DType, Tensor};

/// A linear map from latent channels to red, green and blue in -1..1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatentRgb {
    /// A row for each latent channel.
    pub factors: [[f32; 3]; 4],
    /// Added at the end.
    pub bias: [f32; 3],
}

impl LatentRgb {
    /// For the latents of SD1.x and SD2.x.
    pub const SD15: Self = Self {
        factors: [
            [0.3512, 0.2297, 0.3227],
            [0.3250, 0.4974, 0.2350],
            [-0.2829, 0.1762, 0.2721],
            [-0.2120, -0.2616, -0.7177],
        ],
        bias: [0.0; 3],
    };

    /// For the latents of SDXL.
    pub const SDXL: Self = Self {
        factors: [
            [0.3651, 0.4232, 0.4341],
            [-0.2533, -0.0042, 0.1068],
            [0.1076, 0.1111, -0.0362],
            [-0.3165, -0.2492, -0.2188],
        ],
        bias: [0.1084, -0.0175, -0.0011],
    };

    /// The model's latents `[B, 4, h, w]` as pictures `[B, 3, h, w]` f32 in 0..1, one pixel for each latent pixel.
    ///
    /// # Errors
    /// [`Error::Input`] when `latents` has another shape.
    pub fn preview(&self, latents: &Tensor) -> Result<Tensor> {
        if !matches!(latents.dims(), [_, 4, _, _]) {
            return Err(Error::input("latents to preview", "[B, 4, h, w]", format!("{:?}", latents.dims())));
        }
        let device = latents.device();
        let weight = Tensor::new(&self.factors, device)?.t()?.contiguous()?; // [3, 4]
        let bias = Tensor::new(&self.bias, device)?;
        let pixels = latents.to_dtype(DType::F32)?.permute((0, 2, 3, 1))?.contiguous()?; // [B, h, w, 4]
        let rgb = ops::linear(&pixels, &weight, Some(&bias))?.permute((0, 3, 1, 2))?; // [B, 3, h, w]
        Ok(rgb.affine(0.5, 0.5)?.clamp(0f32, 1f32)?.contiguous()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn each_pixel_is_the_matrix_times_its_latent() {
        // Two latent pixels side by side: (1, 0, 0, 0) and (0, 2, 0, -4).
        let latents = Tensor::new(&[[[[1f32, 0.0]], [[0.0, 2.0]], [[0.0, 0.0]], [[0.0, -4.0]]]], &Device::Cpu).unwrap();
        let near = |map: LatentRgb, expected: [f32; 6]| {
            let rgb = map.preview(&latents).unwrap();
            assert_eq!(rgb.dims(), [1, 3, 1, 2]);
            let rgb = rgb.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert!(rgb.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{rgb:?}");
        };
        // Red of the first pixel: (0.3512 + 1) / 2; of the second: 2·0.3250 + 4·0.2120 = 1.498, beyond white.
        near(LatentRgb::SD15, [0.6756, 1.0, 0.61485, 1.0, 0.66135, 1.0]);
        // Red of the second pixel: (-2·0.2533 + 4·0.3165 + 0.1084 + 1) / 2 = 0.9339.
        near(LatentRgb::SDXL, [0.73675, 0.9339, 0.70285, 0.98545, 0.7165, 1.0]);
    }

    #[test]
    fn other_latents_are_refused() {
        let latents = Tensor::zeros((1, 16, 2, 2), DType::F32, &Device::Cpu).unwrap();
        let error = LatentRgb::SDXL.preview(&latents).unwrap_err().to_string();
        assert_eq!(error, "latents to preview: expected [B, 4, h, w], got [1, 16, 2, 2]");
    }
}
