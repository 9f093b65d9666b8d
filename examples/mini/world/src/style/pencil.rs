//! Outlines, and hatching in three directions: the darker, the more of them.

use super::Frame;
use crate::maths::{Vec3, blend, luma, mix, noise2, step};
use crate::paint::Part;

const PAPER: Vec3 = [0.955, 0.945, 0.925];
const LEAD: Vec3 = [0.16, 0.16, 0.18];

/// Draws a frame.
pub fn draw(frame: &Frame) -> Vec<Vec3> {
    let layer = frame.layer();
    let lines = frame.all_lines(0.9);
    let hands = frame.texture(|x, y| {
        let smooth = |pitch: f32, more: i32| noise2(x * pitch, y * pitch, layer + more);
        // How far aside the pencil was, in units; the grain of the paper; how much background there is.
        [smooth(0.13, 0) - 0.5, smooth(0.13, 1) - 0.5, smooth(1.7, 2), fade(x, y, layer)]
    });
    let samples: Vec<Vec3> = (0..frame.parts.len())
        .map(|i| {
            let [x, y] = frame.at(i);
            let [dx, dy, grain, fade] = hands[frame.pixel(i)];
            let j = frame.sample(x + 1.1 * dx, y + 1.1 * dy);
            // Own colours count less than shades, so that dark skin keeps its features.
            let own = 1.0 - luma(frame.colours[j]);
            let shade = (1.05 - frame.levels[j]).max(0.0);
            let dark = (0.62 * own + 0.85 * shade).min(1.0);
            let (strokes, wash) = if frame.parts[j] == Part::Background {
                (0.75 * dark * fade, 0.06 * dark)
            } else {
                (dark, 0.34 * dark * dark)
            };
            let hatched = hatching(x + dx, y + dy, strokes);
            let much = (hatched * 0.62 + wash)
                .max(0.92 * lines[j] * mix(0.75, 1.0, grain))
                .max(if is_drawn_in(frame.parts[j]) { own } else { 0.0 });
            blend(PAPER, LEAD, (much * (0.78 + 0.36 * grain)).min(1.0))
        })
        .collect();
    frame.shrink(&samples)
}

/// Whether it is drawn as it is, not hatched.
fn is_drawn_in(part: Part) -> bool {
    matches!(part, Part::Iris | Part::Pupil | Part::Lash | Part::Brow | Part::Nostril | Part::Mouth | Part::Frame)
}

/// Strokes for a darkness, 0..1.
fn hatching(x: f32, y: f32, dark: f32) -> f32 {
    let stroke = |along: f32, from: f32| {
        let place = along - along.floor();
        let wide = 0.62 * step(from, from + 0.45, dark);
        step(0.5 * wide + 0.10, 0.5 * wide - 0.10, (place - 0.5).abs()) * step(from - 0.02, from + 0.08, dark)
    };
    let first = stroke((x + y) * 0.36, 0.20);
    let second = stroke((x - 0.8 * y) * 0.38, 0.48);
    let third = stroke((0.15 * x + y) * 0.52, 0.70);
    1.0 - (1.0 - 0.75 * first) * (1.0 - 0.75 * second) * (1.0 - 0.8 * third)
}

/// The background is only hinted at towards the margin.
fn fade(x: f32, y: f32, layer: i32) -> f32 {
    let (dx, dy) = ((x - 64.0) / 64.0, (y - 64.0) / 64.0);
    step(1.35, 0.6, (dx * dx + dy * dy).sqrt() + 0.5 * (noise2(x * 0.05, y * 0.05, layer + 5) - 0.5))
}
