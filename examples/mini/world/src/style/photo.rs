//! Light and shade, a background out of focus, and grain.

use super::Frame;
use crate::maths::{Vec3, add, noise2, scale};
use crate::paint::Part;

/// Draws a frame.
pub fn draw(frame: &Frame) -> Vec<Vec3> {
    let soft = frame.blurred(&frame.colours, 1.3);
    let samples: Vec<Vec3> = (0..frame.parts.len())
        .map(|i| {
            let colour = if frame.parts[i] == Part::Background { soft[i] } else { frame.lit[i] };
            let [x, y] = frame.at(i);
            let (dx, dy) = (x / 64.0 - 1.0, y / 64.0 - 1.0);
            scale(colour, 1.0 - 0.10 * (dx * dx + dy * dy))
        })
        .collect();
    let mut pixels = frame.shrink(&samples);
    let width = frame.width / super::SAMPLES;
    for (i, pixel) in pixels.iter_mut().enumerate() {
        let grain = noise2((i % width) as f32 * 0.9, (i / width) as f32 * 0.9, frame.layer()) - 0.5;
        *pixel = add(*pixel, [0.022 * grain; 3]);
    }
    pixels
}
