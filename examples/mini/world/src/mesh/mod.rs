//! People as surfaces: grids of points, each with a place, a normal and the coordinates that its paint goes by.

mod body;
mod glasses;
mod hair;
mod head;

use crate::camera::Camera;
use crate::face::Face;
use crate::maths::{Vec3, add, cross, scale, sub, unit};
use crate::scene::Person;

/// What a surface is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing: the background.
    None,
    /// The head. Painted by its own coordinates.
    Head,
    /// An ear.
    Ear,
    /// Hair. Painted by the longitude, the way down from the crown, and the height of its end.
    Hair,
    /// The neck.
    Neck,
    /// The body in its clothes.
    Body,
    /// The frame of glasses.
    Frame,
}

/// A point of a surface.
#[derive(Clone, Copy, Debug)]
pub struct Vertex {
    /// Where it is, placed by the camera but not projected.
    pub place: Vec3,
    /// Outwards, of length 1.
    pub normal: Vec3,
    /// What its paint goes by.
    pub coords: Vec3,
}

/// A surface: rows from the top down; along a row, to the right on the side of the viewer.
pub struct Grid {
    /// What it is of.
    pub kind: Kind,
    /// Points in a row.
    pub columns: usize,
    /// Row after row.
    pub points: Vec<Vertex>,
    /// Whether its inside can be seen.
    pub is_open: bool,
}

impl Grid {
    /// A surface round an upright axis. `at` gives the place and the coordinates for the `[sin, cos]` of a longitude, the longitude itself
    /// in -1..1 (half turns), and the way down in 0..1. The last column is the first again.
    fn around(kind: Kind, size: [usize; 2], is_open: bool, at: impl Fn([f32; 2], f32, f32) -> (Vec3, Vec3)) -> Self {
        let [columns, rows] = size;
        let mut points = Vec::with_capacity(columns * rows);
        let turns: Vec<(f32, [f32; 2])> = (0..columns)
            .map(|i| {
                let u = 2.0 * i as f32 / (columns - 1) as f32 - 1.0;
                // Twice as dense in front as on average.
                let turn = 0.5 * u + 0.5 * u * u * u;
                let angle = turn * std::f32::consts::PI;
                (turn, [libm::sinf(angle), libm::cosf(angle)])
            })
            .collect();
        for row in 0..rows {
            let down = row as f32 / (rows - 1) as f32;
            for (turn, longitude) in &turns {
                let (place, coords) = at(*longitude, *turn, down);
                points.push(Vertex { place, normal: [0.0; 3], coords });
            }
        }
        let mut grid = Grid { kind, columns, points, is_open };
        grid.find_normals();
        grid
    }

    /// An ellipsoid with half axes `size` about `centre`, placed by `place`; its coordinates are those of the unit ball.
    fn ellipsoid(kind: Kind, fine: usize, centre: Vec3, size: Vec3, place: impl Fn(Vec3) -> Vec3) -> Self {
        let latitudes = latitudes(fine, 1.0, -1.0);
        Grid::around(kind, [fine * 2, fine], false, |[around, front], _, down| {
            let [s, c] = latitudes[(down * (fine - 1) as f32 + 0.5) as usize];
            let ball = [c * around, s, c * front];
            (place(add(centre, [ball[0] * size[0], ball[1] * size[1], ball[2] * size[2]])), ball)
        })
    }

    /// A tube along `path`, closed where the path is, with a radius for each of its points.
    fn tube(kind: Kind, path: &[(Vec3, f32)], coords: impl Fn(f32, f32) -> Vec3, place: impl Fn(Vec3) -> Vec3) -> Self {
        let last = path.len() - 1;
        Grid::around(kind, [9, path.len()], true, |[around, front], turn, down| {
            let i = (down * last as f32 + 0.5) as usize;
            let (before, after) = (path[i.saturating_sub(1)].0, path[(i + 1).min(last)].0);
            let along = unit(sub(after, before));
            let aside = unit(cross(if along[2].abs() < 0.9 { [0.0, 0.0, -1.0] } else { [0.0, -1.0, 0.0] }, along));
            let ahead = cross(along, aside);
            let (centre, radius) = path[i];
            let offset = add(scale(aside, -around * radius), scale(ahead, front * radius));
            (place(add(centre, offset)), coords(turn, down))
        })
    }

    fn find_normals(&mut self) {
        let (columns, rows) = (self.columns, self.points.len() / self.columns);
        let place = |row: usize, column: usize| self.points[row * columns + column].place;
        let normals: Vec<Vec3> = (0..rows * columns)
            .map(|i| {
                let (row, column) = (i / columns, i % columns);
                let (left, right) =
                    if column == 0 || column == columns - 1 { (columns - 2, 1) } else { (column - 1, column + 1) };
                // At a pole all columns meet: the next row's normal serves.
                let near = if columns > 2 { row.clamp(1, rows - 2) } else { row };
                let across = sub(place(near, right), place(near, left));
                let down = sub(place((row + 1).min(rows - 1), column), place(row.saturating_sub(1), column));
                unit(cross(down, across))
            })
            .collect();
        for (point, normal) in self.points.iter_mut().zip(normals) {
            point.normal = normal;
        }
    }
}

/// `[sin, cos]` of `count` latitudes from one sine to another, in equal angles.
fn latitudes(count: usize, from: f32, to: f32) -> Vec<[f32; 2]> {
    let (from, to) = (libm::asinf(from), libm::asinf(to));
    let angle = |i: usize| from + (to - from) * i as f32 / (count - 1) as f32;
    (0..count).map(|i| [libm::sinf(angle(i)), libm::cosf(angle(i))]).collect()
}

/// Everything of a person that can be seen, about from the front to the back: what is hidden then costs least. `fine` is the number of
/// points round a head.
pub fn person(person: &Person, face: &Face, camera: &Camera, fine: usize) -> Vec<Grid> {
    let id = &person.identity;
    let mut grids = Vec::new();
    if let Some(glasses) = &person.glasses {
        grids.extend(glasses::glasses(glasses, id, face, camera, fine));
    }
    grids.extend(hair::hair(id, face, camera, fine));
    grids.push(head::head(id, face, camera, fine));
    // Hair that hangs down covers the ears.
    if id.hair.side_end > -0.3 {
        grids.extend(head::ears(id, camera, fine));
    }
    grids.extend([body::neck(id, face, camera, fine), body::body(id, camera, fine)]);
    grids
}
