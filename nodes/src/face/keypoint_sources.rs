//! Where key points come from.

use super::turn::turned;
use crate::wires::{Face, Keypoints};
use selfsame_sdk::prelude::*;

/// A frontal face, in fractions of a square canvas.
///
/// **Source**: SceneWorks 1485c1e, its canonical front pose.
const FRONT: [[f64; 2]; 5] = [[0.4460, 0.5227], [0.5755, 0.5166], [0.5106, 0.5947], [0.4653, 0.6660], [0.5630, 0.6613]];

/// Takes the key points of a face.
#[node(id = "core.face.keypoints_from_face", category = "face/keypoints", search = ["kps", "landmarks", "pose"])]
#[output(keypoints = "its five points, on a canvas as large as its picture")]
pub fn keypoints_from_face(
    /// The face.
    face: Face,
) -> Result<Keypoints> {
    Keypoints::of(&face).input("face")
}

/// Reads key points from JSON: `[[x, y], ...]` with five points, ten numbers in a row, or an object with such a list called
/// `kps`, `keypoints` or `points`.
///
/// The points are: eye at the picture's left, other eye, nose, corner of the mouth at the picture's left, other corner.
#[node(id = "core.face.keypoints_from_json", name = "KeypointsFromJson", category = "face/keypoints", search = ["kps", "landmarks", "points", "parse"])]
#[output(keypoints = "the points")]
pub fn keypoints_from_json(
    /// The text; as it is set here, a face that looks at the camera.
    #[param(
        default = "[[0.446, 0.5227], [0.5755, 0.5166], [0.5106, 0.5947], [0.4653, 0.666], [0.563, 0.6613]]",
        multiline
    )]
    json: String,
    /// Width of the canvas.
    #[param(default = 1024, hard = 1..=16384, unit = "px")]
    width: usize,
    /// Height of the canvas.
    #[param(default = 1024, hard = 1..=16384, unit = "px")]
    height: usize,
    /// What the numbers are.
    #[param(default = "auto")]
    unit: Unit,
) -> Result<Keypoints> {
    let points = parse(&json).input("json")?;
    let is_fraction = match unit {
        Unit::Auto => points.iter().flatten().all(|value| (0.0..=1.0).contains(value)),
        Unit::Pixels => false,
        Unit::Fractions => true,
    };
    let factor = if is_fraction { [width as f64, height as f64] } else { [1.0; 2] };
    Keypoints::new([width, height], points.map(|[x, y]| [x * factor[0], y * factor[1]])).input("json")
}

/// What coordinates are.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Fractions of the canvas if all are from 0 to 1, pixels otherwise.
    Auto,
    /// Pixels.
    Pixels,
    /// Fractions of the canvas.
    Fractions,
}

fn parse(json: &str) -> Result<[[f64; 2]; 5]> {
    let mut value: serde_json::Value = serde_json::from_str(json)?;
    for name in ["kps", "keypoints", "points"] {
        if let Some(inner) = value.get_mut(name) {
            value = inner.take();
            break;
        }
    }
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let pairs = items.iter().filter_map(serde_json::Value::as_array).filter(|pair| pair.len() == 2).flatten();
    let flat: Vec<_> = if items.len() == 5 { pairs.collect() } else { items.iter().collect() };
    let numbers: Vec<f64> = flat.into_iter().filter_map(serde_json::Value::as_f64).collect();
    let (pairs, rest) = numbers.as_chunks::<2>();
    let points = <[[f64; 2]; 5]>::try_from(pairs).ok().filter(|_| rest.is_empty());
    points.ok_or_else(|| {
        Error::new(format!("expected five points [x, y], found {} numbers", numbers.len()))
            .hint("write [[x, y], [x, y], [x, y], [x, y], [x, y]]")
    })
}

/// Writes key points as JSON, five pairs of pixels: for editing by hand, and for KeypointsFromJson.
#[node(id = "core.face.keypoints_to_json", name = "KeypointsToJson", category = "face/keypoints", search = ["kps", "landmarks", "export"])]
#[output(json = "`[[x, y], ...]`", width = "width of the canvas", height = "height of the canvas")]
pub fn keypoints_to_json(
    /// The points.
    keypoints: Keypoints,
) -> Result<(String, i64, i64)> {
    let [width, height] = keypoints.canvas().map(|side| side as i64);
    Ok((serde_json::to_string(&keypoints.points())?, width, height))
}

/// Where a face looks, seen by who looks at the picture.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// At the camera.
    Front,
    /// Half to the picture's left.
    ThreeQuarterLeft,
    /// Half to the picture's right.
    ThreeQuarterRight,
    /// To the picture's left.
    ProfileLeft,
    /// To the picture's right.
    ProfileRight,
    /// Up.
    Up,
    /// Down.
    Down,
}

