//! Faces as files, to be used again without the photograph.

use crate::wires::Face;
use selfsame_sdk::prelude::*;
use serde_json::{Value as Json, json};

/// What says that a file is a face, and in which version.
const VERSION: &str = "selfsame_face";

/// Saves a face as a JSON file: box, key points, score and embedding. It comes back to the bit.
///
/// Whoever has the file can make pictures of this person: treat it like a photograph.
#[node(id = "core.face.save", name = "SaveFace", category = "face/files", output_node, search = ["embedding", "write", "export", "identity"])]
#[output(path = "the file")]
pub fn save_face(
    ctx: Ctx,
    /// What is saved.
    face: Face,
    /// How the name of the file starts; a number follows. It may name folders: `faces/ada`.
    #[param(default = "face")]
    prefix: String,
) -> Result<String> {
    let text = to_json(&face).input("face")?;
    let path = ctx.save(&prefix, "json", |file| Ok(writeln!(file, "{text}")?))?;
    Ok(path.display().to_string())
}

/// Loads a face that SaveFace wrote.
#[node(id = "core.face.load", name = "LoadFace", category = "face/files", search = ["embedding", "read", "import", "identity"])]
#[output(face = "the face")]
pub fn load_face(
    ctx: Ctx,
    /// The file.
    #[param(file = ["json"])]
    path: String,
) -> Result<Face> {
    let bytes = ctx.read(&path).input("path")?;
    from_json(&bytes).context(|| format!("cannot read {path}")).input("path")
}

/// A face as JSON. Numbers are written as f64, of which every f32 is one, so that reading gives the same bits.
///
/// # Errors
/// If a number is infinite or none.
pub fn to_json(face: &Face) -> Result<String> {
    let mut numbers = face.bbox.iter().chain(face.kps.iter().flatten().flatten()).chain([&face.det_score]);
    if !numbers.all(|x| x.is_finite()) || face.embedding.as_ref().is_some_and(|e| !e.iter().all(|x| x.is_finite())) {
        bail!("the face has numbers that are infinite or not a number");
    }
    let value = json!({
        VERSION: 1,
        "picture": face.picture,
        "box": face.bbox.map(f64::from),
        "kps": face.kps.map(|points| points.map(|point| point.map(f64::from))),
        "score": f64::from(face.det_score),
        "embedding": face.embedding.as_ref().map(|e| e.iter().copied().map(f64::from).collect::<Vec<_>>()),
    });
    Ok(value.to_string())
}

/// The face in a JSON text.
///
/// # Errors
/// If it is none; what is missing is named.
pub fn from_json(bytes: &[u8]) -> Result<Face> {
    let file: Json = serde_json::from_slice(bytes)?;
    match file.get(VERSION).and_then(Json::as_u64) {
        Some(1) => {}
        Some(other) => bail!("it is a face of version {other}; this program reads version 1"),
        None => return Err(Error::new("it is no face: expected a file that SaveFace wrote")),
    }
    let picture: Option<[usize; 2]> = array(file.get("picture"), |x| x.as_u64().and_then(|x| usize::try_from(x).ok()));
    let kps = match file.get("kps") {
        Some(Json::Null) => None,
        points => {
            let points = array(points, |point| array(Some(point), number));
            Some(points.ok_or_else(|| wrong("kps", "five pairs of numbers"))?)
        }
    };
    let embedding = match file.get("embedding") {
        None | Some(Json::Null) => None,
        Some(list) => {
            let numbers = list.as_array().and_then(|list| list.iter().map(number).collect::<Option<Vec<f32>>>());
            Some(numbers.ok_or_else(|| wrong("embedding", "a list of numbers"))?.into())
        }
    };
    Ok(Face {
        picture: picture.ok_or_else(|| wrong("picture", "width and height"))?,
        bbox: array(file.get("box"), number).ok_or_else(|| wrong("box", "four numbers"))?,
        kps,
        det_score: file.get("score").and_then(number).ok_or_else(|| wrong("score", "a number"))?,
        embedding,
    })
}

fn wrong(field: &str, expected: &str) -> Error {
    Error::new(format!("expected {expected} as `{field}`"))
}

fn number(value: &Json) -> Option<f32> {
    value.as_f64().map(|x| x as f32).filter(|x| x.is_finite())
}

fn array<T, const N: usize>(value: Option<&Json>, item: impl Fn(&Json) -> Option<T>) -> Option<[T; N]> {
    let items: Option<Vec<T>> = value?.as_array()?.iter().map(item).collect();
    items?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::testing::{face, with_embedding};
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn every_bit_comes_back() {
        let host = TestHost::new();
        let odd = [0.1, -1e-40, f32::MAX, f32::MIN_POSITIVE, 1.0 / 3.0, -0.0, 16777217.0];
        let boxed = Face { kps: None, ..face([1.0, 2.0, 3.0, 4.0]) };
        for face in [with_embedding(&odd), face([0.1, 1e-3, 33.3, 70.07]), boxed] {
            let path = save_face(host.ctx(), face.clone(), "ada".to_owned()).unwrap();
            assert!(path.ends_with(".json"));
            let back = load_face(host.ctx(), path).unwrap();
            assert_eq!(back, face);
            let bits = |face: &Face| face.embedding.as_ref().map(|e| e.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
            assert_eq!(bits(&back), bits(&face));
        }
    }

    #[test]
    fn what_is_no_face() {
        let no = |text: &str| from_json(text.as_bytes()).unwrap_err().message;
        assert!(no("hello").starts_with("expected value"));
        assert_eq!(no("{}"), "it is no face: expected a file that SaveFace wrote");
        assert_eq!(no(r#"{"selfsame_face": 2}"#), "it is a face of version 2; this program reads version 1");
        let good = to_json(&face([1.0; 4])).unwrap();
        assert_eq!(no(&good.replace("\"box\":[1.0,", "\"box\":[")), "expected four numbers as `box`");
        assert_eq!(
            no(&good.replace("\"embedding\":null", "\"embedding\":[\"x\"]")),
            "expected a list of numbers as `embedding`"
        );
        assert!(to_json(&with_embedding(&[f32::NAN])).unwrap_err().message.contains("not a number"));
    }
}
