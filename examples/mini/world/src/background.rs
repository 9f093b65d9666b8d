//! What is behind people.

use crate::maths::{Vec3, blend, bump, cell, mix, noise2, scale, square, step};
use crate::palette::NAMED;
use crate::rng::Rng;

/// A background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// One colour, by its place in [`NAMED`].
    Plain(usize),
    /// Trees.
    Forest,
    /// Sand, sea and sky.
    Beach,
    /// Lit windows at night.
    City,
    /// Mountains.
    Mountains,
    /// An evening sky.
    Sunset,
    /// Falling snow.
    Snow,
    /// Grass with flowers.
    Meadow,
    /// Shelves with books.
    Library,
}

impl Background {
    /// All of them; the plain one in its first colour.
    pub const ALL: [Background; 9] = [
        Background::Plain(0),
        Background::Forest,
        Background::Beach,
        Background::City,
        Background::Mountains,
        Background::Sunset,
        Background::Snow,
        Background::Meadow,
        Background::Library,
    ];

    /// The same in any colour, if it is plain.
    pub fn coloured(self, rng: &mut Rng) -> Self {
        match self {
            Background::Plain(_) => Background::Plain(rng.below(NAMED.len())),
            other => other,
        }
    }

    /// The colour at a place, 0..1 across and down.
    pub fn colour(self, u: f32, v: f32, seed: u64) -> Vec3 {
        let layer = (seed % 1009) as i32;
        match self {
            Background::Plain(colour) => {
                let spot = bump((u - 0.5) * 0.9) * bump((v - 0.4) * 0.8);
                scale(blend(NAMED[colour].1, [0.62, 0.62, 0.64], 0.22), 0.80 + 0.34 * spot)
            }
            Background::Forest => forest(u, v, layer),
            Background::Beach => beach(u, v, layer),
            Background::City => city(u, v, layer),
            Background::Mountains => mountains(u, v, layer),
            Background::Sunset => sunset(u, v, layer),
            Background::Snow => snow(u, v, layer),
            Background::Meadow => meadow(u, v, layer),
            Background::Library => library(u, v, layer),
        }
    }
}

fn forest(u: f32, v: f32, layer: i32) -> Vec3 {
    let leaves = 0.6 * noise2(u * 9.0, v * 9.0, layer) + 0.4 * noise2(u * 21.0, v * 21.0, layer + 1);
    let glow = bump((v - 0.25) / 0.7);
    let mut colour = blend([0.10, 0.24, 0.12], [0.50, 0.68, 0.30], leaves * (0.35 + 0.75 * glow));
    for i in 0..6 {
        let at = (i as f32 + 0.15 + 0.7 * cell(i, 1, layer)) / 6.0 + 0.02 * (noise2(v * 3.0, i as f32, layer) - 0.5);
        let wide = 0.012 + 0.028 * cell(i, 2, layer);
        colour = blend(colour, [0.20, 0.14, 0.09], step(wide, wide * 0.6, (u - at).abs()));
    }
    blend(colour, [0.16, 0.20, 0.09], step(0.78, 0.95, v))
}

fn beach(u: f32, v: f32, layer: i32) -> Vec3 {
    let sky = blend([0.32, 0.62, 0.90], [0.80, 0.91, 0.97], step(0.0, 0.5, v));
    let cloud = step(0.56, 0.8, noise2(u * 3.5, v * 9.0, layer)) * step(0.45, 0.2, v);
    let sky = blend(sky, [1.0; 3], 0.8 * cloud);
    let wave = 0.5 + 0.5 * noise2(u * 6.0, v * 60.0, layer + 1);
    let sea = blend([0.07, 0.42, 0.62], [0.32, 0.74, 0.78], step(0.48, 0.72, v) * wave);
    let shore = 0.72 + 0.03 * noise2(u * 4.0, 0.0, layer + 2);
    let sand = scale([0.93, 0.83, 0.62], 0.93 + 0.1 * noise2(u * 30.0, v * 30.0, layer + 3));
    let water = blend(sea, [0.97; 3], bump((v - shore) / 0.018));
    blend(blend(sky, water, step(0.475, 0.485, v)), sand, step(shore, shore + 0.012, v))
}

