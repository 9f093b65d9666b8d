//! Where a face has to go so that a recogniser knows it: the similarity that brings five key points onto a template.
//!
//! **Source**: insightface 0.7.3, `face_align.norm_crop`, with scikit-image 0.26's Umeyama.
//!
//! The reference works on f32 arrays: sums round to f32, its decomposition runs in f64 and its factors round to f32
//! again, the rest is f64. The same here, as crops are compared to the byte.

use selfsame_sdk::{Result, bail};

/// Two rows of an affine map: `x' = m[0][0] x + m[0][1] y + m[0][2]`.
pub type Affine = [[f64; 3]; 2];

/// ArcFace's template on 112 x 112 px.
const TEMPLATE: [[f32; 2]; 5] =
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]];

/// The map from a picture to a crop of `size` px: a multiple of 112, or of 128 (the template then has a border of 8 of 128 on
/// each side).
///
/// # Errors
/// If the size is neither, or if all points are one.
pub fn to_crop(kps: &[[f32; 2]; 5], size: usize) -> Result<Affine> {
    let (unit, border) = match size {
        0 => bail!("a crop of 0 px"),
        size if size.is_multiple_of(112) => (112.0, 0.0),
        size if size.is_multiple_of(128) => (128.0, 8.0),
        _ => bail!("a crop of {size} px: expected a multiple of 112 or of 128"),
    };
    let scale = (size as f64 / unit) as f32;
    let shift = (border * size as f64 / unit) as f32;
    similarity(kps, &TEMPLATE.map(|[x, y]| [x * scale + shift, y * scale]))
}

/// The similarity (turn, scale, shift) that brings `from` nearest to `to` by least squares.
///
/// # Errors
/// If all points of `from` are one, or one is no number.
pub fn similarity(from: &[[f32; 2]; 5], to: &[[f32; 2]; 5]) -> Result<Affine> {
    let (from_mean, from_centred) = centred(from);
    let (to_mean, to_centred) = centred(to);
    // Fused as BLAS does it; the covariance [to axis][from axis].
    let covariance = [0, 1].map(|i| {
        [0, 1].map(|j| {
            let pairs = to_centred.iter().zip(&from_centred);
            pairs.fold(0f32, |sum, (to, from)| to[i].mul_add(from[j], sum)) / 5.0
        })
    });
    let variance: f32 = [0, 1].map(|axis| variance(&from_centred, axis)).iter().sum();
    let Some(Factors { u, s, vt }) = decompose(covariance).filter(|_| variance > 0.0) else {
        bail!("key points {from:?}: expected five different places, got one");
    };
    let det = |m: [[f32; 2]; 2]| m.map(|row| row.map(f64::from));
    let det = |m| {
        let [[a, b], [c, d]] = det(m);
        a * d - b * c
    };
    // Points on a line leave it open on which side of it things are: then nothing is mirrored.
    let is_line = s[1] <= s[0] * 2.0 * f32::EPSILON;
    let is_mirrored = det(covariance) < 0.0;
    let mirror = if is_line { (det(u) * det(vt)).signum() } else { sign(is_mirrored) };
    let turn = [0, 1].map(|i| {
        [0, 1].map(|j| f64::from(u[i][0]) * f64::from(vt[0][j]) + mirror * f64::from(u[i][1]) * f64::from(vt[1][j]))
    });
    let scale = f64::from(1.0 / variance) * (f64::from(s[0]) + sign(is_mirrored) * f64::from(s[1]));
    Ok([0, 1].map(|i| {
        let moved = turn[i][0] * f64::from(from_mean[0]) + turn[i][1] * f64::from(from_mean[1]);
        [turn[i][0] * scale, turn[i][1] * scale, f64::from(to_mean[i]) - scale * moved]
    }))
}

fn sign(is_negative: bool) -> f64 {
    if is_negative { -1.0 } else { 1.0 }
}

/// Their mean, and the points from there.
fn centred(points: &[[f32; 2]; 5]) -> ([f32; 2], [[f32; 2]; 5]) {
    let mean = [0, 1].map(|axis| points.iter().map(|point| point[axis]).sum::<f32>() / 5.0);
    (mean, points.map(|[x, y]| [x - mean[0], y - mean[1]]))
}

fn variance(points: &[[f32; 2]; 5], axis: usize) -> f32 {
    let mean = points.iter().map(|point| point[axis]).sum::<f32>() / 5.0;
    points.iter().map(|point| (point[axis] - mean) * (point[axis] - mean)).sum::<f32>() / 5.0
}

/// A singular value decomposition, larger value first, rounded to f32.
struct Factors {
    u: [[f32; 2]; 2],
    s: [f32; 2],
    vt: [[f32; 2]; 2],
}

