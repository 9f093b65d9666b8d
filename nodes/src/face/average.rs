//! Several photographs of one person.

use crate::wires::{Face, embeddings, similarity};
use selfsame_sdk::prelude::*;

/// Averages faces of one person, which evens out what is accidental in each photograph (arXiv 2401.07519, figure 4).
///
/// The result is the first face with the weighted mean of all embeddings, as they are, not normalised.
#[node(id = "core.face.average", name = "AverageFaces", title = "Average faces", category = "face", search = ["references", "several photographs", "mean", "merge", "outlier"])]
#[output(face = "the average", kept = "how many faces are in it")]
pub fn average_faces(
    ctx: Ctx,
    /// The faces, all of one person.
    faces: Vec<Face>,
    /// How much each face counts; all alike if empty.
    #[param(default = Vec::<f64>::new(), hard = 0.0..=1000.0)]
    weights: Vec<f64>,
    /// Faces whose similarity to the average of the others is lower are left out; -1 keeps all. Pictures of one person usually
    /// have more than 0.4.
    #[param(default = -1.0, hard = -1.0..=1.0, step = 0.05)]
    least_similarity: f64,
) -> Result<(Face, i64)> {
    average(ctx, faces, weights, least_similarity).map(|(face, kept)| (face, kept as i64))
}

/// The weighted mean of the embeddings, with everything else of the first face.
fn average(ctx: Ctx, mut faces: Vec<Face>, mut weights: Vec<f64>, least_similarity: f64) -> Result<(Face, usize)> {
    if weights.is_empty() {
        weights = vec![1.0; faces.len()];
    }
    if weights.len() != faces.len() {
        let message = format!("expected a weight for each of the {} faces, got {}", faces.len(), weights.len());
        return Err(Error::input("weights", message));
    }
    let embeddings = embeddings(&faces).input("faces")?;
    let length = embeddings.first().map_or(0, |first| first.len());
    let mean = |keep: &dyn Fn(usize) -> bool| -> Vec<f32> {
        let mut sum = vec![0f64; length];
        let mut total = 0.0;
        for (_, (embedding, weight)) in embeddings.iter().zip(&weights).enumerate().filter(|(i, _)| keep(*i)) {
            total += weight;
            sum.iter_mut().zip(embedding.iter()).for_each(|(sum, x)| *sum += weight * f64::from(*x));
        }
        let total = if total > 0.0 { total } else { 1.0 };
        sum.into_iter().map(|x| (x / total) as f32).collect()
    };
    let fits = |i: usize| {
        // Without others that count there is nothing to compare with.
        let has_others = weights.iter().enumerate().any(|(other, weight)| other != i && *weight > 0.0);
        !has_others || similarity(&embeddings[i], &mean(&|other| other != i)) >= least_similarity
    };
    let kept: Vec<bool> = (0..embeddings.len()).map(fits).collect();
    for (i, _) in kept.iter().enumerate().filter(|(_, kept)| !**kept) {
        ctx.warn(format!("face {i} is left out: it is not similar enough to the others"));
    }
    if !weights.iter().zip(&kept).any(|(weight, kept)| *kept && *weight > 0.0) {
        return Err(Error::input("faces", "no face is left: all are left out or have no weight")
            .hint("are they all of one person? lower `least_similarity`"));
    }
    let embedding = mean(&|i| kept[i]);
    let count = kept.iter().filter(|kept| **kept).count();
    Ok((Face { embedding: Some(embedding.into()), ..faces.swap_remove(0) }, count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::testing::with_embedding as face;
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn faces_are_averaged_by_weight_and_outliers_left_out() {
        let host = TestHost::new();
        let of = |faces: Vec<Face>, weights: Vec<f64>, least| {
            average(host.ctx(), faces, weights, least).map(|(face, count)| (face.embedding.unwrap().to_vec(), count))
        };
        let two = || vec![face(&[1.0, 0.0]), face(&[0.0, 2.0])];
        assert_eq!(of(two(), vec![], -1.0).unwrap(), (vec![0.5, 1.0], 2));
        assert_eq!(of(two(), vec![3.0, 1.0], -1.0).unwrap(), (vec![0.75, 0.5], 2));
        let three = vec![face(&[1.0, 0.1]), face(&[1.0, -0.1]), face(&[-1.0, 0.0])];
        let (kept, count) = of(three, vec![], -0.5).unwrap();
        assert_eq!(count, 2);
        assert!((kept[0] - 1.0).abs() < 1e-6 && kept[1].abs() < 1e-6, "{kept:?}");
        assert_eq!(host.said().logs.len(), 1);
    }

    #[test]
    fn faces_that_cannot_be_averaged() {
        let host = TestHost::new();
        let no = |faces, weights| average(host.ctx(), faces, weights, -1.0).unwrap_err().to_string();
        assert_eq!(no(vec![], vec![]), "input `faces`: expected at least one face, got none");
        assert!(no(vec![face(&[1.0])], vec![1.0, 2.0]).contains("a weight for each of the 1 faces, got 2"));
        assert!(no(vec![face(&[1.0]), face(&[1.0, 2.0])], vec![]).contains("different recognisers"));
        assert!(no(vec![face(&[1.0])], vec![0.0]).contains("no face is left"));
        assert!(no(vec![Face { embedding: None, ..face(&[]) }], vec![]).contains("no embedding"));
    }
}
