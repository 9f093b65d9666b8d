//! Save latents as a file.

use super::planes::dims;
use crate::tensors;
use selfsame_sdk::prelude::*;

/// The tensor that holds the latents, in ComfyUI's files too.
pub(super) const SAMPLES: &str = "latent_tensor";

/// The tensor that holds the noise mask.
pub(super) const NOISE_MASK: &str = "noise_mask";

/// An empty tensor that marks a file whose latents are as the VAE gives them, not scaled: ComfyUI's `SaveLatent`.
pub(super) const UNSCALED: &str = "latent_format_version_0";

/// Saves latents with their noise mask as a numbered `.latent` file (safetensors) in the output folder.
#[node(id = "core.latent.save", category = "latent/files", output_node, search = ["write", "export", "file"])]
#[output(path = "the file")]
pub fn save_latent(
    ctx: Ctx,
    /// What is saved, the whole batch in one file.
    latent: Latent,
    /// What the name of the file starts with. It may name folders below the output folder.
    #[param(default = "latent")]
    prefix: String,
    /// Set it to write a file for ComfyUI, whose latents are not scaled: the factor of the VAE by which they are divided,
    /// 0.13025 for SDXL and 0.18215 for SD1.5.
    #[param(hard = 0.000001..=1000000.0)]
    scaling_factor: Option<f32>,
    /// Writes what made the latents (graph, arguments, versions) into the file.
    #[param(default = true)]
    metadata: bool,
) -> Result<String> {
    dims(&latent).input("latent")?;
    let texts = if metadata { ctx.metadata() } else { Vec::new() };
    let unscaled = |factor: f32| {
        let values = latent.samples.data().iter().map(|value| value / factor).collect();
        Tensor::new(latent.samples.shape(), values)
    };
    let samples = scaling_factor.map_or_else(|| Ok(latent.samples.clone()), unscaled)?;
    let mark = Tensor::new([0], Vec::new())?;
    let mut parts = vec![(SAMPLES, &samples)];
    parts.extend(scaling_factor.map(|_| (UNSCALED, &mark)));
    parts.extend(latent.noise_mask.as_ref().map(|mask| (NOISE_MASK, mask.tensor())));
    let bytes = tensors::write(&parts, &texts)?;
    let path = ctx.save(&prefix, "latent", |file| Ok(file.write_all(&bytes)?)).input("prefix")?;
    Ok(path.display().to_string())
}
