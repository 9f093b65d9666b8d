//! Load latents from a file.

use super::save::{NOISE_MASK, SAMPLES, UNSCALED};
use crate::tensors;
use selfsame_sdk::prelude::*;

/// Loads latents from a file that `SaveLatent` wrote, here or in ComfyUI.
///
/// Latents on wires are scaled as the denoising network expects them. ComfyUI's files hold them as its VAE gives them,
/// marked by a tensor `latent_format_version_0`; these are multiplied by the scaling factor. Files without the mark, ours
/// and the oldest of ComfyUI, hold scaled latents, which are taken as they are.
#[node(id = "core.latent.load", category = "latent/files", search = ["open", "import", "file"])]
#[output(latent = "the latents, with their noise mask if the file has one")]
pub fn load_latent(
    ctx: Ctx,
    /// The file, in safetensors format whatever its name.
    #[param(file = ["latent", "safetensors"])]
    path: String,
    /// The factor of the VAE, for files with unscaled latents: 0.13025 for SDXL, 0.18215 for SD1.5.
    #[param(default = 0.13025, hard = 0.000001..=1000000.0)]
    scaling_factor: f32,
) -> Result<Latent> {
    let bytes = ctx.read(&path).input("path")?;
    decode(&bytes, scaling_factor).context(|| format!("cannot read {path}")).input("path")
}

fn decode(bytes: &[u8], scaling_factor: f32) -> Result<Latent> {
    let file = tensors::open(bytes)?;
    let Some(samples) = tensors::read(&file, SAMPLES)? else {
        let mut names = file.names();
        names.sort_unstable();
        names.truncate(5);
        bail!("it holds no latents: expected a tensor `{SAMPLES}`, found {}", names.join(", "));
    };
    let mut latent = Latent::new(samples)?;
    if file.tensor(UNSCALED).is_ok() {
        let shape = latent.samples.shape().to_vec();
        let scaled = latent.samples.data().iter().map(|value| value * scaling_factor).collect();
        latent.samples = Tensor::new(shape, scaled)?;
    }
    latent.noise_mask = tensors::read(&file, NOISE_MASK)?.map(Mask::from_tensor).transpose()?;
    Ok(latent)
}

#[cfg(test)]
mod tests {
    use super::super::planes::testing::{counting, masked};
    use super::super::save::save_latent;
    use super::*;
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn what_is_saved_is_loaded() {
        let host = TestHost::new();
        let latent = masked(counting([2, 4, 2, 1]), [1, 2, 2], &[0.0, 0.5, 0.25, 1.0]);
        let path = save_latent(host.ctx(), latent.clone(), "a".to_owned(), None, true).unwrap();
        assert!(path.ends_with("a_0001.latent"), "{path}");
        assert_eq!(load_latent(host.ctx(), path, 0.13025).unwrap(), latent);
    }

    #[test]
    fn files_of_comfyui() {
        let host = TestHost::new();
        let path = save_latent(host.ctx(), counting([1, 1, 1, 3]), "a".to_owned(), Some(0.25), false).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let file = tensors::open(&bytes).unwrap();
        assert_eq!(tensors::read(&file, SAMPLES).unwrap().unwrap().data(), [0.0, 4.0, 8.0]);
        assert_eq!(file.tensor(UNSCALED).unwrap().shape(), [0]);
        assert_eq!(load_latent(host.ctx(), path, 0.5).unwrap().samples.data(), [0.0, 2.0, 4.0]);
    }

    #[test]
    fn other_files() {
        let host = TestHost::new();
        let other = tensors::write(&[("weight", &Tensor::new([1], vec![0.0]).unwrap())], &[]).unwrap();
        let flat = tensors::write(&[(SAMPLES, &Tensor::new([1], vec![0.0]).unwrap())], &[]).unwrap();
        let message = |bytes: &[u8]| {
            std::fs::write(host.folder().join("x"), bytes).unwrap();
            load_latent(host.ctx(), "x".to_owned(), 1.0).unwrap_err().to_string()
        };
        assert_eq!(
            message(&other),
            "input `path`: cannot read x: it holds no latents: expected a tensor `latent_tensor`, found weight"
        );
        assert_eq!(message(&flat), "input `path`: cannot read x: expected a tensor [B,C,H,W], got shape [1]");
        assert!(message(b"hello").starts_with("input `path`: cannot read x: this is no whole safetensors file ("));
    }
}