impl View {
    /// Yaw and pitch in degrees. A full profile would hide one eye behind the other, which IdentityNet has hardly seen.
    fn angles(self) -> [f64; 2] {
        match self {
            View::Front => [0.0, 0.0],
            View::ThreeQuarterLeft => [-35.0, 0.0],
            View::ThreeQuarterRight => [35.0, 0.0],
            View::ProfileLeft => [-70.0, 0.0],
            View::ProfileRight => [70.0, 0.0],
            View::Up => [0.0, 25.0],
            View::Down => [0.0, -25.0],
        }
    }
}

/// Gives the key points of a face that looks somewhere, in the middle of a canvas. PlaceKeypoints puts it elsewhere.
#[node(id = "core.face.keypoint_preset", category = "face/keypoints", search = ["pose", "kps", "front", "profile", "angle"])]
#[output(keypoints = "the points")]
pub fn keypoint_preset(
    /// Where the face looks.
    #[param(default = "front")]
    view: View,
    /// Width of the canvas.
    #[param(default = 1024, hard = 1..=16384, unit = "px")]
    width: usize,
    /// Height of the canvas.
    #[param(default = 1024, hard = 1..=16384, unit = "px")]
    height: usize,
) -> Result<Keypoints> {
    let unit = width.min(height) as f64;
    let on_canvas = |[x, y]: [f64; 2]| [width as f64 / 2.0 + (x - 0.5) * unit, height as f64 / 2.0 + (y - 0.5) * unit];
    let front = Keypoints::new([width, height], FRONT.map(on_canvas))?;
    let [yaw, pitch] = view.angles();
    turned(&front, [yaw, pitch, 0.0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::testing::face;

    #[test]
    fn from_json_and_back() {
        let read =
            |json: &str, unit| keypoints_from_json(json.to_owned(), 200, 100, unit).map(|points| points.points());
        let pixels = read("[[1,2],[3,4],[5,6],[7,8],[9,10.5]]", Unit::Auto).unwrap();
        assert_eq!(pixels, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 10.5]]);
        assert_eq!(read(r#"{"kps": [1,2,3,4,5,6,7,8,9,10.5]}"#, Unit::Pixels).unwrap(), pixels);
        let half = "[[0.5,0.5],[0,0],[1,1],[0,0],[0,0]]";
        assert_eq!(read(half, Unit::Auto).unwrap()[0], [100.0, 50.0]);
        assert_eq!(read(half, Unit::Pixels).unwrap()[0], [0.5, 0.5]);
        let points = Keypoints::of(&face([1.0, 2.0, 3.0, 4.5])).unwrap();
        let (json, width, height) = keypoints_to_json(points.clone()).unwrap();
        assert_eq!(keypoints_from_json(json, width as usize, height as usize, Unit::Pixels).unwrap(), points);
    }

    #[test]
    fn what_is_no_five_points() {
        let no = |json: &str| keypoints_from_json(json.to_owned(), 8, 8, Unit::Auto).unwrap_err().to_string();
        assert_eq!(no("[[1,2]]"), "input `json`: expected five points [x, y], found 0 numbers");
        assert_eq!(no("[1,2,3,4,5,6,7,8,9]"), "input `json`: expected five points [x, y], found 9 numbers");
        assert!(no("hello").starts_with("input `json`: expected value"));
        assert!(no("[[1,2],[1,2],[1,2],[1,2],[1e99,2]]").contains("expected numbers from"));
        assert!(no("{}").contains("found 0 numbers"));
    }

    #[test]
    fn presets_look_where_they_say() {
        let points = |view| keypoint_preset(view, 1000, 800).unwrap().points();
        // How far the nose is from the middle of the eyes and of the mouth.
        let offset = |view| {
            let [a, b, nose, c, d] = points(view);
            let eyes = [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
            let mouth = [(c[0] + d[0]) / 2.0, (c[1] + d[1]) / 2.0];
            [nose[0] - (eyes[0] + mouth[0]) / 2.0, nose[1] - (eyes[1] + mouth[1]) / 2.0]
        };
        assert_eq!(points(View::Front)[2], [500.0 + 0.0106 * 800.0, 400.0 + 0.0947 * 800.0]);
        let front = offset(View::Front);
        assert!(offset(View::ProfileLeft)[0] < offset(View::ThreeQuarterLeft)[0]);
        assert!(offset(View::ThreeQuarterLeft)[0] < front[0] - 10.0);
        assert!(offset(View::ThreeQuarterRight)[0] > front[0] + 10.0);
        assert!(offset(View::ProfileRight)[0] > offset(View::ThreeQuarterRight)[0]);
        assert!(offset(View::Up)[1] < front[1] - 10.0 && offset(View::Down)[1] > front[1] + 10.0);
    }
}
