//! The head with its features in relief, and the ears.

use super::{Grid, Kind, latitudes};
use crate::camera::Camera;
use crate::face::Face;
use crate::identity::Identity;
use crate::maths::{bump, step};
use crate::paint::beard_at;

/// The head; its coordinates are its own.
pub fn head(id: &Identity, face: &Face, camera: &Camera, fine: usize) -> Grid {
    let latitudes = latitudes(fine + 1, 1.0, -1.0);
    Grid::around(Kind::Head, [fine + 1, fine + 1], false, |longitude, _, down| {
        let latitude = latitudes[(down * fine as f32 + 0.5) as usize];
        let mut p = face.skull(id, longitude, latitude);
        let [x, y, _] = p;
        if longitude[1] > 0.0 {
            p[2] += face.relief(id, x, y) * step(0.1, 0.4, longitude[1]);
        }
        // A beard stands out downwards as well as forwards.
        let thick = 0.16 * id.beard_length * beard_at(id, face, x, y) * step(-0.1, 0.3, longitude[1]);
        p[2] += 0.5 * thick;
        p[1] -= thick * step(-0.4, -1.0, y);
        p[0] *= 1.0 + 0.5 * thick;
        (camera.head(p), [x, y, p[2]])
    })
}

/// Both ears.
pub fn ears(id: &Identity, camera: &Camera, fine: usize) -> [Grid; 2] {
    [-1.0, 1.0].map(|side| {
        let out = 0.05 + 0.07 * id.ear_out;
        let x = side * (id.width * (1.0 + id.cheek) * 0.97 + out * 0.4);
        let centre = [x, -0.17 * id.height, -0.10];
        let size = [out + 0.03, id.ear, id.ear * 0.62];
        Grid::ellipsoid(Kind::Ear, fine / 4, centre, size, |mut p| {
            // The rim stands off, the lobe does not.
            let up = (p[1] - centre[1]) / id.ear;
            p[0] += side * 0.05 * id.ear_out * bump((up - 0.5) / 0.9);
            camera.head(p)
        })
    })
}
