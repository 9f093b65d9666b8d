//! Several latents as one batch, parts of a batch, repetitions.

use super::planes::{count, dims, fitted_mask};
use selfsame_sdk::prelude::*;

/// Puts latents of one size one behind the other into one batch.
///
/// If one has a noise mask, all get one, in the size of the latents: those without may change everywhere.
#[node(id = "core.latent.batch", category = "latent/batch", search = ["join", "concat", "list"])]
#[output(latent = "all latents in one batch")]
pub fn batch_latents(
    /// The latents; each may be a batch itself.
    latents: Vec<Latent>,
) -> Result<Latent> {
    let Some(first) = latents.first() else {
        return Err(Error::input("latents", "the list is empty; expected at least one"));
    };
    let [_, channels, h, w] = dims(first)?;
    let any_mask = latents.iter().any(|latent| latent.noise_mask.is_some());
    let (mut batch, mut data, mut masks) = (0, Vec::new(), Vec::new());
    for (index, latent) in latents.iter().enumerate() {
        let shape = dims(latent)?;
        if shape[1..] != [channels, h, w] {
            let message =
                format!("number {index} has shape {shape:?}, which does not go with [_, {channels}, {h}, {w}]");
            return Err(Error::input("latents", message).hint("fit it with UpscaleLatent or CropLatent first"));
        }
        batch += shape[0];
        data.extend_from_slice(latent.samples.data());
        if any_mask {
            match fitted_mask(latent)? {
                Some(mask) if mask.batch() == shape[0] => masks.extend_from_slice(mask.data()),
                Some(mask) => (0..shape[0]).for_each(|_| masks.extend_from_slice(&mask.data()[..h * w])),
                None => masks.resize(masks.len() + shape[0] * h * w, 1.0),
            }
        }
    }
    let noise_mask = any_mask.then(|| Mask::new([batch, h, w], masks)).transpose()?;
    Ok(Latent { noise_mask, ..Latent::new(Tensor::new([batch, channels, h, w], data)?)? })
}

/// Takes a batch apart into a list of its latents.
#[node(id = "core.latent.unbatch", category = "latent/batch", search = ["split", "list"])]
#[output(latents = "the latents, one by one")]
pub fn unbatch_latents(
    /// What is taken apart.
    latent: Latent,
) -> Result<Vec<Latent>> {
    (0..dims(&latent)?[0]).map(|index| part(&latent, index, 1)).collect()
}

/// Takes some latents out of a batch.
#[node(id = "core.latent.from_batch", category = "latent/batch", search = ["select", "pick", "slice"])]
#[output(latent = "those latents")]
pub fn latent_from_batch(
    /// The batch.
    latent: Latent,
    /// The number of the first one, from 0.
    #[param(default = 0, hard = 0..=4095)]
    index: usize,
    /// How many.
    #[param(default = 1, hard = 1..=4096)]
    length: usize,
) -> Result<Latent> {
    let batch = dims(&latent)?[0];
    if index + length > batch {
        let message = format!("numbers {index} to {} are not all there: the batch has {batch}", index + length - 1);
        return Err(Error::input(if index < batch { "length" } else { "index" }, message));
    }
    part(&latent, index, length)
}

/// Some latents of a batch; they must be there.
fn part(latent: &Latent, index: usize, length: usize) -> Result<Latent> {
    let [batch, channels, h, w] = dims(latent)?;
    let one = channels * h * w;
    let samples = latent.samples.data()[index * one..][..length * one].to_vec();
    let noise_mask = match &latent.noise_mask {
        Some(mask) if mask.batch() == batch => {
            let one = mask.height() * mask.width();
            let part = mask.data()[index * one..][..length * one].to_vec();
            Some(Mask::new([length, mask.height(), mask.width()], part)?)
        }
        other => other.clone(),
    };
    Ok(Latent { noise_mask, ..Latent::new(Tensor::new([length, channels, h, w], samples)?)? })
}

/// Repeats a batch of latents as a whole, so that several pictures start from the same ones.
#[node(id = "core.latent.repeat", category = "latent/batch", search = ["copy", "duplicate"])]
#[output(latent = "the repeated batch")]
pub fn repeat_latent(
    /// What is repeated.
    latent: Latent,
    /// How often it is there in the end.
    #[param(default = 2, hard = 1..=4096, soft = 1..=8)]
    times: usize,
) -> Result<Latent> {
    let [batch, channels, h, w] = dims(&latent)?;
    let dims = [batch * times, channels, h, w];
    count(dims)?;
    let noise_mask = match latent.noise_mask {
        Some(mask) if mask.batch() > 1 => {
            let [masks, height, width] = mask.dims();
            Some(Mask::new([masks * times, height, width], mask.data().repeat(times))?)
        }
        other => other,
    };
    Ok(Latent { noise_mask, ..Latent::new(Tensor::new(dims, latent.samples.data().repeat(times))?)? })
}

#[cfg(test)]
mod tests {
    use super::super::planes::testing::{counting, masked};
    use super::*;

    #[test]
    fn batches_join_and_come_apart() {
        let plain = counting([1, 1, 1, 2]);
        let with_mask = masked(counting([2, 1, 1, 2]), [1, 1, 2], &[0.25, 0.5]);
        let all = batch_latents(vec![plain.clone(), with_mask]).unwrap();
        assert_eq!(all.samples.data(), [0.0, 1.0, 0.0, 1.0, 2.0, 3.0]);
        assert_eq!(all.noise_mask.as_ref().unwrap().data(), [1.0, 1.0, 0.25, 0.5, 0.25, 0.5]);
        let apart = unbatch_latents(all.clone()).unwrap();
        assert_eq!(apart.len(), 3);
        assert_eq!(batch_latents(apart).unwrap(), all);
        assert_eq!(batch_latents(vec![plain.clone(), plain.clone()]).unwrap().noise_mask, None);
        let message = batch_latents(vec![plain, counting([1, 1, 2, 2])]).unwrap_err().to_string();
        assert_eq!(message, "input `latents`: number 1 has shape [1, 1, 2, 2], which does not go with [_, 1, 1, 2]");
        assert!(batch_latents(vec![]).is_err());
    }

    #[test]
    fn parts_and_repetitions() {
        let latent = masked(counting([3, 1, 1, 1]), [3, 1, 2], &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5]);
        let part = latent_from_batch(latent.clone(), 1, 2).unwrap();
        assert_eq!(part.samples.data(), [1.0, 2.0]);
        assert_eq!(part.noise_mask.as_ref().unwrap().data(), [0.2, 0.3, 0.4, 0.5]);
        let twice = repeat_latent(part, 2).unwrap();
        assert_eq!(twice.samples.data(), [1.0, 2.0, 1.0, 2.0]);
        assert_eq!(twice.noise_mask.unwrap().dims(), [4, 1, 2]);
        let shared = masked(counting([1, 1, 1, 1]), [1, 1, 1], &[0.5]);
        assert_eq!(repeat_latent(shared, 3).unwrap().noise_mask.unwrap().dims(), [1, 1, 1]);
        let message = |index, length| latent_from_batch(latent.clone(), index, length).unwrap_err().to_string();
        assert_eq!(message(2, 2), "input `length`: numbers 2 to 3 are not all there: the batch has 3");
        assert_eq!(message(3, 1), "input `index`: numbers 3 to 3 are not all there: the batch has 3");
    }
}
