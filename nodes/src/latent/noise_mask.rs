//! Tell where latents may change.

use super::planes::dims;
use selfsame_sdk::prelude::*;

/// Says where sampling may change latents: 1 is changed, 0 is kept. A noise mask that was there is replaced.
///
/// The mask may have any size, usually that of the picture; sampling fits it to the latents. It is not rounded, so that
/// soft edges stay soft.
#[node(id = "core.latent.set_noise_mask", category = "latent/mask", search = ["inpaint"])]
#[output(latent = "the latents with the mask")]
pub fn set_latent_noise_mask(
    /// What gets the mask.
    latent: Latent,
    /// Where it may change. One mask goes with all latents; otherwise there is one for each.
    mask: Mask,
) -> Result<Latent> {
    let [batch, ..] = dims(&latent)?;
    if mask.batch() != 1 && mask.batch() != batch {
        let message = format!("expected 1 mask, or 1 for each of {batch} latents, got {}", mask.batch());
        return Err(Error::input("mask", message));
    }
    Ok(Latent { noise_mask: Some(mask), ..latent })
}

#[cfg(test)]
mod tests {
    use super::super::planes::testing::counting;
    use super::*;

    #[test]
    fn one_or_one_for_each() {
        let mask = |batch: usize| Mask::new([batch, 1, 1], vec![0.5; batch]).unwrap();
        for batch in [1, 2] {
            let latent = set_latent_noise_mask(counting([2, 1, 1, 1]), mask(batch)).unwrap();
            assert_eq!(latent.noise_mask, Some(mask(batch)));
        }
        let message = set_latent_noise_mask(counting([2, 1, 1, 1]), mask(3)).unwrap_err().to_string();
        assert_eq!(message, "input `mask`: expected 1 mask, or 1 for each of 2 latents, got 3");
    }
}
