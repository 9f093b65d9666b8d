//! Where, when and how strongly a conditioning counts.

use crate::wires::{Conditioning, Place, Sizes, Span};
use selfsame_sdk::prelude::*;

/// Lets a conditioning see and steer only a rectangle of the picture.
#[node(id = "core.conditioning.area", category = "conditioning/place", search = ["region", "ConditioningSetArea"])]
#[output(conditioning = "the conditioning with its place")]
pub fn conditioning_area(
    /// The conditioning.
    mut conditioning: Conditioning,
    /// The left edge, as a fraction of the picture.
    #[param(default = 0.0, hard = 0.0..=1.0)]
    x: f64,
    /// The upper edge.
    #[param(default = 0.0, hard = 0.0..=1.0)]
    y: f64,
    /// The width.
    #[param(default = 1.0, hard = 0.0..=1.0)]
    width: f64,
    /// The height.
    #[param(default = 1.0, hard = 0.0..=1.0)]
    height: f64,
    /// Weight against other entries where they overlap.
    #[param(default = 1.0, hard = 0.0..=10.0)]
    strength: f64,
) -> Result<Conditioning> {
    for entry in &mut conditioning.entries {
        entry.place = Some(Place::Fractions([x, y, width, height]));
        entry.strength = strength;
    }
    Ok(conditioning)
}

/// Weights a conditioning by a mask: where the mask is 0 other entries steer.
#[node(id = "core.conditioning.mask", category = "conditioning/place", search = ["region", "ConditioningSetMask"])]
#[output(conditioning = "the conditioning with its mask")]
pub fn conditioning_mask(
    /// The conditioning.
    mut conditioning: Conditioning,
    /// Where it counts, at any resolution.
    mask: Mask,
    /// Weight against other entries where they overlap.
    #[param(default = 1.0, hard = 0.0..=10.0)]
    strength: f64,
) -> Result<Conditioning> {
    for entry in &mut conditioning.entries {
        entry.mask = Some(mask.clone());
        entry.strength = strength;
    }
    Ok(conditioning)
}

/// Lets a conditioning count only during a part of the sampling.
#[node(id = "core.conditioning.window", category = "conditioning/place", search = ["ConditioningSetTimestepRange"])]
#[output(conditioning = "the conditioning with its window")]
pub fn conditioning_window(
    /// The conditioning.
    mut conditioning: Conditioning,
    /// Where it begins, as a fraction of the sampling.
    #[param(default = 0.0, hard = 0.0..=1.0)]
    start: f64,
    /// Where it ends.
    #[param(default = 1.0, hard = 0.0..=1.0)]
    end: f64,
) -> Result<Conditioning> {
    if start > end {
        return Err(Error::input("start", format!("expected at most the end {end}, got {start}")));
    }
    conditioning.entries.iter_mut().for_each(|entry| entry.span = Span { start, end });
    Ok(conditioning)
}

/// Tells SDXL other sizes than those of the picture: it was trained to know how large its pictures were and what was cut off.
#[node(id = "core.conditioning.sizes", category = "conditioning", search = ["CLIPTextEncodeSDXL", "time ids"])]
#[output(conditioning = "the conditioning with its sizes")]
pub fn conditioning_sizes(
    /// The conditioning.
    mut conditioning: Conditioning,
    /// The width of the picture that this one would be cut from.
    #[param(default = 1024, hard = 1..=16384, unit = "px")]
    original_width: usize,
    /// Its height.
    #[param(default = 1024, hard = 1..=16384, unit = "px")]
    original_height: usize,
    /// How much would be cut off on the left.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    crop_left: usize,
    /// How much would be cut off at the top.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    crop_top: usize,
    /// The width of the picture.
    #[param(default = 1024, hard = 1..=16384, unit = "px")]
    target_width: usize,
    /// Its height.
    #[param(default = 1024, hard = 1..=16384, unit = "px")]
    target_height: usize,
) -> Result<Conditioning> {
    let sizes = Sizes {
        original: [original_height, original_width],
        crop: [crop_top, crop_left],
        target: [target_height, target_width],
    };
    conditioning.entries.iter_mut().for_each(|entry| entry.sizes = Some(sizes));
    Ok(conditioning)
}