/// None for a matrix of zeros or with something that is no number.
fn decompose(matrix: [[f32; 2]; 2]) -> Option<Factors> {
    let [[a, b], [c, d]] = matrix.map(|row| row.map(f64::from));
    // A matrix is a turn by `half + other` times the larger part plus a reflection: Blinn, "Consider the lowly 2x2 matrix".
    let (e, f, g, h) = ((a + d) / 2.0, (a - d) / 2.0, (c + b) / 2.0, (c - b) / 2.0);
    let (turning, mirroring) = (e.hypot(h), f.hypot(g));
    let larger = turning + mirroring;
    if !(larger.is_finite() && larger > 0.0) {
        return None;
    }
    let (sum, difference) = (h.atan2(e), g.atan2(f));
    let (left, right) = ((sum + difference) / 2.0, (sum - difference) / 2.0);
    let flip = sign(turning < mirroring);
    let u = [[left.cos(), -left.sin()], [left.sin(), left.cos()]];
    let vt = [[right.cos(), -right.sin()], [flip * right.sin(), flip * right.cos()]];
    let round = |m: [[f64; 2]; 2]| m.map(|row| row.map(|x| x as f32));
    Some(Factors { u: round(u), s: [larger as f32, (turning - mirroring).abs() as f32], vt: round(vt) })
}

/// The inverse of a map, with the operations in OpenCV's order; all zero for a map that has none.
pub fn inverse([[a, b, x], [c, d, y]]: Affine) -> Affine {
    let det = a * d - b * c;
    let factor = if det == 0.0 { 0.0 } else { 1.0 / det };
    let [a, b, c, d] = [d * factor, b * -factor, c * -factor, a * factor];
    [[a, b, -a * x - b * y], [c, d, -c * x - d * y]]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: Affine, wanted: Affine, tolerance: f64) {
        for (got, wanted) in got.iter().flatten().zip(wanted.iter().flatten()) {
            assert!((got - wanted).abs() < tolerance, "{got} {wanted}");
        }
    }

    /// Computed with scikit-image.
    #[test]
    #[allow(clippy::excessive_precision, reason = "the numbers as they were recorded")]
    fn a_real_face() {
        let kps = [[133.046_88, 318.0], [319.3125, 318.0], [221.0625, 422.0], [153.515_63, 535.0], [298.843_75, 537.0]];
        let wanted = [[0.189101190, 0.00142537842, 12.8416351], [-0.00142537842, 0.189101190, -8.33539447]];
        near(to_crop(&kps, 112).unwrap(), wanted, 1e-6);
        near(to_crop(&kps, 224).unwrap(), wanted.map(|row| row.map(|x| 2.0 * x)), 2e-6);
    }

    #[test]
    fn the_template_stays_where_it_is() {
        near(to_crop(&TEMPLATE, 112).unwrap(), [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], 1e-5);
        // Of 128 pixels the middle 112 are the template.
        near(to_crop(&TEMPLATE, 128).unwrap(), [[1.0, 0.0, 8.0], [0.0, 1.0, 0.0]], 1e-5);
    }

    #[test]
    fn turned_points_turn_back() {
        let turned = TEMPLATE.map(|[x, y]| [-2.0 * y + 5.0, 2.0 * x - 3.0]);
        near(to_crop(&turned, 112).unwrap(), [[0.0, 0.5, 1.5], [-0.5, 0.0, 2.5]], 1e-5);
        let there = to_crop(&turned, 112).unwrap();
        near(inverse(inverse(there)), there, 1e-12);
        assert_eq!(inverse([[0.0; 3]; 2]), [[0.0; 3]; 2]);
    }

    #[test]
    fn a_mirrored_face_is_not_mirrored() {
        let mirrored = TEMPLATE.map(|[x, y]| [112.0 - x, y]);
        let [[a, b, _], [c, d, _]] = to_crop(&mirrored, 112).unwrap();
        assert!(a * d - b * c > 0.0);
    }

    #[test]
    fn points_on_a_line_and_in_one_place() {
        let line = [0.0, 1.0, 2.0, 3.0, 4.0].map(|i| [i, 2.0 * i]);
        let [[a, b, _], [c, d, _]] = to_crop(&line, 112).unwrap();
        assert!(a * d - b * c > 0.0);
        assert!(to_crop(&[[3.0, 3.0]; 5], 112).unwrap_err().message.contains("got one"));
        assert!(to_crop(&[[f32::NAN; 2]; 5], 112).is_err());
        assert!(to_crop(&TEMPLATE, 100).unwrap_err().message.contains("a multiple of 112 or of 128"));
        assert!(to_crop(&TEMPLATE, 0).is_err());
    }
}
