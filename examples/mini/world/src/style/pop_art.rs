//! Strong colours in two tones, shades printed as dots, thick outlines.

use super::Frame;
use crate::maths::{Vec3, blend, luma, step};
use crate::paint::Part;

const INK: Vec3 = [0.08, 0.05, 0.12];

/// Distance of the dots in units.
const PITCH: f32 = 3.4;

/// Grounds that pictures are printed on, and the colour of their dots.
const GROUNDS: [[Vec3; 2]; 4] = [
    [[0.99, 0.83, 0.20], [0.95, 0.45, 0.20]],
    [[0.25, 0.75, 0.86], [0.10, 0.42, 0.72]],
    [[0.97, 0.48, 0.62], [0.80, 0.16, 0.42]],
    [[0.62, 0.85, 0.36], [0.18, 0.58, 0.36]],
];

/// Draws a frame.
pub fn draw(frame: &Frame) -> Vec<Vec3> {
    let lines = frame.outlines(1.5);
    let [ground, spots] = GROUNDS[(frame.seed % 4) as usize];
    let samples: Vec<Vec3> = (0..frame.parts.len())
        .map(|i| {
            let [x, y] = frame.at(i);
            let away = from_dot(x, y);
            let colour = if frame.parts[i] == Part::Background {
                let dark = 1.0 - luma(frame.colours[i]);
                blend(ground, spots, step(0.06, -0.06, away - 0.72 * dark))
            } else {
                let own = frame.colours[i];
                let grey = luma(own);
                let strong = blend([grey; 3], own, 1.55).map(|value| 1.12 * value.max(0.0));
                let dark = (0.98 - frame.levels[i]).max(0.0);
                let shade = [strong[0] * 0.80, strong[1] * 0.38, strong[2] * 0.52];
                blend(strong, shade, step(0.06, -0.06, away - 1.5 * dark))
            };
            blend(colour, INK, (lines[i] * 1.15).min(1.0))
        })
        .collect();
    frame.shrink(&samples)
}

/// Distance from the middle of the nearest dot, as a share of the pitch; dots stand in a grid on its corner.
fn from_dot(x: f32, y: f32) -> f32 {
    let (u, v) = ((x + y) / (PITCH * std::f32::consts::SQRT_2), (x - y) / (PITCH * std::f32::consts::SQRT_2));
    let (u, v) = (u - u.floor() - 0.5, v - v.floor() - 0.5);
    (u * u + v * v).sqrt()
}
