//! The neck and the body down to where pictures end.

use super::{Grid, Kind};
use crate::camera::Camera;
use crate::face::Face;
use crate::identity::Identity;
use crate::maths::{mix, step};

/// Height at which the body begins.
const TOP: f32 = -1.22;

/// The neck; its coordinates are its own.
pub fn neck(id: &Identity, face: &Face, camera: &Camera, fine: usize) -> Grid {
    let top = -face.down * 0.62;
    let radius = 0.37 * mix(1.0, id.build, 0.8);
    Grid::around(Kind::Neck, [fine / 2 + 1, 8], false, |[around, front], _, down| {
        let y = mix(top, TOP - 0.28, down);
        let wide = radius * (1.0 + 0.25 * step(0.55, 1.0, down));
        let p = [around * wide, y, front * wide * 0.95 - 0.22];
        (camera.between(p, top - 0.1, TOP), p)
    })
}

/// The body; its coordinates are its own.
pub fn body(id: &Identity, camera: &Camera, fine: usize) -> Grid {
    Grid::around(Kind::Body, [fine / 2 + 1, 24], true, |[around, front], _, down| {
        let y = TOP - 2.4 * down * down;
        let slope = (TOP - y).max(0.0);
        // From the neck a slope to round shoulders.
        let shoulder = 1.0 - (1.0 - step(0.0, 0.62, slope)) * (1.0 - step(0.0, 0.62, slope));
        let wide = mix(0.34, 1.42, shoulder) * id.build;
        let deep = mix(0.32, 0.62, shoulder) * mix(1.0, id.build, 0.5);
        let p = [around * wide, y, front * deep - 0.24];
        (camera.body(p), p)
    })
}
