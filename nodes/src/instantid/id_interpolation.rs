//! Between two people.

use crate::wires::{Face, norm};
use selfsame_sdk::prelude::*;

/// How two embeddings are mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Mix {
    /// On the straight line; the middle is the average of both.
    Lerp,
    /// On the arc between the directions, lengths in between.
    Slerp,
}

/// Mixes two faces: 0 is the first person, 1 the second, and beyond that caricature.
///
/// - `lerp`: `(1 - t) * a + t * b`; at 0.5 it is the average, as InstantID's authors do it;
/// - `slerp`: along the arc between both directions, with the lengths in between.
///
/// IDMix mixes more than two.
#[node(id = "core.instantid.id_interpolation", name = "IDInterpolation", title = "ID interpolation", category = "instantid", search = ["morph", "blend"])]
#[output(face = "the face in between: the first one with a mixed embedding")]
pub fn id_interpolation(
    /// The first person.
    from: Face,
    /// The second person.
    to: Face,
    /// How far to go.
    #[param(default = 0.5, hard = -2.0..=3.0, soft = 0.0..=1.0, step = 0.05)]
    t: f64,
    /// How the embeddings are mixed.
    #[param(default = "slerp")]
    mix: Mix,
) -> Result<Face> {
    let embedding = mixed(&from, &to, t, mix)?;
    Ok(Face { embedding: Some(embedding.into()), ..from })
}

/// Faces on the way from one person to another, evenly spaced, both ends included.
#[node(id = "core.instantid.id_sweep", name = "IDSweep", title = "ID sweep", category = "instantid", search = ["morph", "strip"])]
#[output(faces = "the faces, a list", t = "how far each has gone")]
pub fn id_sweep(
    /// The first person.
    from: Face,
    /// The second person.
    to: Face,
    /// How many faces.
    #[param(default = 5, hard = 2..=1000, soft = 2..=20)]
    count: usize,
    /// How the embeddings are mixed.
    #[param(default = "slerp")]
    mix: Mix,
) -> Result<(Vec<Face>, Vec<f64>)> {
    let ts: Vec<f64> = (0..count).map(|i| i as f64 / (count.max(2) - 1) as f64).collect();
    let face = |t: &f64| Ok(Face { embedding: Some(mixed(&from, &to, *t, mix)?.into()), ..from.clone() });
    Ok((ts.iter().map(face).collect::<Result<_>>()?, ts))
}

fn mixed(from: &Face, to: &Face, t: f64, mix: Mix) -> Result<Vec<f32>> {
    let embedding =
        |face: &Face, port: &str| face.embedding.clone().ok_or_else(|| Error::input(port, "the face has no embedding"));
    let (a, b) = (embedding(from, "from")?, embedding(to, "to")?);
    if a.len() != b.len() {
        return Err(Error::input("to", "the faces were analysed by different recognisers"));
    }
    // The ends are the faces themselves, whatever rounding does to what lies between.
    if t == 0.0 || t == 1.0 {
        return Ok(if t == 0.0 { a.to_vec() } else { b.to_vec() });
    }
    let (norm_a, norm_b) = (norm(&a), norm(&b));
    let weighted = |wa: f64, wb: f64| -> Vec<f32> {
        a.iter().zip(b.iter()).map(|(a, b)| (wa * f64::from(*a) + wb * f64::from(*b)) as f32).collect()
    };
    let cosine = crate::wires::similarity(&a, &b).clamp(-1.0, 1.0);
    let (angle, sine) = (cosine.acos(), cosine.acos().sin());
    // Nearly the same or opposite directions have no arc between them.
    if mix == Mix::Lerp || sine < 1e-4 || norm_a == 0.0 || norm_b == 0.0 {
        return Ok(weighted(1.0 - t, t));
    }
    let length = (1.0 - t) * norm_a + t * norm_b;
    let (wa, wb) = (((1.0 - t) * angle).sin() / sine, (t * angle).sin() / sine);
    Ok(weighted(length * wa / norm_a, length * wb / norm_b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::testing::with_embedding as face;

    #[test]
    fn the_middle_of_a_right_angle() {
        let (a, b) = (face(&[2.0, 0.0]), face(&[0.0, 4.0]));
        let at = |t, mix| id_interpolation(a.clone(), b.clone(), t, mix).unwrap().embedding.unwrap().to_vec();
        assert_eq!(at(0.5, Mix::Lerp), [1.0, 2.0]);
        // Length 3 at 45 degrees.
        let middle = at(0.5, Mix::Slerp);
        assert!(middle.iter().all(|x| (f64::from(*x) - 3.0 / 2f64.sqrt()).abs() < 1e-6), "{middle:?}");
        assert_eq!(at(0.0, Mix::Slerp), [2.0, 0.0]);
        assert_eq!(at(1.0, Mix::Slerp), [0.0, 4.0]);
        assert_eq!(at(-1.0, Mix::Lerp), [4.0, -4.0]);
    }

    #[test]
    fn a_sweep_has_both_ends() {
        let (faces, ts) = id_sweep(face(&[1.0, 0.0]), face(&[0.0, 1.0]), 3, Mix::Slerp).unwrap();
        assert_eq!(ts, [0.0, 0.5, 1.0]);
        assert_eq!(faces[0].embedding.as_deref(), Some(&[1.0, 0.0][..]));
        assert_eq!(faces[2].embedding.as_deref(), Some(&[0.0, 1.0][..]));
    }

    #[test]
    fn people_without_embedding_cannot_be_mixed() {
        let nobody = Face { embedding: None, ..face(&[]) };
        let error = id_interpolation(face(&[1.0]), nobody, 0.5, Mix::Lerp).unwrap_err();
        assert_eq!(error.to_string(), "input `to`: the face has no embedding");
    }
}
