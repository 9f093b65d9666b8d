//! The picture of key points that IdentityNet reads, pixel by pixel as InstantID draws it.
//!
//! **Source**: InstantID 2145b67, `draw_kps`: four sticks from the nose, dimmed, and five discs over them.

use super::polygon::{Point, disc, ellipse, fill_convex};
use crate::image::bytes::Bytes;
use crate::wires::Keypoints;
use selfsame_sdk::Result;

/// Half the width of a stick in pixels.
const STICK: i64 = 4;

/// Radius of a disc in pixels.
const RADIUS: i64 = 10;

/// One colour for each point.
const COLORS: [[u8; 3]; 5] = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [255, 0, 255]];

/// The points that are joined, and that give the stick its colour, by the nose.
const LIMBS: [usize; 4] = [0, 1, 3, 4];

/// The nose.
const NOSE: usize = 2;

/// The polygons of the four sticks: eyes, then corners of the mouth.
pub fn sticks(points: &[[f64; 2]; 5]) -> [Vec<Point>; 4] {
    LIMBS.map(|limb| {
        let ([x, y], [nose_x, nose_y]) = (points[limb], points[NOSE]);
        let center = [(x + nose_x) / 2.0, (y + nose_y) / 2.0].map(|value| value as i64);
        let length = ((x - nose_x).powi(2) + (y - nose_y).powi(2)).sqrt();
        let angle = (y - nose_y).atan2(x - nose_x).to_degrees() as i64;
        ellipse(center, [(length / 2.0) as i64, STICK], angle)
    })
}

/// Draws faces onto a black canvas `[width, height]`, one over the other. Sizes of sticks and discs do not depend on the
/// canvas, so draw at the size at which the picture is made.
///
/// # Errors
/// If there is no memory for such a canvas.
pub fn draw<'a>(canvas: [usize; 2], faces: impl IntoIterator<Item = &'a Keypoints>) -> Result<Bytes> {
    let mut picture = Bytes::black(canvas, 3)?;
    let faces: Vec<_> = faces.into_iter().map(Keypoints::points).collect();
    for points in &faces {
        for (limb, polygon) in LIMBS.into_iter().zip(sticks(points)) {
            fill_convex(&mut picture, &polygon, COLORS[limb]);
        }
    }
    // f64, as numpy computes it: 255 becomes 153.
    picture.data_mut().iter_mut().for_each(|value| *value = (f64::from(*value) * 0.6) as u8);
    for points in &faces {
        for (point, color) in points.iter().zip(COLORS) {
            disc(&mut picture, point.map(|value| value as i64), RADIUS, color);
        }
    }
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    const POINTS: [[f64; 2]; 5] =
        [[133.046875, 318.0], [319.3125, 318.0], [221.0625, 422.0], [153.515625, 535.0], [298.84375, 537.0]];

    /// Computed with OpenCV 4.9 and 5.0.
    #[test]
    fn a_whole_face_is_the_reference_to_the_byte() {
        let points = Keypoints::new([512, 640], POINTS).unwrap();
        let picture = draw([512, 640], [&points]).unwrap();
        let digest: String = Sha256::digest(picture.data()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, "354c87dfc928fc883b2794befa837c617a0fbc6e3ae09a616f9ddcf5339828bb");
        let count = |color: [u8; 3]| picture.data().chunks_exact(3).filter(|pixel| **pixel == color).count();
        assert_eq!(count([0; 3]), 322_451);
        assert!(COLORS.iter().all(|color| count(*color) == 317));
        assert_eq!([[153, 0, 0], [0, 153, 0], [153, 153, 0], [153, 0, 153]].map(count), [903, 953, 872, 916]);
    }

    #[test]
    fn a_face_far_away_leaves_the_canvas_black() {
        let far = Keypoints::new([8, 8], [[-60_000.0, 60_000.0]; 5]).unwrap();
        assert!(draw([8, 8], [&far]).unwrap().data().iter().all(|value| *value == 0));
        let nose = [0.0, 32.0];
        let across = Keypoints::new([64, 64], [nose, [60_000.0, 32.0], nose, nose, nose]).unwrap();
        let drawn = draw([64, 64], [&across]).unwrap();
        assert_eq!((drawn.pixel(40, 32), drawn.pixel(40, 40)), (Some(&[0, 153, 0][..]), Some(&[0; 3][..])));
    }
}
