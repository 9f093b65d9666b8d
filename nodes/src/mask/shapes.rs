//! Masks of simple shapes, with smooth borders.

use crate::image::pixels::{draw, mask_of};
use selfsame_sdk::prelude::*;

/// Makes a mask that is 1 in an ellipse.
///
/// The border is smooth over a pixel, or more if it is to be soft: distances from it are exact for circles, and
/// near the border of ellipses.
#[node(id = "core.mask.ellipse", category = "mask/create", search = ["circle", "oval", "round", "face", "region"])]
#[output(mask = "one mask")]
pub fn ellipse_mask(
    ctx: Ctx,
    /// Width of the mask.
    #[param(default = 512, hard = 1..=16384, unit = "px")]
    width: usize,
    /// Height of the mask.
    #[param(default = 512, hard = 1..=16384, unit = "px")]
    height: usize,
    /// Where its middle is, from the left border; the middle of the mask if not set.
    #[param(hard = -32768.0..=32768.0, unit = "px")]
    center_x: Option<f64>,
    /// Where its middle is, from the upper border; the middle of the mask if not set.
    #[param(hard = -32768.0..=32768.0, unit = "px")]
    center_y: Option<f64>,
    /// Half its width.
    #[param(default = 128.0, hard = 0.5..=32768.0, unit = "px")]
    radius_x: f64,
    /// Half its height; as half its width if not set.
    #[param(hard = 0.5..=32768.0, unit = "px")]
    radius_y: Option<f64>,
    /// How far it is turned about its middle, clockwise.
    #[param(default = 0.0, hard = -360.0..=360.0, unit = "deg")]
    rotation: f64,
    /// How wide the border is in which the mask falls from 1 to 0, half of it inside.
    #[param(default = 1.0, hard = 1.0..=4096.0, soft = 1.0..=128.0, unit = "px")]
    softness: f64,
) -> Result<Mask> {
    let center = [center_x.unwrap_or(width as f64 / 2.0), center_y.unwrap_or(height as f64 / 2.0)];
    let radii = [radius_x, radius_y.unwrap_or(radius_x)];
    shape(ctx, [width, height], center, rotation, softness, |[x, y]| {
        // The distance to first order: the implicit function over the length of its gradient.
        let [u, v] = [x / radii[0], y / radii[1]];
        let slope = (u / radii[0]).hypot(v / radii[1]);
        if slope == 0.0 { -radii[0].min(radii[1]) } else { u.hypot(v) * (u.hypot(v) - 1.0) / slope }
    })
}

/// Makes a mask that is 1 in a rectangle.
///
/// The border is smooth over a pixel, or more if it is to be soft. Borders between pixels give fractions.
#[node(id = "core.mask.rectangle", category = "mask/create", search = ["box", "square", "rounded", "region"])]
#[output(mask = "one mask")]
pub fn rectangle_mask(
    ctx: Ctx,
    /// Width of the mask.
    #[param(default = 512, hard = 1..=16384, unit = "px")]
    width: usize,
    /// Height of the mask.
    #[param(default = 512, hard = 1..=16384, unit = "px")]
    height: usize,
    /// Left border of the rectangle.
    #[param(default = 128.0, hard = -32768.0..=32768.0, unit = "px")]
    x: f64,
    /// Upper border of the rectangle.
    #[param(default = 128.0, hard = -32768.0..=32768.0, unit = "px")]
    y: f64,
    /// Width of the rectangle.
    #[param(default = 256.0, hard = 1.0..=32768.0, unit = "px")]
    rectangle_width: f64,
    /// Height of the rectangle.
    #[param(default = 256.0, hard = 1.0..=32768.0, unit = "px")]
    rectangle_height: f64,
    /// Radius of round corners; at most half of the shorter side.
    #[param(default = 0.0, hard = 0.0..=16384.0, unit = "px")]
    corner_radius: f64,
    /// How far it is turned about its middle, clockwise.
    #[param(default = 0.0, hard = -360.0..=360.0, unit = "deg")]
    rotation: f64,
    /// How wide the border is in which the mask falls from 1 to 0, half of it inside.
    #[param(default = 1.0, hard = 1.0..=4096.0, soft = 1.0..=128.0, unit = "px")]
    softness: f64,
) -> Result<Mask> {
    let half = [rectangle_width / 2.0, rectangle_height / 2.0];
    let radius = corner_radius.min(half[0]).min(half[1]);
    shape(ctx, [width, height], [x + half[0], y + half[1]], rotation, softness, |[x, y]| {
        let [across, down] = [x.abs() - half[0] + radius, y.abs() - half[1] + radius];
        across.max(0.0).hypot(down.max(0.0)) + across.max(down).min(0.0) - radius
    })
}

