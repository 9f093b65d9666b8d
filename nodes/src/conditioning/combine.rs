//! Several prompts together.

use crate::wires::Conditioning;
use selfsame_sdk::prelude::*;

/// Lets several conditionings steer together: their predictions are averaged, by weight where they have one.
#[node(id = "core.conditioning.combine", category = "conditioning", search = ["merge"])]
#[output(conditioning = "all entries")]
pub fn combine_conditioning(
    /// The conditionings.
    conditionings: Vec<Conditioning>,
) -> Result<Conditioning> {
    let entries: Vec<_> = conditionings.into_iter().flat_map(|conditioning| conditioning.entries).collect();
    if entries.is_empty() {
        return Err(Error::input("conditionings", "expected at least one conditioning, got none"));
    }
    Ok(Conditioning { entries })
}

/// Lays the tokens of one conditioning after those of another, so that one prediction reads both.
#[node(id = "core.conditioning.concat", category = "conditioning")]
#[output(conditioning = "the longer conditioning")]
pub fn concat_conditioning(
    /// What comes first; pooled text, places and ControlNets are its own.
    mut conditioning: Conditioning,
    /// What follows; only the tokens of its first entry count.
    other: Conditioning,
) -> Result<Conditioning> {
    let Some(added) = other.entries.first() else { return Ok(conditioning) };
    for entry in &mut conditioning.entries {
        let ([_, first, width], [_, second, other_width]) =
            (entry.context.dims("[1,L,D]")?, added.context.dims("[1,L,D]")?);
        if width != other_width {
            let message = format!(
                "its features are {other_width} wide, those of the first {width}: they are of different models"
            );
            return Err(Error::input("other", message));
        }
        let data = [entry.context.data(), added.context.data()].concat();
        entry.context = Tensor::new([1, first + second, width], data)?;
    }
    Ok(conditioning)
}

/// Sets the tokens to zero, and the pooled text too: what SDXL's pipelines use when there is no negative prompt.
#[node(id = "core.conditioning.zero", category = "conditioning", search = ["ConditioningZeroOut"])]
#[output(conditioning = "the conditioning that says nothing")]
pub fn zero_conditioning(
    /// What is set to zero.
    mut conditioning: Conditioning,
) -> Result<Conditioning> {
    let zero = |tensor: &Tensor| Tensor::new(tensor.shape(), vec![0.0; tensor.data().len()]);
    for entry in &mut conditioning.entries {
        entry.context = zero(&entry.context)?;
        entry.pooled = entry.pooled.as_ref().map(zero).transpose()?;
    }
    Ok(conditioning)
}
