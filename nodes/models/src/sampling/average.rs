//! The weighted average of what several conditions predict.
//!
//! **Source**: ComfyUI's `calc_cond_batch` and `get_area_and_mult`: weight = strength × mask, feathered at inner area edges
//! where there is no mask; the weighted sum is divided by the sum of weights.

use super::conditioning::{Area, Condition};
use crate::{Result, ops};
use candle_core::{DType, Tensor};

/// Added to the sum of weights, so that pixels which no condition covers come out as zero (ComfyUI's number).
const NO_WEIGHT: f64 = 1e-37;
/// Latent pixels over which a weight rises at the inner edges of an area, at most a quarter of it (ComfyUI's number).
const FEATHER: usize = 8;

/// A weighted average over conditions; nothing is divided while one plain condition covers the picture.
pub(super) struct Average {
    size: (usize, usize),
    zeros: Tensor,
    only: Option<Tensor>,
    sum: Option<(Tensor, Tensor)>,
}

impl Average {
    /// Of predictions for the latents `x [B, C, h, w]`.
    pub fn new(x: &Tensor) -> Result<Self> {
        let (_, _, height, width) = x.dims4()?;
        Ok(Self { size: (height, width), zeros: x.zeros_like()?, only: None, sum: None })
    }

    /// Takes in what `condition` predicts for its area, which was cropped from the latents before.
    pub fn add(&mut self, prediction: &Tensor, condition: &Condition) -> Result<()> {
        let plain = condition.area.is_none() && condition.mask.is_none() && condition.strength == 1.0;
        if plain && self.only.is_none() && self.sum.is_none() {
            self.only = Some(prediction.clone());
            return Ok(());
        }
        if let Some(first) = self.only.take() {
            self.accumulate(&first, &first.ones_like()?, None)?;
        }
        let weight = self.weight(prediction, condition)?;
        self.accumulate(prediction, &weight, condition.area)
    }

    /// Strength × mask × feather, in the shape of the prediction.
    fn weight(&self, prediction: &Tensor, condition: &Condition) -> Result<Tensor> {
        let (height, width) = self.size;
        let mut weight = (prediction.ones_like()? * condition.strength)?;
        if let Some(mask) = &condition.mask {
            let mask = ops::resize_bilinear(&mask.to_dtype(DType::F32)?.unsqueeze(1)?, height, width)?;
            let mask = match condition.area {
                None => mask,
                Some(area) => area.crop(&mask)?,
            };
            weight = weight.broadcast_mul(&mask.to_device(weight.device())?.to_dtype(weight.dtype())?)?;
        } else if let Some(area) = condition.area {
            let rows = feather(area.y, area.height, height);
            let columns = feather(area.x, area.width, width);
            let rows = Tensor::from_vec(rows, (1, 1, area.height, 1), weight.device())?;
            let columns = Tensor::from_vec(columns, (1, 1, 1, area.width), weight.device())?;
            weight = weight.broadcast_mul(&rows)?.broadcast_mul(&columns)?;
        }
        Ok(weight)
    }

    fn accumulate(&mut self, prediction: &Tensor, weight: &Tensor, area: Option<Area>) -> Result<()> {
        let place = |part: &Tensor| -> Result<Tensor> {
            let Some(area) = area else { return Ok(part.clone()) };
            let (below, right) = (self.size.0 - area.y - area.height, self.size.1 - area.x - area.width);
            Ok(part.pad_with_zeros(2, area.y, below)?.pad_with_zeros(3, area.x, right)?)
        };
        let (weighted, weight) = (place(&(prediction * weight)?)?, place(weight)?);
        self.sum = Some(match self.sum.take() {
            None => (weighted, weight),
            Some((total, weights)) => ((total + weighted)?, (weights + weight)?),
        });
        Ok(())
    }

    /// The average, `[B, C, h, w]`; zeros if nothing was added.
    pub fn finish(self) -> Result<Tensor> {
        match (self.only, self.sum) {
            (Some(only), _) => Ok(only),
            (None, Some((total, weights))) => Ok((total / (weights + NO_WEIGHT)?)?),
            (None, None) => Ok(self.zeros),
        }
    }
}

/// Weights along one side of an area: a ramp of [`FEATHER`] pixels at each edge that is not the picture's edge.
fn feather(start: usize, len: usize, full: usize) -> Vec<f32> {
    let ramp = FEATHER.min(len / 4);
    let mut weights = vec![1.0; len];
    for step in 0..ramp {
        let weight = (step + 1) as f32 / ramp as f32;
        if start > 0 {
            weights[step] *= weight;
        }
        if start + len < full {
            weights[len - 1 - step] *= weight;
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn of_value(value: f32, height: usize, width: usize) -> Tensor {
        Tensor::full(value, (1, 1, height, width), &Device::Cpu).unwrap()
    }

    fn condition() -> Condition {
        Condition::new(Tensor::zeros((1, 1, 1), DType::F32, &Device::Cpu).unwrap(), None)
    }

    fn flat(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn only_inner_edges_are_feathered() {
        assert_eq!(feather(0, 8, 8), [1.0; 8]);
        assert_eq!(feather(0, 8, 9), [1., 1., 1., 1., 1., 1., 1., 0.5]);
        assert_eq!(feather(3, 8, 20), [0.5, 1., 1., 1., 1., 1., 1., 0.5]);
        assert_eq!(feather(3, 3, 20), [1.0; 3]);
        assert_eq!(feather(1, 64, 65)[..9], [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0, 1.0]);
    }

    #[test]
    fn strengths_and_areas_weigh() {
        let mut average = Average::new(&of_value(0.0, 1, 4)).unwrap();
        average.add(&of_value(1.0, 1, 4), &condition()).unwrap();
        let area = Some(Area { y: 0, x: 1, height: 1, width: 2 });
        average.add(&of_value(5.0, 1, 2), &Condition { area, strength: 3.0, ..condition() }).unwrap();
        assert_eq!(flat(&average.finish().unwrap()), [1.0, 4.0, 4.0, 1.0]);
    }

    #[test]
    fn what_nothing_covers_is_zero() {
        let mask = Some(Tensor::new(&[[[1f32, 0.5, 0.0]]], &Device::Cpu).unwrap());
        let mut average = Average::new(&of_value(0.0, 1, 3)).unwrap();
        average.add(&of_value(2.0, 1, 3), &Condition { mask, ..condition() }).unwrap();
        assert_eq!(flat(&average.finish().unwrap()), [2.0, 2.0, 0.0]);
        assert_eq!(flat(&Average::new(&of_value(7.0, 1, 2)).unwrap().finish().unwrap()), [0.0, 0.0]);
    }
}
