//! One of several faces.

use crate::wires::{Face, similarity};
use selfsame_sdk::prelude::*;
use std::cmp::Ordering;

/// By what a face is chosen.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The largest box.
    Largest,
    /// The one of which the detector is surest.
    Score,
    /// Large and near the middle: the area less twice the squared distance from the middle, insightface's choice of one face.
    Central,
    /// Counted from left to right by the middle of the boxes.
    LeftToRight,
    /// The one whose middle is nearest to a point.
    Nearest,
    /// The one most similar to another face.
    Similar,
}

/// Chooses one of several faces.
#[node(id = "core.face.select", category = "face", search = ["index", "largest", "pick", "which", "person"])]
#[output(face = "the face", index = "where it is in the list, from 0")]
pub fn select_face(
    /// The faces to choose from.
    faces: Vec<Face>,
    /// By what it is chosen.
    #[param(default = "largest")]
    by: By,
    /// Which one in that order: 1 is the second largest, second from the left, second nearest and so on. -1 is the last.
    #[param(default = 0, hard = -1000..=1000)]
    index: i64,
    /// For `nearest`: the point, from the left, as a fraction of the picture.
    #[param(default = 0.5, hard = 0.0..=1.0, step = 0.01, slider)]
    x: f64,
    /// For `nearest`: the point, from above, as a fraction of the picture.
    #[param(default = 0.5, hard = 0.0..=1.0, step = 0.01, slider)]
    y: f64,
    /// For `similar`: the face to look for.
    like: Option<Face>,
) -> Result<(Face, i64)> {
    let point = [x, y];
    let at = select(&faces, by, index, Some(point), like.as_ref())?;
    let face = faces.into_iter().nth(at).ok_or_else(|| Error::input("faces", "there is no face"))?;
    Ok((face, at as i64))
}

/// Which of several faces is chosen; `point` in fractions of their picture, its middle if there is none.
///
/// # Errors
/// If there are no faces, or fewer than `index` asks for; if `by` needs embeddings that are not there.
pub fn select(faces: &[Face], by: By, index: i64, point: Option<[f64; 2]>, like: Option<&Face>) -> Result<usize> {
    if faces.is_empty() {
        return Err(Error::input("faces", "there is no face to choose from"));
    }
    let point = point.unwrap_or([0.5; 2]);
    let keys = faces.iter().map(|face| match by {
        By::Largest => Ok(-f64::from(face.area())),
        By::Score => Ok(-f64::from(face.det_score)),
        By::Central => {
            let [x, y] = [0, 1].map(|axis| center(face)[axis] - (face.picture[axis] / 2) as f64);
            Ok(2.0 * (x * x + y * y) - f64::from(face.area()))
        }
        By::LeftToRight => Ok(center(face)[0]),
        By::Nearest => {
            let offset = [0, 1].map(|axis| center(face)[axis] - point[axis] * face.picture[axis] as f64);
            Ok(offset[0].hypot(offset[1]))
        }
        By::Similar => {
            let like = like.ok_or_else(|| Error::input("like", "`similar` needs the face to look for"))?;
            Ok(-between(face, like).input("faces")?)
        }
    });
    let keys: Vec<f64> = keys.collect::<Result<_>>()?;
    let mut order: Vec<usize> = (0..faces.len()).collect();
    // Equal ones stay in their order.
    order.sort_by(|a, b| keys[*a].partial_cmp(&keys[*b]).unwrap_or(Ordering::Equal));
    let at = if index < 0 { faces.len() as i64 + index } else { index };
    let found = usize::try_from(at).ok().and_then(|at| order.get(at)).copied();
    found.ok_or_else(|| Error::input("index", format!("there are {} faces, so there is no face {index}", faces.len())))
}

fn center(face: &Face) -> [f64; 2] {
    let [left, top, right, bottom] = face.bbox.map(f64::from);
    [(left + right) / 2.0, (top + bottom) / 2.0]
}

/// How similar two faces are: the cosine of the angle between their embeddings.
///
/// # Errors
/// If one has no embedding, or they come from different recognisers.
pub fn between(one: &Face, other: &Face) -> Result<f64> {
    let (Some(a), Some(b)) = (&one.embedding, &other.embedding) else {
        return Err(Error::new("a face has no embedding").hint("analyse the picture with a recogniser"));
    };
    if a.len() != b.len() {
        bail!("the faces were analysed by different recognisers: {} and {} numbers", a.len(), b.len());
    }
    Ok(similarity(a, b))
}

/// Says how similar two faces are: 1 is the same, about 0 two strangers.
///
/// With ArcFace-like recognisers two pictures of one person usually have more than 0.4.
#[node(id = "core.face.similarity", name = "FaceSimilarity", category = "face", search = ["compare", "identity", "cosine", "distance"])]
#[output(similarity = "the cosine of the angle between both embeddings, -1..1")]
pub fn face_similarity(
    /// The first face.
    first: Face,
    /// The second face.
    second: Face,
) -> Result<f64> {
    between(&first, &second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::testing::{face, with_embedding};

    fn three() -> Vec<Face> {
        vec![
            Face { det_score: 0.7, ..face([60.0, 10.0, 70.0, 20.0]) },
            Face { det_score: 0.9, ..face([10.0, 10.0, 40.0, 40.0]) },
            Face { det_score: 0.8, ..face([70.0, 70.0, 90.0, 90.0]) },
        ]
    }

    #[test]
    fn by_everything() {
        let at = |by, index| select(&three(), by, index, Some([0.9, 0.9]), None).unwrap();
        let order = |by| [0, 1, 2].map(|index| at(by, index));
        assert_eq!(order(By::Largest), [1, 2, 0]);
        assert_eq!(order(By::Score), [1, 2, 0]);
        assert_eq!(order(By::Central), [1, 0, 2]);
        assert_eq!(order(By::LeftToRight), [1, 0, 2]);
        assert_eq!(order(By::Nearest), [2, 0, 1]);
        assert_eq!(at(By::LeftToRight, -1), 2);
        assert_eq!(select_face(three(), By::Nearest, 0, 0.0, 0.0, None).unwrap().1, 1);
    }

    #[test]
    fn by_similarity() {
        let faces = vec![with_embedding(&[1.0, 0.0]), with_embedding(&[0.5, 0.5]), with_embedding(&[0.0, 3.0])];
        let like = with_embedding(&[0.1, 1.0]);
        assert_eq!(select_face(faces.clone(), By::Similar, 0, 0.0, 0.0, Some(like.clone())).unwrap().1, 2);
        let found = face_similarity(faces[2].clone(), like).unwrap();
        assert!((found - 1.0 / 1.01f64.sqrt()).abs() < 1e-7, "{found}");
    }

    #[test]
    fn what_cannot_be_chosen() {
        let no = |faces: &[Face], by, index, like| select(faces, by, index, None, like).unwrap_err().to_string();
        assert_eq!(no(&[], By::Largest, 0, None), "input `faces`: there is no face to choose from");
        assert_eq!(no(&three(), By::Largest, 3, None), "input `index`: there are 3 faces, so there is no face 3");
        assert!(no(&three(), By::Largest, -4, None).contains("no face -4"));
        assert!(no(&three(), By::Similar, 0, None).contains("input `like`"));
        assert_eq!(no(&three(), By::Similar, 0, Some(&three()[0])), "input `faces`: a face has no embedding");
        let error = face_similarity(with_embedding(&[1.0]), with_embedding(&[1.0, 2.0])).unwrap_err();
        assert!(error.message.contains("1 and 2 numbers"));
    }
}
