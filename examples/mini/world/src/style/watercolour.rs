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
    let papers = frame.texture(|x, y| paper(x, y, layer));
    let samples: Vec<Vec3> = (0..washes.len())
        .map(|i| {
            let paper = &papers[frame.pixel(i)];
            let [x, y] = frame.at(i);
            // The hand trembles: every sample is fetched from a little aside.
            let j = frame.sample(x + paper.aside[0], y + paper.aside[1]);
            let margin = if frame.parts[j] == Part::Background { paper.margin } else { 1.0 };
            let dried = 0.55 * lines[j] * mix(0.4, 1.0, paper.blot);
            let colour = times(washes[j], blend([1.0; 3], [0.46, 0.42, 0.50], dried));
            blend(PAPER, colour, (margin * (0.80 + 0.22 * paper.blot - 0.10 * paper.grain)).min(1.0))
        })
        .collect();
    frame.shrink(&samples)
}

/// What paper and hand do to paint at a place.
struct Paper {
    /// How far aside the brush was, in units.
    aside: [f32; 2],
    blot: f32,
    grain: f32,
    /// How much of the background is painted: not up to the margin.
    margin: f32,
}

fn paper(x: f32, y: f32, layer: i32) -> Paper {
    let smooth = |pitch: f32, more: i32| noise2(x * pitch, y * pitch, layer + more);
    let edge = ((x - 64.0).abs().max((y - 64.0).abs())) / 64.0 + 0.45 * (smooth(0.06, 4) - 0.5);
    Paper {
        aside: [2.2 * (smooth(0.11, 0) - 0.5), 2.2 * (smooth(0.11, 1) - 0.5)],
        blot: smooth(0.09, 2),
        grain: smooth(1.1, 3),
        margin: 0.85 * step(1.02, 0.78, edge),
    }
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
