//! Glasses: two rims, a bridge and the sides.

use super::{Grid, Kind};
use crate::camera::Camera;
use crate::face::Face;
use crate::identity::Identity;
use crate::maths::{Vec3, mix};
use crate::scene::Glasses;

/// The frame; it sits on this nose and before these eyes.
pub fn glasses(glasses: &Glasses, id: &Identity, face: &Face, camera: &Camera, fine: usize) -> Vec<Grid> {
    let wide = (id.eye_width * 1.30).min(id.eye_apart - 0.07);
    let z = face.over(id, id.eye_apart - 0.6 * wide, 0.22)[2].max(face.over(id, 0.0, 0.0)[2]) + 0.08;
    let tube = |path: &[Vec3]| {
        let path: Vec<(Vec3, f32)> = path.iter().map(|p| (*p, glasses.thick)).collect();
        Grid::tube(Kind::Frame, &path, |turn, down| [turn, down, 0.0], |p| camera.head(p))
    };
    // Rims curve back a little towards the sides.
    let at = |x: f32, y: f32| [x, y, z - 0.12 * x * x];
    let rim = |side: f32| {
        let count = fine / 2;
        let path: Vec<Vec3> = (0..=count)
            .map(|i| {
                let angle = std::f32::consts::TAU * i as f32 / count as f32;
                let (sin, cos) = (libm::sinf(angle), libm::cosf(angle));
                // Towards a square: the same angle on a circle blown up to its box.
                let blow = mix(1.0, 1.0 / sin.abs().max(cos.abs()), 0.75 * glasses.square);
                at(side * id.eye_apart + wide * cos * blow, -0.03 + wide * glasses.tall * sin * blow)
            })
            .collect();
        tube(&path)
    };
    let inner = id.eye_apart - wide;
    let bridge: Vec<Vec3> = (0..=6)
        .map(|i| {
            let t = i as f32 / 3.0 - 1.0;
            let [x, y, z] = at(t * inner, 0.03 + 0.03 * (1.0 - t * t));
            [x, y, z + 0.04]
        })
        .collect();
    let arm = |side: f32| {
        let outer = id.eye_apart + wide;
        let start = at(side * outer, 0.04);
        tube(&[start, [side * (id.width + 0.04), 0.03, 0.2], [side * (id.width + 0.05), 0.0, -0.15]])
    };
    vec![rim(-1.0), rim(1.0), tube(&bridge), arm(-1.0), arm(1.0)]
}
