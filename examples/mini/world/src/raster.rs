//! Which surface is seen at each sample of a picture.

use crate::camera::Camera;
use crate::maths::{Vec3, add, scale};
use crate::mesh::{Grid, Kind, Vertex};

/// What is seen at one sample.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Of what; nothing else counts where it is of nothing.
    pub kind: Kind,
    /// Of whom: the place among the people.
    pub person: u8,
    /// Whether the inside of an open surface is seen.
    pub is_inside: bool,
    /// How near it is.
    pub depth: f32,
    /// Towards the outside; of about length 1.
    pub normal: Vec3,
    /// What the paint goes by.
    pub coords: Vec3,
}

const NOTHING: Sample = Sample {
    kind: Kind::None,
    person: 0,
    is_inside: false,
    depth: f32::MIN,
    normal: [0.0, 0.0, 1.0],
    coords: [0.0; 3],
};

/// Samples, row after row.
pub struct Canvas {
    width: usize,
    height: usize,
    samples: Vec<Sample>,
}

/// Triangles overlap by this share, so that rounding leaves no holes between them.
const SEAM: f32 = 1e-3;

/// A corner of a triangle: its point, and where that is in the picture.
type Corner<'a> = (&'a Vertex, Vec3);

impl Canvas {
    /// An empty canvas.
    pub fn new([width, height]: [usize; 2]) -> Self {
        Canvas { width, height, samples: vec![NOTHING; width * height] }
    }

    /// Takes everything away.
    pub fn clear(&mut self) {
        self.samples.fill(NOTHING);
    }

    /// What is seen, row after row.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Draws a surface of a person, where nothing is nearer.
    pub fn draw(&mut self, grid: &Grid, camera: &Camera, person: u8) {
        let seen: Vec<Vec3> = grid.points.iter().map(|point| camera.project(point.place)).collect();
        let columns = grid.columns;
        for row in 0..grid.points.len() / columns - 1 {
            for column in 0..columns - 1 {
                let first = row * columns + column;
                let corner = |i: usize| (&grid.points[i], seen[i]);
                let [a, b, c, d] = [first, first + 1, first + columns, first + columns + 1].map(corner);
                self.triangle(grid, [a, b, c], person);
                self.triangle(grid, [b, d, c], person);
            }
        }
    }

    fn triangle(&mut self, grid: &Grid, [a, b, c]: [Corner; 3], person: u8) {
        let (pa, pb, pc) = (a.1, b.1, c.1);
        let area = (pb[0] - pa[0]) * (pc[1] - pa[1]) - (pb[1] - pa[1]) * (pc[0] - pa[0]);
        let is_inside = area < 0.0;
        if area.abs() < 1e-9 || is_inside && !grid.is_open {
            return;
        }
        let least = |i: usize| pa[i].min(pb[i]).min(pc[i]);
        let most = |i: usize| pa[i].max(pb[i]).max(pc[i]);
        // Samples lie in the middles of their squares; numbers below 0 become 0.
        let (left, right) =
            ((least(0) - 0.5).ceil().max(0.0) as usize, ((most(0) + 0.5).floor() as usize).min(self.width));
        let (top, bottom) =
            ((least(1) - 0.5).ceil().max(0.0) as usize, ((most(1) + 0.5).floor() as usize).min(self.height));
        // How the weights of a and b grow to the right and down; at a they are 1 and 0.
        let share = 1.0 / area;
        let growth = |p: Vec3, q: Vec3| [(p[1] - q[1]) * share, (q[0] - p[0]) * share];
        let (of_a, of_b) = (growth(pb, pc), growth(pc, pa));
        for row in top..bottom {
            let y = row as f32 + 0.5 - pa[1];
            for column in left..right {
                let x = column as f32 + 0.5 - pa[0];
                let (wa, wb) = (1.0 + of_a[0] * x + of_a[1] * y, of_b[0] * x + of_b[1] * y);
                let wc = 1.0 - wa - wb;
                if wa < -SEAM || wb < -SEAM || wc < -SEAM {
                    continue;
                }
                let depth = wa * pa[2] + wb * pb[2] + wc * pc[2];
                let sample = &mut self.samples[row * self.width + column];
                if depth > sample.depth {
                    let of = |f: fn(&Vertex) -> Vec3| add(add(scale(f(a.0), wa), scale(f(b.0), wb)), scale(f(c.0), wc));
                    let normal = scale(of(|v| v.normal), if is_inside { -1.0 } else { 1.0 });
                    *sample = Sample { kind: grid.kind, person, is_inside, depth, normal, coords: of(|v| v.coords) };
                }
            }
        }
    }
}
