//! What styles draw from: two by two samples for each pixel.

use crate::maths::{Vec3, add, scale, sub};
use crate::paint::Part;

/// Samples along a side of a pixel.
pub const SAMPLES: usize = 2;

/// A picture before it is drawn: a value for each sample, row after row.
pub struct Frame {
    /// Samples in a row.
    pub width: usize,
    /// Rows of samples.
    pub height: usize,
    /// What is seen.
    pub parts: Vec<Part>,
    /// Of whom: the place among the people, one more than that; 0 is the background.
    pub people: Vec<u8>,
    /// How near it is.
    pub depths: Vec<f32>,
    /// Its own colour.
    pub colours: Vec<Vec3>,
    /// How much light it gets.
    pub levels: Vec<f32>,
    /// Its colour in that light.
    pub lit: Vec<Vec3>,
    /// The seed of texture.
    pub seed: u64,
}

impl Frame {
    /// Without samples, for `[width, height]` of them.
    pub fn new([width, height]: [usize; 2]) -> Self {
        let count = width * height;
        Frame {
            width,
            height,
            parts: Vec::with_capacity(count),
            people: Vec::with_capacity(count),
            depths: Vec::with_capacity(count),
            colours: Vec::with_capacity(count),
            levels: Vec::with_capacity(count),
            lit: Vec::with_capacity(count),
            seed: 0,
        }
    }

    /// Takes all samples away; the next ones have a texture of their own.
    pub fn clear(&mut self, seed: u64) {
        self.parts.clear();
        self.people.clear();
        self.depths.clear();
        self.colours.clear();
        self.levels.clear();
        self.lit.clear();
        self.seed = seed;
    }

    /// Adds the next sample: its own colour and its colour in the light.
    pub fn push(&mut self, part: Part, person: u8, depth: f32, [colour, lit]: [Vec3; 2], level: f32) {
        self.parts.push(part);
        self.people.push(person);
        self.depths.push(depth);
        self.colours.push(colour);
        self.levels.push(level);
        self.lit.push(lit);
    }

    /// Samples to the 128th part of the height: what strokes are measured in.
    pub fn unit(&self) -> f32 {
        self.height as f32 / 128.0
    }

    /// A number for noise of its own.
    pub fn layer(&self) -> i32 {
        (self.seed % 8191) as i32
    }

    /// The place of a sample in units, across and down.
    pub fn at(&self, i: usize) -> [f32; 2] {
        let unit = self.unit();
        [(i % self.width) as f32 / unit, (i / self.width) as f32 / unit]
    }

    /// The pixel of a sample.
    pub fn pixel(&self, i: usize) -> usize {
        i / self.width / SAMPLES * (self.width / SAMPLES) + i % self.width / SAMPLES
    }

    /// Something for each pixel, by its place in units: what is too soft for samples.
    pub fn texture<T>(&self, at: impl Fn(f32, f32) -> T) -> Vec<T> {
        let (width, height) = (self.width / SAMPLES, self.height / SAMPLES);
        let pitch = SAMPLES as f32 / self.unit();
        let mut texture = Vec::with_capacity(width * height);
        for row in 0..height {
            texture.extend((0..width).map(|column| at((column as f32 + 0.5) * pitch, (row as f32 + 0.5) * pitch)));
        }
        texture
    }

    /// The sample at a place in units, the nearest inside of the picture.
    pub fn sample(&self, x: f32, y: f32) -> usize {
        let unit = self.unit();
        let column = ((x * unit).max(0.0) as usize).min(self.width - 1);
        let row = ((y * unit).max(0.0) as usize).min(self.height - 1);
        row * self.width + column
    }

    /// Pixels as means of their samples.
    pub fn shrink(&self, samples: &[Vec3]) -> Vec<Vec3> {
        let (width, height) = (self.width / SAMPLES, self.height / SAMPLES);
        let share = 1.0 / (SAMPLES * SAMPLES) as f32;
        let pixel = |i: usize| {
            let first = (i / width) * SAMPLES * self.width + (i % width) * SAMPLES;
            let mut sum = [0.0; 3];
            for down in 0..SAMPLES {
                for right in 0..SAMPLES {
                    sum = add(sum, samples[first + down * self.width + right]);
                }
            }
            scale(sum, share)
        };
        (0..width * height).map(pixel).collect()
    }

    /// Outlines of heads, hair, clothes and people, 0..1 and about `thick` units wide.
    pub fn outlines(&self, thick: f32) -> Vec<f32> {
        self.widen(self.borders(outline), (thick * self.unit() * 0.5).round() as usize)
    }

