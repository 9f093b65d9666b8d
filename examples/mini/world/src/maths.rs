//! Vectors, falloffs and noise, in plain arithmetic: the same numbers on every machine.

/// A place, a direction, or red, green and blue in 0..1.
pub type Vec3 = [f32; 3];

/// `a + b`.
pub fn add(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// `a - b`.
pub fn sub(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// Each number of `a` times `k`.
pub fn scale(a: Vec3, k: f32) -> Vec3 {
    [a[0] * k, a[1] * k, a[2] * k]
}

/// Number by number.
pub fn times(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] * b[0], a[1] * b[1], a[2] * b[2]]
}

/// The scalar product.
pub fn dot(a: Vec3, b: Vec3) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// The vector product.
pub fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// The vector of length 1 in the same direction; forward for one without a direction.
pub fn unit(a: Vec3) -> Vec3 {
    let length = dot(a, a).sqrt();
    if length > 1e-12 { scale(a, 1.0 / length) } else { [0.0, 0.0, 1.0] }
}

/// From `a` (at `t` = 0) to `b` (at 1).
pub fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// As [`mix`], of vectors.
pub fn blend(a: Vec3, b: Vec3, t: f32) -> Vec3 {
    [mix(a[0], b[0], t), mix(a[1], b[1], t), mix(a[2], b[2], t)]
}

/// How bright a colour looks (Rec. 601).
pub fn luma(c: Vec3) -> f32 {
    0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2]
}

/// A step from 0 (at `from`) to 1 (at `to`) without corners. `from` may be the greater.
pub fn step(from: f32, to: f32, x: f32) -> f32 {
    let t = ((x - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// `x` times itself.
pub fn square(x: f32) -> f32 {
    x * x
}

/// A hill: 1 at 0, nothing from ±1 on.
pub fn bump(x: f32) -> f32 {
    let t = (1.0 - x * x).max(0.0);
    t * t
}

/// A round hill over the plane.
pub fn bump2(x: f32, y: f32) -> f32 {
    let t = (1.0 - x * x - y * y).max(0.0);
    t * t
}

/// How much of a pixel lies on the positive side of an edge at a `distance`; `width` is that of a pixel.
pub fn cover(distance: f32, width: f32) -> f32 {
    (distance / width + 0.5).clamp(0.0, 1.0)
}

/// A number in 0..1 for three integers.
fn hash(x: i32, y: i32, z: i32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x8da6_b343)
        ^ (y as u32).wrapping_mul(0xd816_3841)
        ^ (z as u32).wrapping_mul(0xcb1a_b31f);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    (h >> 8) as f32 / (1 << 24) as f32
}

/// A number in 0..1 for a cell of the plane, of the `layer`-th plane.
pub fn cell(x: i32, y: i32, layer: i32) -> f32 {
    hash(x, y, layer)
}

/// The greatest integer up to a number: as `f32::floor`, without a call where the processor has no such instruction.
fn floor(x: f32) -> i32 {
    let towards_0 = x as i32;
    towards_0 - i32::from(x < towards_0 as f32)
}

/// Smooth noise in 0..1 over the plane; cells are one unit wide.
pub fn noise2(x: f32, y: f32, layer: i32) -> f32 {
    let (ix, iy) = (floor(x), floor(y));
    let (tx, ty) = (x - ix as f32, y - iy as f32);
    let (tx, ty) = (tx * tx * (3.0 - 2.0 * tx), ty * ty * (3.0 - 2.0 * ty));
    let top = mix(hash(ix, iy, layer), hash(ix + 1, iy, layer), tx);
    let bottom = mix(hash(ix, iy + 1, layer), hash(ix + 1, iy + 1, layer), tx);
    mix(top, bottom, ty)
}

/// Smooth noise in 0..1 over space.
pub fn noise3(p: Vec3, layer: i32) -> f32 {
    let floor = floor(p[2]);
    let t = p[2] - floor as f32;
    let z = floor.wrapping_mul(31).wrapping_add(layer);
    mix(noise2(p[0], p[1], z), noise2(p[0], p[1], z.wrapping_add(31)), t * t * (3.0 - 2.0 * t))
}

/// A rotation, as rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rotation([Vec3; 3]);

impl Rotation {
    /// First a roll about the line of sight, then a pitch (up is positive), then a yaw (to the right of the picture is positive); in degrees.
    pub fn new(yaw: f32, pitch: f32, roll: f32) -> Self {
        let turn = |degrees: f32| {
            let angle = degrees * (std::f32::consts::PI / 180.0);
            (libm::sinf(angle), libm::cosf(angle))
        };
        let ((sy, cy), (sp, cp), (sr, cr)) = (turn(yaw), turn(pitch), turn(roll));
        let about_z = [[cr, -sr, 0.0], [sr, cr, 0.0], [0.0, 0.0, 1.0]];
        let about_x = [[1.0, 0.0, 0.0], [0.0, cp, sp], [0.0, -sp, cp]];
        let about_y = [[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]];
        Rotation(product(about_y, product(about_x, about_z)))
    }

    /// `p`, turned about the origin.
    pub fn apply(&self, p: Vec3) -> Vec3 {
        self.0.map(|row| dot(row, p))
    }
}

fn product(a: [Vec3; 3], b: [Vec3; 3]) -> [Vec3; 3] {
    a.map(|row| [0, 1, 2].map(|column| row[0] * b[0][column] + row[1] * b[1][column] + row[2] * b[2][column]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_go_the_way_they_say() {
        let nose = [0.0, 0.0, 1.0];
        assert!(Rotation::new(30.0, 0.0, 0.0).apply(nose)[0] > 0.4);
        assert!(Rotation::new(0.0, 20.0, 0.0).apply(nose)[1] > 0.3);
        let crown = Rotation::new(0.0, 0.0, 10.0).apply([0.0, 1.0, 0.0]);
        assert!(crown[0] < -0.1 && (dot(crown, crown) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn noise_is_smooth_and_known() {
        assert_eq!(noise2(3.0, 4.0, 1), cell(3, 4, 1));
        assert!((noise2(3.0, 4.0, 1) - noise2(3.001, 4.0, 1)).abs() < 0.01);
    }
}
