//! Between several people.

use super::id_interpolation::Mix;
use crate::wires::{Face, embeddings, norm};
use selfsame_sdk::prelude::*;

/// Mixes any number of faces by weights that are first divided by their sum: `w_i = weight_i / sum of weights`.
///
/// - `lerp`: the embedding is the weighted sum `sum of w_i * e_i`, the mean of all if the weights are equal;
/// - `slerp`: its direction is that of `sum of w_i * e_i / |e_i|`, its length `sum of w_i * |e_i|`, so that faces that are unlike do
///   not shorten it. Of two equal weights, that is the middle of the arc that IDInterpolation goes along.
///
/// A weight below 0 leads away from a person: caricature. Photographs of one person are averaged by AverageFaces, which can leave out
/// those that are unlike the others.
#[node(id = "core.instantid.id_mix", name = "IDMix", title = "ID mix", category = "instantid", search = ["morph", "blend", "average", "weights", "several"])]
#[output(face = "the mixed face: the first one with a mixed embedding")]
pub fn id_mix(
    /// The people.
    mut faces: Vec<Face>,
    /// How much of each person; all alike if empty.
    #[param(default = Vec::<f64>::new(), hard = -1000.0..=1000.0)]
    weights: Vec<f64>,
    /// How the embeddings are mixed.
    #[param(default = "lerp")]
    mix: Mix,
) -> Result<Face> {
    let embeddings = embeddings(&faces).input("faces")?;
    let length = embeddings.first().map_or(0, |first| first.len());
    let weights = normalised(weights, faces.len())?;
    let sum = |factors: &[f64]| {
        let mut sum = vec![0f64; length];
        for (embedding, factor) in embeddings.iter().zip(factors) {
            sum.iter_mut().zip(embedding.iter()).for_each(|(sum, x)| *sum += factor * f64::from(*x));
        }
        sum
    };
    let mixed: Vec<f64> = match mix {
        Mix::Lerp => sum(&weights),
        Mix::Slerp => {
            let norms: Vec<f64> = embeddings.iter().map(|embedding| norm(embedding)).collect();
            // A face without direction adds none.
            let unit = |(weight, norm): (&f64, &f64)| if *norm > 0.0 { weight / norm } else { 0.0 };
            let direction = sum(&weights.iter().zip(&norms).map(unit).collect::<Vec<_>>());
            let wanted: f64 = weights.iter().zip(&norms).map(|(weight, norm)| weight * norm).sum();
            let got = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
            if got < 1e-6 {
                return Err(Error::input(
                    "faces",
                    "the faces cancel one another out: there is no direction between them",
                )
                .hint("change the weights, or mix by `lerp`"));
            }
            direction.iter().map(|x| x * wanted / got).collect()
        }
    };
    let embedding: Vec<f32> = mixed.into_iter().map(|x| x as f32).collect();
    Ok(Face { embedding: Some(embedding.into()), ..faces.swap_remove(0) })
}

/// Weights whose sum is 1.
fn normalised(mut weights: Vec<f64>, count: usize) -> Result<Vec<f64>> {
    if weights.is_empty() {
        weights = vec![1.0; count];
    }
    if weights.len() != count {
        let message = format!("expected a weight for each of the {count} faces, got {}", weights.len());
        return Err(Error::input("weights", message));
    }
    let sum: f64 = weights.iter().sum();
    // Rounding alone must not decide the sign of every weight.
    if sum.abs() < 1e-6 {
        return Err(Error::input("weights", format!("expected weights with a sum, got a sum of {sum}")));
    }
    Ok(weights.into_iter().map(|weight| weight / sum).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::testing::{face, with_embedding};
    use crate::instantid::id_interpolation::id_interpolation;

    fn embedding(faces: Vec<Face>, weights: Vec<f64>, mix: Mix) -> Vec<f32> {
        id_mix(faces, weights, mix).unwrap().embedding.unwrap().to_vec()
    }

    fn three() -> Vec<Face> {
        vec![with_embedding(&[2.0, 0.0, 0.0]), with_embedding(&[0.0, 4.0, 0.0]), with_embedding(&[0.0, 0.0, 6.0])]
    }

    #[test]
    fn the_weighted_sum() {
        assert_eq!(embedding(three(), vec![2.0, 1.0, 1.0], Mix::Lerp), [1.0, 1.0, 1.5]);
        assert_eq!(embedding(three(), vec![], Mix::Lerp), [2.0 / 3.0, 4.0 / 3.0, 2.0]);
        assert_eq!(embedding(three(), vec![0.0, 0.5, 0.0], Mix::Lerp), [0.0, 4.0, 0.0]);
        // Beyond the first person, away from the second.
        assert_eq!(embedding(three(), vec![2.0, -1.0, 0.0], Mix::Lerp), [4.0, -4.0, 0.0]);
    }

    #[test]
    fn direction_and_length_apart() {
        // Equal parts of each direction; the length is 2/4 + 4/4 + 6/2.
        let mixed = embedding(three(), vec![1.0, 1.0, 2.0], Mix::Slerp);
        let part = 4.5 / 6f32.sqrt();
        for (got, wanted) in mixed.iter().zip([part, part, 2.0 * part]) {
            assert!((got - wanted).abs() < 1e-6, "{mixed:?}");
        }
        let two = || vec![with_embedding(&[2.0, 0.5]), with_embedding(&[-1.0, 4.0])];
        for (mix, tolerance) in [(Mix::Lerp, 0.0), (Mix::Slerp, 1e-6)] {
            let [a, b] = two().try_into().unwrap();
            let middle = id_interpolation(a, b, 0.5, mix).unwrap().embedding.unwrap();
            let mixed = embedding(two(), vec![1.0, 1.0], mix);
            assert!(mixed.iter().zip(middle.iter()).all(|(a, b)| (a - b).abs() <= tolerance), "{mixed:?} {middle:?}");
        }
    }

    #[test]
    fn what_cannot_be_mixed() {
        let no = |faces, weights, mix| id_mix(faces, weights, mix).unwrap_err().to_string();
        assert_eq!(no(vec![], vec![], Mix::Lerp), "input `faces`: expected at least one face, got none");
        assert!(no(three(), vec![1.0], Mix::Lerp).contains("a weight for each of the 3 faces, got 1"));
        assert!(no(three(), vec![1.0, -1.0, 0.0], Mix::Lerp).contains("got a sum of 0"));
        assert!(no(vec![face([1.0; 4])], vec![], Mix::Lerp).contains("face 0 has no embedding"));
        let other = vec![with_embedding(&[1.0]), with_embedding(&[1.0, 0.0])];
        assert!(no(other, vec![], Mix::Lerp).contains("different recognisers"));
        let opposite = vec![with_embedding(&[1.0]), with_embedding(&[-1.0])];
        assert!(no(opposite, vec![], Mix::Slerp).contains("cancel one another out"));
    }
}
