//! Masks of one value, and gradients.

use crate::image::pixels::{draw, mask_of};
use selfsame_sdk::prelude::*;

/// Makes masks of one value.
#[node(id = "core.mask.solid", category = "mask/create", search = ["empty", "full", "constant"])]
#[output(mask = "the masks")]
pub fn solid_mask(
    ctx: Ctx,
    /// Width.
    #[param(default = 512, hard = 1..=16384, unit = "px")]
    width: usize,
    /// Height.
    #[param(default = 512, hard = 1..=16384, unit = "px")]
    height: usize,
    /// The value.
    #[param(default = 1.0, hard = 0.0..=1.0, step = 0.01, slider)]
    value: f32,
    /// How many masks.
    #[param(default = 1, hard = 1..=4096)]
    batch: usize,
) -> Result<Mask> {
    mask_of(draw(ctx, [batch, height, width, 1], |_, _, row| row.fill(value))?)
}

/// How a gradient spreads.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gradient {
    /// Along the line from start to end; across it nothing changes.
    Linear,
    /// In circles around the start; the end lies on the outermost.
    Radial,
}

/// Makes a mask that rises from 0 at a start to 1 at an end, and stays 0 before and 1 behind.
#[node(id = "core.mask.gradient", category = "mask/create", search = ["ramp", "linear", "radial", "vignette", "fade"])]
#[output(mask = "one mask")]
pub fn gradient_mask(
    ctx: Ctx,
    /// Width.
    #[param(default = 512, hard = 1..=16384, unit = "px")]
    width: usize,
    /// Height.
    #[param(default = 512, hard = 1..=16384, unit = "px")]
    height: usize,
    /// How it spreads.
    #[param(default = "linear")]
    gradient: Gradient,
    /// Where it starts, as a fraction of the width.
    #[param(default = 0.0, hard = -8.0..=8.0, soft = 0.0..=1.0, step = 0.05)]
    start_x: f64,
    /// Where it starts, as a fraction of the height.
    #[param(default = 0.5, hard = -8.0..=8.0, soft = 0.0..=1.0, step = 0.05)]
    start_y: f64,
    /// Where it ends, as a fraction of the width.
    #[param(default = 1.0, hard = -8.0..=8.0, soft = 0.0..=1.0, step = 0.05)]
    end_x: f64,
    /// Where it ends, as a fraction of the height.
    #[param(default = 0.5, hard = -8.0..=8.0, soft = 0.0..=1.0, step = 0.05)]
    end_y: f64,
) -> Result<Mask> {
    let start = [start_x * width as f64, start_y * height as f64];
    let way = [end_x * width as f64 - start[0], end_y * height as f64 - start[1]];
    let length = way[0].hypot(way[1]);
    if length == 0.0 {
        return Err(Error::input("end_x", "the gradient starts and ends at the same place").hint("move the end"));
    }
    let mask = draw(ctx, [1, height, width, 1], |_, y, row| {
        for (x, value) in row.iter_mut().enumerate() {
            let [across, down] = [x as f64 + 0.5 - start[0], y as f64 + 0.5 - start[1]];
            let done = match gradient {
                Gradient::Linear => (across * way[0] + down * way[1]) / (length * length),
                Gradient::Radial => across.hypot(down) / length,
            };
            *value = done.clamp(0.0, 1.0) as f32;
        }
    })?;
    mask_of(mask)
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn one_value() {
        let host = TestHost::new();
        let mask = solid_mask(host.ctx(), 2, 1, 0.25, 3).unwrap();
        assert_eq!((mask.dims(), mask.data()), ([3, 1, 2], &[0.25; 6][..]));
    }

    #[test]
    fn along_a_line_and_in_circles() {
        let host = TestHost::new();
        let mask = gradient_mask(host.ctx(), 4, 1, Gradient::Linear, 0.0, 0.5, 1.0, 0.5).unwrap();
        assert_eq!(mask.data(), [0.125, 0.375, 0.625, 0.875]);
        let mask = gradient_mask(host.ctx(), 4, 1, Gradient::Linear, 0.75, 0.5, 0.25, 0.5).unwrap();
        assert_eq!(mask.data(), [1.0, 0.75, 0.25, 0.0]);
        let mask = gradient_mask(host.ctx(), 4, 1, Gradient::Radial, 0.5, 0.5, 1.0, 0.5).unwrap();
        assert_eq!(mask.data(), [0.75, 0.25, 0.25, 0.75]);
        assert!(gradient_mask(host.ctx(), 4, 4, Gradient::Radial, 0.5, 0.5, 0.5, 0.5).is_err());
    }
}
