//! Washes that run a little over their edges, dark rims where they dried, and paper that shines through.

use super::Frame;
use crate::maths::{Vec3, blend, luma, mix, noise2, scale, step, times};
use crate::paint::Part;

const PAPER: Vec3 = [0.985, 0.970, 0.940];

/// Draws a frame.
pub fn draw(frame: &Frame) -> Vec<Vec3> {
    let layer = frame.layer();
    let lines = frame.all_lines(1.3);
    let washes: Vec<Vec3> = (0..frame.parts.len()).map(|i| wash(frame, i)).collect();
    let washes = frame.blurred(&washes, 0.45);
    let samples: Vec<Vec3> = (0..washes.len())
        .map(|i| {
            let [x, y] = frame.at(i);
            // The hand trembles: every sample is fetched from a little aside.
            let (dx, dy) = (noise2(x * 0.11, y * 0.11, layer) - 0.5, noise2(x * 0.11, y * 0.11, layer + 1) - 0.5);
            let j = frame.sample(x + 2.2 * dx, y + 2.2 * dy);
            let blot = noise2(x * 0.09, y * 0.09, layer + 2);
            let grain = noise2(x * 1.1, y * 1.1, layer + 3);
            let mut pigment = 0.80 + 0.22 * blot - 0.10 * grain;
            if frame.parts[j] == Part::Background {
                // The background is not painted up to the margin.
                let (ex, ey) = ((x - 64.0).abs() / 64.0, (y - 64.0).abs() / 64.0);
                let edge = ex.max(ey) + 0.45 * (noise2(x * 0.06, y * 0.06, layer + 4) - 0.5);
                pigment *= 0.85 * step(1.02, 0.78, edge);
            }
            let dried = 0.55 * lines[j] * mix(0.4, 1.0, blot);
            let colour = times(washes[j], blend([1.0; 3], [0.46, 0.42, 0.50], dried));
            blend(PAPER, colour, pigment.min(1.0))
        })
        .collect();
    frame.shrink(&samples)
}

/// A colour in a few tones, brighter and clearer than it is.
fn wash(frame: &Frame, i: usize) -> Vec3 {
    let level = frame.levels[i];
    let place = level * 3.2;
    let tone = (place.floor() + step(0.3, 0.7, place - place.floor())) / 3.2;
    let own = frame.colours[i];
    let grey = luma(own);
    let clear = blend([grey; 3], own, 1.18);
    let shade = blend([0.66, 0.60, 0.74], [1.04, 1.02, 0.99], step(0.25, 1.05, tone));
    scale(times(clear, shade), 1.02)
}
