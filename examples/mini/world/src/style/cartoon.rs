//! Flat colours in two tones, with outlines.

use super::Frame;
use crate::maths::{Vec3, blend, luma, scale, step, times};
use crate::paint::Part;

const INK: Vec3 = [0.10, 0.075, 0.11];

/// Draws a frame.
pub fn draw(frame: &Frame) -> Vec<Vec3> {
    let lines = frame.outlines(1.0);
    let samples: Vec<Vec3> = (0..frame.parts.len())
        .map(|i| {
            let own = frame.colours[i];
            let flat = if frame.parts[i] == Part::Background {
                // Few tones, a little pale, so that people stand out.
                let few = own.map(|value| (value * 5.0).round() / 5.0);
                blend(few, [0.93, 0.94, 0.96], 0.22)
            } else {
                let grey = luma(own);
                let clear = blend([grey; 3], own, 1.12);
                let shade = blend([0.74, 0.64, 0.74], [1.05; 3], step(0.69, 0.73, frame.levels[i]));
                scale(times(clear, shade), 1.02)
            };
            blend(flat, INK, lines[i])
        })
        .collect();
    frame.shrink(&samples)
}