/// A mask of a shape that is told by the signed distance of a place from its border, negative inside. Places count from
/// the middle of the shape, along its own axes.
fn shape(
    ctx: Ctx,
    [width, height]: [usize; 2],
    [center_x, center_y]: [f64; 2],
    rotation: f64,
    softness: f64,
    distance: impl Fn([f64; 2]) -> f64 + Sync,
) -> Result<Mask> {
    let (sin, cos) = rotation.to_radians().sin_cos();
    let mask = draw(ctx, [1, height, width, 1], |_, y, row| {
        let down = y as f64 + 0.5 - center_y;
        for (x, value) in row.iter_mut().enumerate() {
            let right = x as f64 + 0.5 - center_x;
            let place = [right * cos + down * sin, down * cos - right * sin];
            *value = (0.5 - distance(place) / softness).clamp(0.0, 1.0) as f32;
        }
    })?;
    mask_of(mask)
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    fn area(mask: &Mask) -> f64 {
        mask.data().iter().copied().map(f64::from).sum()
    }

    #[test]
    fn areas_of_ellipses() {
        let host = TestHost::new();
        for (radius_x, radius_y, rotation) in [(20.0, 20.0, 0.0), (24.0, 12.0, 0.0), (24.0, 12.0, 30.0)] {
            let mask = ellipse_mask(host.ctx(), 64, 60, None, None, radius_x, Some(radius_y), rotation, 1.0).unwrap();
            let wanted = std::f64::consts::PI * radius_x * radius_y;
            assert!((area(&mask) / wanted - 1.0).abs() < 2e-3, "{} {wanted}", area(&mask));
        }
    }

    #[test]
    fn an_ellipse_turns_clockwise() {
        let host = TestHost::new();
        let mask = ellipse_mask(host.ctx(), 40, 40, None, None, 18.0, Some(4.0), 45.0, 1.0).unwrap();
        let at = |x: usize, y: usize| mask.data()[y * 40 + x];
        assert_eq!((at(30, 30), at(10, 10), at(30, 9), at(20, 20)), (1.0, 1.0, 0.0, 1.0));
    }

    #[test]
    fn rectangles_on_pixels_and_between() {
        let host = TestHost::new();
        let mask = rectangle_mask(host.ctx(), 4, 3, 1.0, 1.0, 2.0, 1.0, 0.0, 0.0, 1.0).unwrap();
        assert_eq!(mask.data(), [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let mask = rectangle_mask(host.ctx(), 4, 1, 0.75, -4.0, 2.0, 9.0, 0.0, 0.0, 1.0).unwrap();
        assert_eq!(mask.data(), [0.25, 1.0, 0.75, 0.0]);
        // Corners that are as round as they can be make a circle.
        let round = rectangle_mask(host.ctx(), 9, 9, 1.0, 1.0, 7.0, 7.0, 99.0, 0.0, 1.0).unwrap();
        let circle = ellipse_mask(host.ctx(), 9, 9, None, None, 3.5, None, 0.0, 1.0).unwrap();
        for (a, b) in round.data().iter().zip(circle.data()) {
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
    }

    #[test]
    fn soft_borders() {
        let host = TestHost::new();
        let mask = rectangle_mask(host.ctx(), 4, 1, 2.0, -50.0, 90.0, 100.0, 0.0, 0.0, 4.0).unwrap();
        assert_eq!(mask.data(), [0.125, 0.375, 0.625, 0.875]);
    }
}
