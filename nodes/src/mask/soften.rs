//! Masks with soft borders.

use crate::image::gaussian::blurred;
use crate::image::pixels::{draw, gray_of, mask_of, row};
use selfsame_sdk::prelude::*;

/// Fades masks out towards their sides. (BlurMask softens the borders of what is in them.)
#[node(id = "core.mask.feather", category = "mask/adjust", search = ["fade", "soft", "edge"])]
#[output(mask = "the masks, multiplied by a ramp at each side")]
pub fn feather_mask(
    ctx: Ctx,
    /// What fades.
    mask: Mask,
    /// Over how many columns it fades on the left: the n-th of them is multiplied by n / left.
    #[param(default = 0, hard = 0..=16384, soft = 0..=256, unit = "px")]
    left: usize,
    /// Over how many rows it fades above.
    #[param(default = 0, hard = 0..=16384, soft = 0..=256, unit = "px")]
    top: usize,
    /// Over how many columns it fades on the right.
    #[param(default = 0, hard = 0..=16384, soft = 0..=256, unit = "px")]
    right: usize,
    /// Over how many rows it fades below.
    #[param(default = 0, hard = 0..=16384, soft = 0..=256, unit = "px")]
    bottom: usize,
) -> Result<Mask> {
    let mask = gray_of(mask)?;
    let across = ramps(mask.width(), left, right);
    let down = ramps(mask.height(), top, bottom);
    let feathered = draw(ctx, mask.dims(), |frame, y, out| {
        for ((to, from), factor) in out.iter_mut().zip(row(&mask, frame, y)).zip(&across) {
            *to = from * factor * down[y];
        }
    })?;
    mask_of(feathered)
}

/// Blurs masks by a Gaussian.
#[node(id = "core.mask.blur", category = "mask/adjust", search = ["gaussian", "soften", "smooth", "feather"])]
#[output(mask = "the blurred masks")]
pub fn blur_mask(
    ctx: Ctx,
    /// What is blurred.
    mask: Mask,
    /// Standard deviation; 0 changes nothing.
    #[param(default = 6.0, hard = 0.0..=200.0, soft = 0.0..=64.0, step = 0.5, unit = "px")]
    sigma: f64,
) -> Result<Mask> {
    mask_of(blurred(ctx, gray_of(mask)?, sigma)?.map(|x| x.clamp(0.0, 1.0)))
}

/// The factor at each position along one axis, as ComfyUI's FeatherMask has it.
fn ramps(size: usize, before: usize, after: usize) -> Vec<f32> {
    let ramp = |position: usize, length: usize| {
        let length = length.min(size);
        if position < length { position as f32 / length as f32 } else { 1.0 }
    };
    (0..size).map(|at| ramp(at + 1, before) * ramp(size - at, after)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn sides_fade() {
        let host = TestHost::new();
        let ones = Mask::new([1, 2, 4], vec![1.0; 8]).unwrap();
        let out = feather_mask(host.ctx(), ones.clone(), 2, 0, 4, 2).unwrap();
        assert_eq!(out.data(), [0.5, 0.75, 0.5, 0.25, 0.25, 0.375, 0.25, 0.125]);
        assert_eq!(feather_mask(host.ctx(), ones.clone(), 0, 1, 0, 0).unwrap(), ones);
        let long = feather_mask(host.ctx(), ones, 99, 0, 0, 0).unwrap();
        assert_eq!(long.data()[..4], [0.25, 0.5, 0.75, 1.0]);
    }

    #[test]
    fn a_blurred_border_is_symmetric() {
        let host = TestHost::new();
        let step = Mask::new([1, 1, 40], (0..40).map(|x| f32::from(u8::from(x >= 20))).collect()).unwrap();
        let out = blur_mask(host.ctx(), step, 2.0).unwrap();
        for x in 0..20 {
            assert!((out.data()[x] + out.data()[39 - x] - 1.0).abs() < 1e-6);
        }
        assert!(out.data()[19] > 0.3 && out.data()[19] < 0.5);
    }
}
