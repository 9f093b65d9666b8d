//! The colours of people and things: short tables, and what lies between their entries.

use crate::maths::{Vec3, blend};

const fn rgb(hex: u32) -> Vec3 {
    [((hex >> 16) & 255) as f32 / 255.0, ((hex >> 8) & 255) as f32 / 255.0, (hex & 255) as f32 / 255.0]
}

/// Skin from light to dark.
const SKIN: [Vec3; 7] =
    [rgb(0xfbe3d2), rgb(0xf4cfb2), rgb(0xe6b48d), rgb(0xd39c70), rgb(0xb57c54), rgb(0x93613f), rgb(0x70472f)];

/// Eyes from dark brown by way of hazel, green and blue to grey.
const EYES: [Vec3; 7] =
    [rgb(0x35200f), rgb(0x6b3f1a), rgb(0x96692b), rgb(0x74883a), rgb(0x3f8f6e), rgb(0x3d82c4), rgb(0x8ba6b8)];

/// Hair from black by way of browns, auburn, ginger and blond to white.
const HAIR: [Vec3; 9] = [
    rgb(0x17141a),
    rgb(0x33211a),
    rgb(0x573520),
    rgb(0x84502b),
    rgb(0x8d3a1c),
    rgb(0xc9682a),
    rgb(0xd8ab5e),
    rgb(0xf0dca6),
    rgb(0xe6e6ea),
];

/// Where white stands in the table of hair, 0..1.
pub const WHITE_HAIR: f32 = 1.0;

/// Dyed hair, round the circle.
const DYED: [Vec3; 6] = [rgb(0xd8347e), rgb(0x8e3fc4), rgb(0x3558cf), rgb(0x1fa3a3), rgb(0x43a84a), rgb(0xd8347e)];

/// Lips, from natural to red and plum.
const LIPS: [Vec3; 3] = [rgb(0xc77f74), rgb(0xc2324a), rgb(0x7d1f45)];

/// Colours that captions name, for clothes and backgrounds.
pub const NAMED: [(&str, Vec3); 10] = [
    ("red", rgb(0xcc3333)),
    ("orange", rgb(0xe8842c)),
    ("yellow", rgb(0xecc740)),
    ("green", rgb(0x3f9a52)),
    ("teal", rgb(0x1f8f93)),
    ("blue", rgb(0x3563b8)),
    ("purple", rgb(0x7d48ad)),
    ("pink", rgb(0xe588ac)),
    ("white", rgb(0xeeece6)),
    ("black", rgb(0x2a2a30)),
];

fn between(table: &[Vec3], at: f32) -> Vec3 {
    let place = at.clamp(0.0, 1.0) * (table.len() - 1) as f32;
    let i = (place as usize).min(table.len() - 2);
    blend(table[i], table[i + 1], place - i as f32)
}

/// Skin for a tone in 0 (light)..1 (dark) and an undertone in -1 (rosy)..1 (golden).
pub fn skin(tone: f32, undertone: f32) -> Vec3 {
    let [r, g, b] = between(&SKIN, tone);
    [r, g + 0.012 * undertone, b - 0.035 * undertone]
}

/// Irises for a place in the table, 0..1.
pub fn iris(at: f32) -> Vec3 {
    between(&EYES, at)
}

/// Hair for a place in the table, 0..1; `dye` in 0..1 lays a colour round the circle over it, `share` says how much.
pub fn hair(at: f32, dye: f32, share: f32) -> Vec3 {
    blend(between(&HAIR, at), between(&DYED, dye), share)
}

/// Lips for a place in the table, 0..1, and as natural as the skin is dark.
pub fn lips(at: f32, skin: Vec3) -> Vec3 {
    let own = [skin[0] * 0.94, skin[1] * 0.58, skin[2] * 0.64];
    blend(own, between(&LIPS, at), 0.30 + 0.60 * at)
}