    /// Outlines, and those of eyes, brows, nose, mouth and glasses.
    pub fn all_lines(&self, thick: f32) -> Vec<f32> {
        let mut lines = self.outlines(thick);
        let features = self.widen(self.borders(feature), (thick * self.unit() * 0.25).round() as usize);
        lines.iter_mut().zip(features).for_each(|(line, feature)| *line = line.max(feature));
        lines
    }

    /// At each sample, how strong the line is between it and its neighbours to the right and below.
    fn borders(&self, weight: fn(Part, Part) -> f32) -> Vec<f32> {
        let mut lines = vec![0.0f32; self.width * self.height];
        for row in 0..self.height - 1 {
            for column in 0..self.width - 1 {
                let i = row * self.width + column;
                for j in [i + 1, i + self.width] {
                    let (a, b) = (self.parts[i], self.parts[j]);
                    let is_step = (self.depths[i] - self.depths[j]).abs() > STEP;
                    let strong = match (a == b, self.people[i] == self.people[j]) {
                        (_, false) => weight(Part::Background, a).max(weight(Part::Background, b)),
                        (true, true) if is_step && a != Part::Background => 0.7 * weight(a, Part::Background),
                        (true, true) => 0.0,
                        (false, true) => weight(a, b),
                    };
                    lines[i] = lines[i].max(strong);
                }
            }
        }
        lines
    }

    /// The greatest value within so many samples across and down.
    fn widen(&self, lines: Vec<f32>, reach: usize) -> Vec<f32> {
        if reach == 0 {
            return lines;
        }
        let most = |from: &[f32], length: usize, stride: usize| {
            let mut wide = vec![0.0f32; from.len()];
            for (i, value) in from.iter().enumerate().filter(|(_, value)| **value > 0.0) {
                let place = i / stride % length;
                let first = i - place.min(reach) * stride;
                let last = i + (length - 1 - place).min(reach) * stride;
                for j in (first..=last).step_by(stride) {
                    wide[j] = wide[j].max(*value);
                }
            }
            wide
        };
        most(&most(&lines, self.width, 1), self.height, self.width)
    }

    /// The lit picture smoothed over squares of so many units to each side.
    pub fn blurred(&self, samples: &[Vec3], reach: f32) -> Vec<Vec3> {
        let reach = (reach * self.unit()).round().max(1.0) as usize;
        blur(&blur(samples, self.width, 1, reach), self.height, self.width, reach)
    }
}

/// Means over `reach` values to each side, along lines of `length` values that are `stride` apart.
pub fn blur(from: &[Vec3], length: usize, stride: usize, reach: usize) -> Vec<Vec3> {
    let mut to = vec![[0.0; 3]; from.len()];
    let lines = from.len() / length;
    for line in 0..lines {
        let first = if stride == 1 { line * length } else { line };
        let value = |place: usize| from[first + place * stride];
        let mut sum = (0..reach.min(length)).fold([0.0; 3], |sum, place| add(sum, value(place)));
        let mut count = reach.min(length);
        for place in 0..length {
            if place + reach < length {
                sum = add(sum, value(place + reach));
                count += 1;
            }
            if place > reach {
                sum = sub(sum, value(place - reach - 1));
                count -= 1;
            }
            to[first + place * stride] = scale(sum, 1.0 / count as f32);
        }
    }
    to
}

/// A difference in depth that makes a line, in units of half a head.
const STEP: f32 = 0.22;

/// How strong the outline between two parts is.
fn outline(a: Part, b: Part) -> f32 {
    // What is drawn on a face is no outline of it.
    let whole = |part: Part| if part.is_face() || part == Part::Scalp { Part::Skin } else { part };
    match (whole(a), whole(b)) {
        (a, b) if a == b => 0.0,
        (Part::Frame, _) | (_, Part::Frame) => 0.0,
        (Part::Ear, Part::Skin) | (Part::Skin, Part::Ear) => 0.6,
        _ => 1.0,
    }
}

/// How strong the line between two features of a face is.
fn feature(a: Part, b: Part) -> f32 {
    use Part::{Beard, Brow, Frame, Iris, Lip, Pupil, Skin, Teeth};
    match (a, b) {
        (Iris, Pupil) | (Pupil, Iris) => 0.0,
        (Teeth, _) | (_, Teeth) => 0.25,
        (Skin, Beard | Lip | Brow) | (Beard | Lip | Brow, Skin) => 0.4,
        (Frame, _) | (_, Frame) => 0.45,
        _ if a.is_face() && b.is_face() => 0.7,
        _ => 0.0,
    }
}
