//! Classifier-free guidance: how two predictions become one.
//!
//! **Source**: arXiv 2207.12598; rescaling from arXiv 2305.08891 section 3.4, in the two forms that are in use.

use crate::Result;
use candle_core::Tensor;

/// How positive and negative predictions are combined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guidance {
    /// `uncond + scale · (cond - uncond)`; at 1 or below, negative conditions are not evaluated at all.
    pub scale: f64,
    /// Pulls the contrast of the result back to that of the positive prediction.
    pub rescale: Rescale,
}

/// Where rescaling measures contrast.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Rescale {
    /// Not at all.
    #[default]
    Off,
    /// On the network's output, as diffusers' `guidance_rescale` 0..1; in sigma space on the noise it implies.
    Output(f64),
    /// On the velocity computed from the denoised picture, as ComfyUI's RescaleCFG 0..1; in timestep space
    /// the same as [`Rescale::Output`].
    Velocity(f64),
}

impl Guidance {
    /// Plain guidance.
    pub fn new(scale: f64) -> Self {
        Self { scale, rescale: Rescale::Off }
    }

    /// Whether negative conditions matter.
    pub fn needs_negative(&self) -> bool {
        self.scale > 1.0
    }

    /// Combines network outputs (epsilon, v or x0), `[B, C, h, w]` each.
    pub fn combine_outputs(&self, cond: &Tensor, uncond: &Tensor) -> Result<Tensor> {
        let guided = self.blend(cond, uncond)?;
        match self.rescale {
            Rescale::Off => Ok(guided),
            Rescale::Output(factor) | Rescale::Velocity(factor) => rescaled(&guided, cond, factor),
        }
    }

    /// Combines denoised pictures at noise level `sigma` from the noisy `x`.
    pub fn combine_denoised(&self, x: &Tensor, sigma: f64, cond: &Tensor, uncond: &Tensor) -> Result<Tensor> {
        // Contrast is measured on a·x - b·denoised: velocity with a = b/(σ²+1), b = √(σ²+1)/σ; epsilon with a = b = 1/σ.
        let square = sigma * sigma + 1.0;
        let (factor, a, b) = match self.rescale {
            Rescale::Off => return self.blend(cond, uncond),
            Rescale::Output(factor) => (factor, 1.0 / sigma, 1.0 / sigma),
            Rescale::Velocity(factor) => (factor, 1.0 / (square.sqrt() * sigma), square.sqrt() / sigma),
        };
        let centre = (x * a)?;
        let leave = |denoised: &Tensor| -> Result<Tensor> { Ok((&centre - (denoised * b)?)?) };
        let (cond, uncond) = (leave(cond)?, leave(uncond)?);
        let guided = rescaled(&self.blend(&cond, &uncond)?, &cond, factor)?;
        Ok(((centre - guided)? * (1.0 / b))?)
    }

    fn blend(&self, cond: &Tensor, uncond: &Tensor) -> Result<Tensor> {
        Ok((uncond + ((cond - uncond)? * self.scale)?)?)
    }
}

/// `factor · guided · std(cond)/std(guided) + (1 - factor) · guided`, per picture.
fn rescaled(guided: &Tensor, cond: &Tensor, factor: f64) -> Result<Tensor> {
    let ratio = (deviation(cond)? / deviation(guided)?)?;
    let ratio = ((ratio * factor)? + (1.0 - factor))?;
    Ok(guided.broadcast_mul(&ratio)?)
}

/// The standard deviation of each picture (n - 1 in the denominator, as torch): `[B, C, h, w] -> [B, 1, 1, 1]`.
fn deviation(x: &Tensor) -> Result<Tensor> {
    let flat = x.flatten_from(1)?;
    Ok(flat.var_keepdim(1)?.sqrt()?.reshape((x.dim(0)?, 1, 1, 1))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn picture(values: &[f32]) -> Tensor {
        Tensor::from_slice(values, (1, 1, 2, 2), &Device::Cpu).unwrap()
    }

    fn flat(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn full_rescaling_restores_the_contrast_of_the_positive_prediction() {
        let (cond, uncond) = (picture(&[1.0, -2.0, 0.5, 3.0]), picture(&[0.5, 0.25, -1.0, 0.0]));
        let guidance = Guidance { scale: 7.0, rescale: Rescale::Output(1.0) };
        let out = guidance.combine_outputs(&cond, &uncond).unwrap();
        let (a, b) = (flat(&deviation(&out).unwrap())[0], flat(&deviation(&cond).unwrap())[0]);
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }

    #[test]
    fn no_rescaling_in_either_space_is_plain_guidance() {
        let (x, cond, uncond) =
            (picture(&[9.0, -7.0, 3.0, 1.0]), picture(&[1., -2., 0.5, 3.]), picture(&[0.5, 0.25, -1., 0.]));
        let plain = Guidance::new(4.0).combine_denoised(&x, 3.0, &cond, &uncond).unwrap();
        let zero = Guidance { scale: 4.0, rescale: Rescale::Velocity(0.0) };
        let zero = zero.combine_denoised(&x, 3.0, &cond, &uncond).unwrap();
        assert_eq!(flat(&plain), [2.5, -8.75, 5.0, 12.0]);
        for (a, b) in flat(&plain).iter().zip(flat(&zero)) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }
}
