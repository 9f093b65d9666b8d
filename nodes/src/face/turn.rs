//! Key points of a face that turns its head.

use crate::wires::Keypoints;
use selfsame_sdk::prelude::*;

/// Where the five points are on a head that looks at the camera: x to the right, y down, z to the camera, from their middle.
/// x and y are ArcFace's template made symmetric; z follows from how far noses stand out.
const HEAD: [[f64; 3]; 5] =
    [[-17.62, -20.3, -4.4], [17.62, -20.3, -4.4], [0.0, -0.18, 12.6], [-14.59, 20.39, -1.9], [14.59, 20.39, -1.9]];

/// Turns key points as if the head moved: a head of average shape is laid under them, and turned. The face stays where it is.
#[node(id = "core.face.turn_keypoints", category = "face/keypoints", search = ["rotate", "yaw", "pitch", "roll", "pose", "angle", "novel view"])]
#[output(keypoints = "the turned points")]
pub fn turn_keypoints(
    /// What is turned.
    keypoints: Keypoints,
    /// How far the face turns to the picture's right; below 0 to its left.
    #[param(default = 0.0, hard = -90.0..=90.0, unit = "deg", slider)]
    yaw: f64,
    /// How far the face turns up; below 0 down.
    #[param(default = 0.0, hard = -90.0..=90.0, unit = "deg", slider)]
    pitch: f64,
    /// How far the head tilts clockwise, seen by who looks at the picture.
    #[param(default = 0.0, hard = -180.0..=180.0, unit = "deg", slider)]
    roll: f64,
) -> Result<Keypoints> {
    turned(&keypoints, [yaw, pitch, roll]).input("keypoints")
}

/// The same points after the head has turned by yaw, pitch and roll, in degrees. What the average head does not explain
/// stays as it is, so that no turn changes nothing.
///
/// # Errors
/// If all points are one.
pub fn turned(keypoints: &Keypoints, [yaw, pitch, roll]: [f64; 3]) -> Result<Keypoints> {
    if [yaw, pitch, roll] == [0.0; 3] {
        return Ok(keypoints.clone());
    }
    let center = keypoints.center();
    let offsets = keypoints.points().map(|[x, y]| [x - center[0], y - center[1]]);
    let Some((pose, scale)) = pose(&offsets) else { bail!("the key points are all in one place") };
    let after = rotation(yaw, pitch, roll, &pose);
    let mut moved = keypoints.points();
    for (point, head) in moved.iter_mut().zip(HEAD) {
        for axis in 0..2 {
            point[axis] += scale * (dot(after[axis], head) - dot(pose[axis], head));
        }
    }
    Keypoints::new(keypoints.canvas(), moved)
}

type Vector = [f64; 3];

fn dot(a: Vector, b: Vector) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// How a head is turned and how large it is, so that its points fall nearest to these: scaled orthography (DeMenthon and
/// Davis 1995), the two rows then made orthogonal, each by the same amount.
fn pose(offsets: &[[f64; 2]; 5]) -> Option<([Vector; 3], f64)> {
    // Normal equations: (sum of head headᵀ) row = sum of head offset.
    let gram = [0, 1, 2].map(|i| [0, 1, 2].map(|j| HEAD.iter().map(|head| head[i] * head[j]).sum()));
    let row = |axis: usize| {
        let right = [0, 1, 2].map(|i| HEAD.iter().zip(offsets).map(|(head, offset)| head[i] * offset[axis]).sum());
        solve(gram, right)
    };
    let (a, b) = (row(0), row(1));
    let lengths = [dot(a, a).sqrt(), dot(b, b).sqrt()];
    if !(lengths[0] > 1e-9 && lengths[1] > 1e-9) {
        return None;
    }
    let (a, b) = (a.map(|x| x / lengths[0]), b.map(|x| x / lengths[1]));
    // The bisectors of two unit vectors are orthogonal already; half way between them are the nearest orthogonal ones.
    let unit = |v: Vector| {
        let length = dot(v, v).sqrt();
        (length > 1e-9).then(|| v.map(|x| x / length))
    };
    let sum = unit([0, 1, 2].map(|i| a[i] + b[i]))?;
    let difference = unit([0, 1, 2].map(|i| a[i] - b[i]))?;
    let half = std::f64::consts::FRAC_1_SQRT_2;
    let (a, b) =
        ([0, 1, 2].map(|i| half * (sum[i] + difference[i])), [0, 1, 2].map(|i| half * (sum[i] - difference[i])));
    Some(([a, b, cross(a, b)], (lengths[0] + lengths[1]) / 2.0))
}

