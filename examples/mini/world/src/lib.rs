//! A world of procedural portraits.
//!
//! A person is a set of numbers ([`identity::Identity`]), drawn from a seed. A [`scene::Scene`] says everything else about a picture:
//! how heads are held, what faces do, light, background, clothes, style. [`render::render`] draws it and says what is true of it:
//! where each face is, its five key points, which pixels show it. [`caption`] puts into words what is seen, but never who.
//!
//! The same seeds give the same bytes on every machine. No photograph of anybody is involved anywhere.

pub mod background;
mod camera;
pub mod caption;
mod face;
pub mod hair;
pub mod identity;
mod light;
mod maths;
mod mesh;
mod paint;
pub mod palette;
mod raster;
pub mod render;
pub mod rng;
pub mod scene;
pub mod shard;
pub mod sheet;
pub mod split;
pub mod style;
