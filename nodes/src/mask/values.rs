//! Masks with other values.

use crate::image::pixels::{gray_of, mask_of};
use selfsame_sdk::prelude::*;

/// Turns masks inside out: 1 becomes 0.
#[node(id = "core.mask.invert", category = "mask/adjust", search = ["negative", "not", "complement"])]
#[output(mask = "1 minus the masks")]
pub fn invert_mask(
    /// What is inverted.
    mask: Mask,
) -> Result<Mask> {
    mask_of(gray_of(mask)?.map(|x| 1.0 - x))
}

/// Makes masks hard: every value becomes 0 or 1.
#[node(id = "core.mask.threshold", category = "mask/adjust", search = ["binary", "binarize", "hard", "cut-off"])]
#[output(mask = "masks of 0 and 1")]
pub fn threshold_mask(
    /// What is made hard.
    mask: Mask,
    /// Values from here on become 1.
    #[param(default = 0.5, hard = 0.0..=1.0, step = 0.01, slider)]
    threshold: f32,
) -> Result<Mask> {
    mask_of(gray_of(mask)?.map(|x| f32::from(x >= threshold)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let mask = Mask::new([1, 1, 3], vec![0.0, 0.5, 0.75]).unwrap();
        assert_eq!(invert_mask(mask.clone()).unwrap().data(), [1.0, 0.5, 0.25]);
        assert_eq!(threshold_mask(mask.clone(), 0.5).unwrap().data(), [0.0, 1.0, 1.0]);
        assert_eq!(threshold_mask(mask, 0.51).unwrap().data(), [0.0, 0.0, 1.0]);
    }
}