/// Solves three equations by Cramer's rule; the matrix belongs to [`HEAD`] and has an inverse.
fn solve(matrix: [Vector; 3], right: Vector) -> Vector {
    let [a, b, c] = matrix;
    let det = dot(a, cross(b, c));
    let columns = [cross(b, c), cross(c, a), cross(a, b)];
    [0, 1, 2].map(|i| columns.iter().zip(right).map(|(column, right)| column[i] * right).sum::<f64>() / det)
}

/// A pose after a turn about the camera's axes: first yaw, then pitch, then roll.
fn rotation(yaw: f64, pitch: f64, roll: f64, pose: &[Vector; 3]) -> [Vector; 3] {
    let combine = |a: f64, row: Vector, b: f64, other: Vector| [0, 1, 2].map(|i| a * row[i] + b * other[i]);
    let [x, y, z] = *pose;
    let (sin, cos) = yaw.to_radians().sin_cos();
    let (x, z) = (combine(cos, x, sin, z), combine(-sin, x, cos, z));
    let (sin, cos) = pitch.to_radians().sin_cos();
    let (y, z) = (combine(cos, y, -sin, z), combine(sin, y, cos, z));
    let (sin, cos) = roll.to_radians().sin_cos();
    [combine(cos, x, -sin, y), combine(sin, x, cos, y), z]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The average head itself, 3 times as large, around (400, 300).
    fn head() -> Keypoints {
        Keypoints::new([800, 600], HEAD.map(|[x, y, _]| [400.0 + 3.0 * x, 300.0 + 3.0 * y])).unwrap()
    }

    fn near(got: &Keypoints, wanted: [[f64; 2]; 5]) {
        for (got, wanted) in got.points().iter().flatten().zip(wanted.iter().flatten()) {
            assert!((got - wanted).abs() < 1e-6, "{got} {wanted}");
        }
    }

    #[test]
    fn angles_are_true_for_the_average_head() {
        let turn = |angles| turned(&head(), angles).unwrap();
        let (sin, cos) = 30f64.to_radians().sin_cos();
        near(&turn([30.0, 0.0, 0.0]), HEAD.map(|[x, y, z]| [400.0 + 3.0 * (x * cos + z * sin), 300.0 + 3.0 * y]));
        near(&turn([0.0, 30.0, 0.0]), HEAD.map(|[x, y, z]| [400.0 + 3.0 * x, 300.0 + 3.0 * (y * cos - z * sin)]));
        near(&turn([0.0, 0.0, 90.0]), HEAD.map(|[x, y, _]| [400.0 - 3.0 * y, 300.0 + 3.0 * x]));
    }

    #[test]
    fn no_turn_changes_nothing_and_back_is_back() {
        let bent = head().moved(|[x, y]| [x + (y * 0.37).sin() * 4.0, y - (x * 0.11).cos() * 3.0]).unwrap();
        assert_eq!(turned(&bent, [0.0; 3]).unwrap(), bent);
        let there = turned(&head(), [25.0, 0.0, 0.0]).unwrap();
        near(&turned(&there, [-25.0, 0.0, 0.0]).unwrap(), head().points());
        // Rolling turns what the head does not explain too little, but not the wrong way.
        let rolled = turned(&bent, [0.0, 0.0, 20.0]).unwrap();
        assert!(rolled.points()[1][1] > bent.points()[1][1]);
    }

    #[test]
    fn one_place_cannot_turn() {
        let dot = Keypoints::new([8, 8], [[4.0, 4.0]; 5]).unwrap();
        let error = turn_keypoints(dot, 10.0, 0.0, 0.0).unwrap_err();
        assert_eq!(error.to_string(), "input `keypoints`: the key points are all in one place");
    }
}
