//! Hair: a shell round the skull that ends where the family and the person say, and hangs straight down where it is long.

use super::{Grid, Kind};
use crate::camera::Camera;
use crate::face::Face;
use crate::hair::Hair;
use crate::identity::Identity;
use crate::maths::{Vec3, add, bump, mix, noise3, scale, step};

/// Height below which hair no longer follows the skull.
const HANGS: f32 = -0.12;

/// All of somebody's hair.
pub fn hair(id: &Identity, face: &Face, camera: &Camera, fine: usize) -> Vec<Grid> {
    let mut grids = vec![shell(id, face, camera, fine)];
    let hair = &id.hair;
    if hair.bun > 0.0 {
        let centre = [0.0, face.up + hair.bun * 0.55, -0.28];
        grids.push(Grid::ellipsoid(Kind::Hair, fine / 4, centre, [hair.bun * 1.05, hair.bun, hair.bun], |p| {
            camera.head(p)
        }));
    }
    if hair.tail > 0.0 {
        grids.push(tail(hair, face, camera, fine));
    }
    grids
}

/// Height at which the hair ends at a longitude, given by its sine and by half turns.
pub fn end(hair: &Hair, around: f32, turn: f32) -> f32 {
    let degrees = turn.abs() * 180.0;
    let fall = hair.fringe * (1.0 + 0.9 * hair.part * (around * 1.4).clamp(-1.0, 1.0));
    let front = hair.line - fall + 0.05 * bump((degrees - 34.0) / 18.0) * (1.0 - hair.fringe * 2.0);
    let front_to_side = mix(front, hair.side_end, step(hair.opening - 13.0, hair.opening + 9.0, degrees));
    mix(front_to_side, hair.back_end, step(98.0, 135.0, degrees))
}

fn shell(id: &Identity, face: &Face, camera: &Camera, fine: usize) -> Grid {
    let hair = &id.hair;
    let half_turn = std::f32::consts::PI;
    let hang = libm::asinf(HANGS / face.down);
    // Lengths along the skull are in units of its height.
    let to_hang = (0.5 * half_turn - hang) * face.up;
    Grid::around(Kind::Hair, [fine + 1, fine * 3 / 4], true, |longitude, turn, down| {
        let end = end(hair, longitude[0], turn);
        let whole = if end > HANGS {
            let sine = if end > 0.0 { end / face.up } else { end / face.down };
            (0.5 * half_turn - libm::asinf(sine.clamp(-1.0, 1.0))) * face.up
        } else {
            to_hang + HANGS - end
        };
        let way = down * whole;
        let angle = 0.5 * half_turn - way.min(to_hang) / face.up;
        let latitude = [libm::sinf(angle), libm::cosf(angle)];
        let mut p = face.skull(id, longitude, latitude);
        let hangs = (way - to_hang).max(0.0);
        p[1] -= hangs;
        let thick = thickness(hair, longitude, latitude[0], p, whole - way, step(HANGS - 0.1, HANGS - 0.4, end));
        let out = [
            longitude[0] * latitude[1].max(0.35),
            latitude[0] * step(0.0, 0.2, latitude[0]),
            longitude[1] * latitude[1].max(0.35),
        ];
        p = add(p, scale(out, thick));
        if hangs > 0.0 {
            let wider = 1.0 + hair.flare * step(0.0, 0.8, hangs) - 0.10 * step(0.0, 0.5, hangs);
            let sway = if hair.wave > 0.0 {
                hair.wave * libm::sinf(hangs * 8.0 + 4.0 * turn.abs()) * step(0.0, 0.3, hangs)
            } else {
                0.0
            };
            p[0] *= wider + sway;
            p[2] *= wider.min(1.0) + sway;
        }
        (camera.between(p, -0.7, -1.8), [turn, way, end])
    })
}

/// How far hair stands out: `left` is the way to its end, `hanging` how much it hangs there.
fn thickness(hair: &Hair, longitude: [f32; 2], up: f32, p: Vec3, left: f32, hanging: f32) -> f32 {
    let crown = step(0.1, 0.85, up);
    let mut thick = mix(hair.side, hair.top, crown);
    thick += hair.quiff * step(0.1, 0.8, longitude[1]) * bump((up - 0.72) / 0.42);
    thick = mix(thick, hair.side + hair.top * bump(p[0] / 0.2), hair.crest);
    if hair.spike > 0.0 {
        let at = [p[0] * 5.0, p[1] * 1.5, p[2] * 5.0];
        thick += hair.spike
            * (2.4 * noise3(at, 3) - 0.9)
            * step(0.0, 0.5, up)
            * (1.0 - hair.crest * (1.0 - bump(p[0] / 0.2)));
    }
    if hair.curl > 0.0 {
        thick +=
            hair.curl * (noise3(scale(p, 5.5), 5) * 1.6 - 0.6) + 0.5 * hair.curl * (noise3(scale(p, 11.0), 6) - 0.5);
    }
    let root = 0.012 + 0.12 * hair.fringe * step(0.0, 0.5, longitude[1]);
    let taper = mix(step(0.0, 0.28 + 0.4 * hair.top, left), 1.0, hanging);
    mix(root.min(thick), thick, taper).max(0.006)
}

/// A ponytail from the back of the head over a shoulder.
fn tail(hair: &Hair, face: &Face, camera: &Camera, fine: usize) -> Grid {
    let side = if hair.part < 0.0 { -1.0 } else { 1.0 };
    let count = fine / 3;
    let path: Vec<(Vec3, f32)> = (0..count)
        .map(|i| {
            let t = i as f32 / (count - 1) as f32;
            let x = side * mix(0.30, 0.98, step(0.0, 0.35, t));
            let y = face.up * 0.62 + 0.22 * bump((t - 0.15) / 0.25) - hair.tail * t * t * 0.9 - 0.9 * t;
            let z = mix(-0.95, -0.05, step(0.1, 0.9, t));
            let radius = 0.24 * step(-0.05, 0.25, t) * (1.0 - 0.85 * step(0.5, 1.0, t)) + 0.02;
            ([x, y, z], radius)
        })
        .collect();
    Grid::tube(Kind::Hair, &path, |turn, down| [turn, down * 2.5, 0.0], |p| camera.between(p, -0.5, -1.8))
}
