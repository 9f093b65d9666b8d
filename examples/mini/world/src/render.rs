//! From a scene to a picture, and to everything that is true of it.

use crate::camera::Camera;
use crate::face::Face;
use crate::identity::Identity;
use crate::light::Lamp;
use crate::maths::{Vec3, luma};
use crate::mesh;
use crate::mesh::Kind;
use crate::paint::{Brush, Part};
use crate::raster::Canvas;
use crate::scene::Scene;
use crate::style::{Frame, SAMPLES};

/// A picture with its ground truth.
pub struct Picture {
    /// Pixels in a row, and in a column.
    pub size: usize,
    /// Red, green and blue, row after row.
    pub rgb: Vec<u8>,
    /// Whose face a pixel shows: 0 is nobody's, 1 the first person's, 2 the second's.
    pub faces: Vec<u8>,
    /// What is true of each person, in the scene's order.
    pub people: Vec<Truth>,
}

/// Where somebody's face is, in pixels of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Left, top, right and bottom of the face: from ear to ear, from forehead to chin.
    pub bbox: [f32; 4],
    /// Eyes, tip of the nose, corners of the mouth; left in the picture first, as insightface has them.
    pub kps: [[f32; 2]; 5],
}

/// Draws a scene as a square of `size` pixels a side.
pub fn render(scene: &Scene, size: usize) -> Picture {
    Renderer::new(size).render(scene)
}

/// Draws pictures of one size, in memory that it keeps.
pub struct Renderer {
    size: usize,
    canvas: Canvas,
    frame: Frame,
}

impl Renderer {
    /// For squares of `size` pixels a side.
    pub fn new(size: usize) -> Self {
        let side = size * SAMPLES;
        Renderer { size, canvas: Canvas::new([side, side]), frame: Frame::new([side, side]) }
    }

    /// Draws a scene.
    pub fn render(&mut self, scene: &Scene) -> Picture {
        let side = self.size * SAMPLES;
        // About one point for every three samples of a head.
        let nearest = scene.people.iter().map(|person| person.pose.size).fold(0.0, f32::max);
        let fine = ((nearest * side as f32 * 0.64) as usize / 4 * 4).clamp(40, 240);
        let faces: Vec<Face> =
            scene.people.iter().map(|person| Face::new(&person.identity, &person.expression, &person.pose)).collect();
        let cameras: Vec<Camera> = (scene.people.iter().enumerate())
            .map(|(i, person)| Camera::new(&person.pose, [side, side], 4.0 * i as f32))
            .collect();
        self.canvas.clear();
        for (i, person) in scene.people.iter().enumerate() {
            for grid in mesh::person(person, &faces[i], &cameras[i], fine) {
                self.canvas.draw(&grid, &cameras[i], i as u8);
            }
        }
        self.paint(scene, &faces, &cameras);
        let drawn = scene.style.draw(&self.frame).into_iter().flatten();
        let rgb = drawn.map(|value| (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8).collect();
        let people = scene.people.iter().zip(&faces).zip(&cameras);
        let people = people.map(|((person, face), camera)| truth(&person.identity, face, camera)).collect();
        Picture { size: self.size, rgb, faces: face_mask(&self.frame), people }
    }

    fn paint(&mut self, scene: &Scene, faces: &[Face], cameras: &[Camera]) {
        let people = scene.people.iter().zip(faces).zip(cameras);
        let brushes: Vec<Brush> = people.map(|((person, face), camera)| Brush::new(person, face, camera)).collect();
        let lamp = Lamp::new(&scene.light);
        let behind = background(scene, &self.canvas, self.size);
        self.frame.clear(scene.seed);
        for (i, sample) in self.canvas.samples().iter().enumerate() {
            if sample.kind == Kind::None {
                let colour = behind[self.frame.pixel(i)];
                self.frame.push(Part::Background, 0, sample.depth, [colour, colour], luma(colour));
            } else {
                let paint = brushes[sample.person as usize].paint(sample);
                let (level, lit) = lamp.shine(&paint, sample.normal);
                self.frame.push(paint.part, sample.person + 1, sample.depth, [paint.colour, lit], level);
            }
        }
    }
}

/// One colour for each pixel, as backgrounds are soft; none where people hide it.
fn background(scene: &Scene, canvas: &Canvas, size: usize) -> Vec<Vec3> {
    let at = |place: usize| (place as f32 + 0.5) / size as f32;
    let is_open = |row: usize, column: usize| {
        let first = (row * size * SAMPLES + column) * SAMPLES;
        let lines = canvas.samples()[first..].chunks(size * SAMPLES).take(SAMPLES);
        lines.flat_map(|line| &line[..SAMPLES]).any(|sample| sample.kind == Kind::None)
    };
    let colour = |row, column| {
        if is_open(row, column) { scene.background.colour(at(column), at(row), scene.seed) } else { [0.0; 3] }
    };
    (0..size * size).map(|i| colour(i / size, i % size)).collect()
}

/// The face at the first sample of each pixel.
fn face_mask(frame: &Frame) -> Vec<u8> {
    let (width, height) = (frame.width / SAMPLES, frame.height / SAMPLES);
    let first = |i: usize| (i / width) * SAMPLES * frame.width + (i % width) * SAMPLES;
    (0..width * height).map(first).map(|i| if frame.parts[i].is_face() { frame.people[i] } else { 0 }).collect()
}

fn truth(id: &Identity, face: &Face, camera: &Camera) -> Truth {
    let pixel = |p| {
        let [x, y, _] = camera.project(camera.head(p));
        [x / SAMPLES as f32, y / SAMPLES as f32]
    };
    let mut bbox = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
    // From the hairline to the chin, and round to before the ears.
    for row in 0..=16 {
        let y = id.hair.line.min(0.62) + (-face.down * 0.995 - id.hair.line.min(0.62)) * row as f32 / 16.0;
        let s = y / if y > 0.0 { face.up } else { face.down };
        let c = (1.0 - s * s).max(0.0).sqrt();
        for longitude in
            [[-0.97, 0.24], [-0.7, 0.71], [-0.35, 0.94], [0.0, 1.0], [0.35, 0.94], [0.7, 0.71], [0.97, 0.24]]
        {
            let mut p = face.skull(id, longitude, [s, c]);
            p[2] += face.relief(id, p[0], p[1]);
            let [x, y] = pixel(p);
            bbox = [bbox[0].min(x), bbox[1].min(y), bbox[2].max(x), bbox[3].max(y)];
        }
    }
    Truth { bbox, kps: face.key_points(id).map(pixel) }
}