fn city(u: f32, v: f32, layer: i32) -> Vec3 {
    let mut colour = blend([0.05, 0.06, 0.18], [0.30, 0.16, 0.36], step(0.0, 0.9, v));
    for depth in 0..2 {
        let count = 6.0 + 2.0 * depth as f32;
        let tower = (u * count + 0.37 * depth as f32).floor();
        let top = 0.18 + 0.18 * depth as f32 + 0.32 * cell(tower as i32, depth, layer);
        if v < top {
            continue;
        }
        colour = [[0.10, 0.10, 0.22], [0.055, 0.055, 0.12]][depth as usize];
        let (wx, wy) = (u * count * 4.0, v * 26.0);
        let (cx, cy) = (wx.floor(), wy.floor());
        let is_lit = cell(cx as i32, cy as i32, layer + depth) < 0.42;
        let inside = bump((wx - cx - 0.5) / 0.5) * bump((wy - cy - 0.5) / 0.5);
        if is_lit {
            let warm = cell(cy as i32, cx as i32, layer + 7);
            colour = blend(colour, [1.0, 0.70 + 0.25 * warm, 0.35 + 0.5 * warm], step(0.1, 0.5, inside));
        }
    }
    colour
}

fn mountains(u: f32, v: f32, layer: i32) -> Vec3 {
    let mut colour = blend([0.36, 0.58, 0.86], [0.93, 0.90, 0.86], step(0.0, 0.6, v));
    let tones = [[0.56, 0.64, 0.77], [0.37, 0.46, 0.60], [0.20, 0.32, 0.34]];
    for (i, tone) in tones.into_iter().enumerate() {
        let wide = 2.2 + 1.3 * i as f32;
        let ridge = 0.6 * noise2(u * wide, 0.5, layer + i as i32) + 0.25 * noise2(u * wide * 3.0, 0.5, layer + 9);
        let top = 0.18 + 0.19 * i as f32 + 0.36 * (1.0 - ridge) - 0.1;
        if v > top {
            let snow = step(0.10, 0.02, v - top + 0.05 * noise2(u * 24.0, v * 24.0, layer + 5))
                * if i < 2 { 0.85 } else { 0.0 };
            colour = blend(scale(tone, 0.9 + 0.2 * noise2(u * 12.0, v * 12.0, layer + 4)), [0.97, 0.98, 1.0], snow);
        }
    }
    colour
}

fn sunset(u: f32, v: f32, layer: i32) -> Vec3 {
    let high = blend([0.23, 0.18, 0.44], [0.93, 0.42, 0.36], step(0.0, 0.5, v));
    let mut colour = blend(high, [1.0, 0.80, 0.42], step(0.40, 0.78, v));
    let cloud = step(0.5, 0.78, noise2(u * 2.6 + 3.0, v * 11.0, layer));
    colour = blend(colour, [0.98, 0.56, 0.50], 0.6 * cloud * step(0.75, 0.4, v));
    let sun = mix(0.2, 0.8, cell(1, 1, layer));
    let away = (square(u - sun) + square(v - 0.66)).sqrt();
    colour = blend(colour, [1.0, 0.95, 0.75], step(0.10, 0.085, away).max(0.5 * step(0.3, 0.08, away)));
    let hill = 0.78 + 0.06 * noise2(u * 3.0, 2.0, layer);
    blend(colour, [0.20, 0.11, 0.22], step(hill, hill + 0.012, v))
}

