//! From a head's own coordinates to the picture.

use crate::maths::{Rotation, Vec3, add, blend, step, sub};
use crate::scene::Pose;

/// The distance of the viewer, in units of half a head: a portrait lens.
const DISTANCE: f32 = 8.0;

/// What heads turn about.
const NECK: Vec3 = [0.0, -0.75, -0.25];

/// Places a person in a picture.
#[derive(Clone, Copy, Debug)]
pub struct Camera {
    head: Rotation,
    body: Rotation,
    centre: [f32; 2],
    /// Pixels for one unit at the depth of the neck.
    pub scale: f32,
    /// Added to depths, so that one person stands before another.
    depth: f32,
}

impl Camera {
    /// For a picture of `[width, height]` pixels; of two people the one with less `depth` is behind.
    pub fn new(pose: &Pose, size: [usize; 2], depth: f32) -> Self {
        let [width, height] = size.map(|side| side as f32);
        Camera {
            head: Rotation::new(pose.yaw, pose.pitch, pose.roll),
            body: Rotation::new(pose.yaw * 0.35, 0.0, pose.roll * 0.12),
            centre: [pose.at[0] * width, pose.at[1] * height],
            scale: pose.size * height,
            depth,
        }
    }

    /// A place on the head.
    pub fn head(&self, p: Vec3) -> Vec3 {
        add(self.head.apply(sub(p, NECK)), NECK)
    }

    /// A place on the body.
    pub fn body(&self, p: Vec3) -> Vec3 {
        add(self.body.apply(sub(p, NECK)), NECK)
    }

    /// A place between the two: above `top` it moves with the head, below `bottom` with the body.
    pub fn between(&self, p: Vec3, top: f32, bottom: f32) -> Vec3 {
        blend(self.head(p), self.body(p), step(top, bottom, p[1]))
    }

    /// Across and down in pixels, and how near, of a placed point.
    pub fn project(&self, p: Vec3) -> Vec3 {
        let k = self.scale * DISTANCE / (DISTANCE - p[2]);
        [self.centre[0] + p[0] * k, self.centre[1] - p[1] * k, p[2] + self.depth]
    }
}
