//! Glowing lines on a dark wall, in the colours of what they border.

use super::Frame;
use super::frame::{SAMPLES, blur};
use crate::maths::{Vec3, add, blend, luma, scale, step, times};
use crate::paint::Part;

const WALL: Vec3 = [0.030, 0.020, 0.075];

/// Draws a frame.
pub fn draw(frame: &Frame) -> Vec<Vec3> {
    let lines = frame.all_lines(1.1);
    let tubes: Vec<Vec3> = (0..lines.len())
        .map(|i| {
            let strong = if frame.parts[i] == Part::Background { lines[i].min(1.0) } else { lines[i] };
            // On the background a line belongs to what it borders, which is below or to the right.
            scale(glow(frame, i), strong)
        })
        .collect();
    let fill: Vec<Vec3> = (0..lines.len()).map(|i| dim(frame, i)).collect();
    let (tubes, fill) = (frame.shrink(&tubes), frame.shrink(&fill));
    let (width, height) = (frame.width / SAMPLES, frame.height / SAMPLES);
    let unit = frame.unit() / SAMPLES as f32;
    let halo = |reach: f32| {
        let reach = (reach * unit).round().max(1.0) as usize;
        blur(&blur(&tubes, width, 1, reach), height, width, reach)
    };
    let (near, far) = (halo(1.2), halo(4.0));
    (0..tubes.len())
        .map(|i| {
            let light = add(scale(near[i], 0.85), scale(far[i], 0.9));
            let core = blend(tubes[i], [luma(tubes[i]).min(1.0); 3], 0.25);
            add(fill[i], add(scale(core, 1.15), light))
        })
        .collect()
}

/// A colour as a tube of gas has it: as bright and clear as can be; greys become blue.
fn glow(frame: &Frame, i: usize) -> Vec3 {
    let own = if frame.parts[i] == Part::Background { [0.30, 0.55, 1.0] } else { frame.colours[i] };
    let (most, least) = (own[0].max(own[1]).max(own[2]), own[0].min(own[1]).min(own[2]));
    let clear = (most - least) / most.max(0.05);
    let pure = scale(
        [own[0] - 0.85 * least, own[1] - 0.85 * least, own[2] - 0.85 * least],
        1.0 / (most - 0.85 * least).max(0.04),
    );
    let tint = blend([0.45, 0.75, 1.0], pure, step(0.08, 0.3, clear));
    // Dark things glow, but less than bright ones.
    scale(tint, 0.62 + 0.45 * most)
}

/// What is seen of a thing by the light of the tubes.
fn dim(frame: &Frame, i: usize) -> Vec3 {
    if frame.parts[i] == Part::Background {
        return add(WALL, scale(times(frame.colours[i], [0.55, 0.40, 0.85]), 0.16));
    }
    add(scale(WALL, 0.7), times(frame.lit[i], [0.36, 0.25, 0.44]))
}
