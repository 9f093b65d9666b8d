//! One mask made of two.

use crate::image::pixels::{common_batch, draw, gray_of, mask_of, row};
use selfsame_sdk::prelude::*;

/// What becomes of two values.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// destination + source, at most 1.
    Add,
    /// destination - source, at least 0.
    Subtract,
    /// destination · source.
    Multiply,
    /// The larger one: either, "or".
    Union,
    /// The smaller one: both, "and".
    Intersect,
    /// |destination - source|.
    Difference,
    /// One without the other: destination + source - 2 · destination · source.
    Xor,
}

impl Operation {
    fn apply(self, destination: f32, source: f32) -> f32 {
        match self {
            Operation::Add => (destination + source).min(1.0),
            Operation::Subtract => (destination - source).max(0.0),
            Operation::Multiply => destination * source,
            Operation::Union => destination.max(source),
            Operation::Intersect => destination.min(source),
            Operation::Difference => (destination - source).abs(),
            Operation::Xor => destination + source - 2.0 * destination * source,
        }
    }
}

/// Combines two masks. They may differ in size: where the source does not reach, the destination stays.
#[node(id = "core.mask.combine", category = "mask/compose", search = ["and", "or", "union", "intersect", "merge", "composite"])]
#[output(mask = "as large as the destination")]
pub fn combine_masks(
    ctx: Ctx,
    /// The first mask.
    destination: Mask,
    /// The second mask.
    source: Mask,
    /// What becomes of two values.
    #[param(default = "union")]
    operation: Operation,
    /// Column of the destination where the source starts.
    #[param(default = 0, hard = -16384..=16384, unit = "px")]
    x: i64,
    /// Row of the destination where the source starts.
    #[param(default = 0, hard = -16384..=16384, unit = "px")]
    y: i64,
) -> Result<Mask> {
    let [_, height, width] = destination.dims();
    let batch = common_batch(["destination", "source"], &destination.dims(), &source.dims())?;
    let (destination, source) = (gray_of(destination)?, gray_of(source)?);
    let (left, skipped) = (x.max(0) as usize, (-x).max(0) as usize);
    let mask = draw(ctx, [batch, height, width, 1], |frame, line, out| {
        out.copy_from_slice(row(&destination, frame, line));
        let from_line = usize::try_from(line as i64 - y).ok().filter(|line| *line < source.height());
        let Some(from_line) = from_line else { return };
        for (to, from) in out.iter_mut().skip(left).zip(row(&source, frame, from_line).iter().skip(skipped)) {
            *to = operation.apply(*to, *from);
        }
    })?;
    mask_of(mask)
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    fn mask(dims: [usize; 3], data: &[f32]) -> Mask {
        Mask::new(dims, data.to_vec()).unwrap()
    }

    #[test]
    fn operations() {
        let host = TestHost::new();
        let destination = mask([1, 1, 3], &[0.25, 0.75, 1.0]);
        let source = mask([1, 1, 3], &[0.5, 0.5, 1.0]);
        let cases = [
            (Operation::Add, [0.75, 1.0, 1.0]),
            (Operation::Subtract, [0.0, 0.25, 0.0]),
            (Operation::Multiply, [0.125, 0.375, 1.0]),
            (Operation::Union, [0.5, 0.75, 1.0]),
            (Operation::Intersect, [0.25, 0.5, 1.0]),
            (Operation::Difference, [0.25, 0.25, 0.0]),
            (Operation::Xor, [0.5, 0.5, 0.0]),
        ];
        for (operation, wanted) in cases {
            let out = combine_masks(host.ctx(), destination.clone(), source.clone(), operation, 0, 0).unwrap();
            assert_eq!(out.data(), wanted, "{operation:?}");
        }
    }

    #[test]
    fn beyond_the_source_the_destination_stays() {
        let host = TestHost::new();
        let destination = mask([1, 2, 2], &[1.0; 4]);
        let source = mask([2, 1, 1], &[0.5, 0.25]);
        let at = |x, y| {
            let (destination, source) = (destination.clone(), source.clone());
            combine_masks(host.ctx(), destination, source, Operation::Intersect, x, y).unwrap().data().to_vec()
        };
        assert_eq!(at(1, 0), [1.0, 0.5, 1.0, 1.0, 1.0, 0.25, 1.0, 1.0]);
        assert_eq!(at(-1, 0), [1.0; 8]);
        assert_eq!(at(0, 2), [1.0; 8]);
        let three = mask([3, 1, 1], &[0.0; 3]);
        let error = combine_masks(host.ctx(), three, source.clone(), Operation::Add, 0, 0).unwrap_err();
        assert!(error.message.ends_with("their batches differ"), "{error}");
    }
}
