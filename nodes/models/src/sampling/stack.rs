//! Tensors of several conditions as the rows of one batch.

use super::conditioning::Area;
use crate::unet::{AddedConditions, MaskResize, SpatialMask};
use crate::{Error, Result};
use candle_core::Tensor;

/// The least common multiple of two lengths, neither of them 0.
pub(super) fn lcm(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}

/// `batch` rows for each part in turn: a tensor of one row serves the whole batch.
pub(super) fn stack_rows(parts: &[&Tensor], batch: usize, what: &str) -> Result<Tensor> {
    let expand = |part: &&Tensor| match part.dim(0)? {
        rows if rows == batch => Ok((*part).clone()),
        1 => Ok(Tensor::cat(&vec![*part; batch], 0)?),
        rows => Err(Error::input(what, format!("1 row or {batch} (the batch)"), rows.to_string())),
    };
    Ok(Tensor::cat(&parts.iter().map(expand).collect::<Result<Vec<_>>>()?, 0)?)
}

/// [`stack_rows`] for contexts `[.., L, D]`: those of different lengths repeat up to their least common multiple, which
/// leaves attention to them unchanged.
pub(super) fn stack_contexts(contexts: &[&Tensor], batch: usize) -> Result<Tensor> {
    let mut length = 1;
    for context in contexts {
        check_context(context)?;
        length = lcm(length, context.dim(1)?);
    }
    let repeat = |context: &&Tensor| Ok(Tensor::cat(&vec![*context; length / context.dim(1)?], 1)?);
    let repeated = contexts.iter().map(repeat).collect::<Result<Vec<_>>>()?;
    stack_rows(&repeated.iter().collect::<Vec<_>>(), batch, "context")
}

/// Refuses what is not a context.
pub(super) fn check_context(context: &Tensor) -> Result<()> {
    match context.dims() {
        [_, length, _] if *length > 0 => Ok(()),
        dims => Err(Error::input("context", "[1 or B, at least 1 token, D]", format!("{dims:?}"))),
    }
}

/// [`stack_rows`] for SDXL's pooled text and sizes.
pub(super) fn stack_added(added: &[&AddedConditions], batch: usize) -> Result<AddedConditions> {
    let text: Vec<&Tensor> = added.iter().map(|a| &a.text_embeds).collect();
    let sizes: Vec<&Tensor> = added.iter().map(|a| &a.time_ids).collect();
    let text_embeds = stack_rows(&text, batch, "pooled text")?;
    Ok(AddedConditions { text_embeds, time_ids: stack_rows(&sizes, batch, "time ids")? })
}

/// A mask over the whole latents `[B, C, h, w]` as a batch sees it: cut to the area, with rows for each of `parts`.
pub(super) fn place_mask(
    mask: &Tensor,
    resize: MaskResize,
    area: Option<Area>,
    latents: &[usize; 4],
    parts: usize,
) -> Result<SpatialMask> {
    let [batch, _, height, width] = *latents;
    let mut mask = mask.clone();
    if let Some(area) = area {
        mask = area.crop(&SpatialMask::new(&mask, resize)?.at(height, width)?)?.contiguous()?;
    }
    if mask.dim(0)? > 1 {
        mask = stack_rows(&vec![&mask; parts], batch, "mask")?;
    }
    SpatialMask::new(&mask, resize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn multiples() {
        assert_eq!([lcm(77, 154), lcm(77, 77), lcm(2, 3), lcm(1, 9)], [154, 77, 6, 9]);
    }

    #[test]
    fn rows_are_repeated_and_lengths_made_equal() {
        let one = Tensor::new(&[[[1f32], [2.]]], &Device::Cpu).unwrap();
        let two = Tensor::new(&[[[3f32]], [[4.]]], &Device::Cpu).unwrap();
        let stacked = stack_contexts(&[&one, &two], 2).unwrap().squeeze(2).unwrap();
        assert_eq!(stacked.to_vec2::<f32>().unwrap(), [[1., 2.], [1., 2.], [3., 3.], [4., 4.]]);
        let error = stack_contexts(&[&one, &two], 3).unwrap_err().to_string();
        assert_eq!(error, "context: expected 1 row or 3 (the batch), got 2");
        let empty = Tensor::zeros((1, 0, 4), DType::F32, &Device::Cpu).unwrap();
        assert!(stack_contexts(&[&empty], 1).unwrap_err().to_string().contains("at least 1 token"));
    }
}