fn snow(u: f32, v: f32, layer: i32) -> Vec3 {
    let mut colour = blend([0.60, 0.69, 0.80], [0.86, 0.90, 0.95], step(0.1, 0.7, v));
    let fir = (u * 7.0).floor();
    let top = 0.28 + 0.3 * cell(fir as i32, 3, layer);
    let wide = (v - top) * 0.9;
    let teeth = 0.75 + 0.25 * (v * 18.0 - (v * 18.0).floor());
    if (u * 7.0 - fir - 0.5).abs() < wide.clamp(0.0, 0.5) * teeth && v < 0.74 {
        colour = blend([0.20, 0.36, 0.36], [0.93, 0.96, 1.0], 0.55 * noise2(u * 40.0, v * 30.0, layer));
    }
    colour = blend(colour, [0.95, 0.97, 1.0], step(0.70, 0.74, v + 0.03 * noise2(u * 3.0, 0.0, layer + 1)));
    let (x, y) = (u * 13.0, v * 13.0);
    let (cx, cy) = (x.floor(), y.floor());
    let (px, py) =
        (0.25 + 0.5 * cell(cx as i32, cy as i32, layer + 2), 0.25 + 0.5 * cell(cx as i32, cy as i32, layer + 3));
    let away = (square(x - cx - px) + square(y - cy - py)).sqrt();
    blend(colour, [1.0; 3], step(0.17, 0.10, away))
}

fn meadow(u: f32, v: f32, layer: i32) -> Vec3 {
    let sky = blend([0.42, 0.70, 0.95], [0.86, 0.94, 0.98], step(0.0, 0.5, v));
    let hill = 0.42 + 0.10 * noise2(u * 2.2, 1.0, layer);
    if v < hill {
        let cloud = step(0.52, 0.72, noise2(u * 4.0, v * 8.0, layer + 1));
        return blend(sky, [1.0; 3], 0.85 * cloud);
    }
    let grass = blend([0.28, 0.56, 0.20], [0.62, 0.80, 0.30], noise2(u * 34.0, v * 12.0, layer + 2));
    let size = mix(26.0, 9.0, step(hill, 1.0, v));
    let (x, y) = (u * size, v * size);
    let (cx, cy) = (x.floor(), y.floor());
    let kind = cell(cx as i32, cy as i32, layer + 3);
    let away = (square(x - cx - 0.5) + square(y - cy - 0.5)).sqrt();
    let petals = [[0.95, 0.30, 0.35], [0.98, 0.85, 0.25], [0.97, 0.96, 0.95], [0.72, 0.42, 0.85]];
    let flower = blend(petals[(kind * 40.0) as usize % 4], [0.98, 0.78, 0.2], step(0.13, 0.09, away));
    if kind < 0.38 { blend(grass, flower, step(0.34, 0.28, away)) } else { grass }
}

fn library(u: f32, v: f32, layer: i32) -> Vec3 {
    let shelf = (v * 4.0).floor();
    let down = v * 4.0 - shelf;
    let wood = scale([0.42, 0.26, 0.15], 0.9 + 0.2 * noise2(u * 4.0, v * 50.0, layer));
    let place = u * 19.0 + 3.0 * cell(shelf as i32, 1, layer);
    let book = place.floor();
    let top = 0.14 + 0.24 * cell(book as i32, shelf as i32, layer + 1);
    if down > 0.9 || down < top {
        return if down > 0.9 { wood } else { scale(wood, 0.38) };
    }
    let spines = [
        [0.55, 0.17, 0.15],
        [0.16, 0.28, 0.42],
        [0.20, 0.38, 0.26],
        [0.70, 0.55, 0.28],
        [0.40, 0.22, 0.38],
        [0.74, 0.70, 0.62],
    ];
    let spine = spines[(cell(book as i32, shelf as i32, layer + 2) * 6.0) as usize % 6];
    let round = bump((place - book - 0.5) / 0.9);
    let band = if (down - top - 0.12).abs() < 0.03 { 1.35 } else { 1.0 };
    scale(spine, (0.35 + 0.7 * round) * band)
}
