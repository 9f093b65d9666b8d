//! Other namings of the networks, shown as those of diffusers and transformers.
//!
//! Single-file checkpoints name their tensors as the LDM code did (ComfyUI and A1111 kept that); diffusers renamed everything. Each
//! function here finds its network inside a file, whatever prefix and naming it has there, and gives a view that holds that
//! network alone in diffusers names. Nothing is assumed of sizes: which block is which is read off the tensors that
//! are there. A tensor whose name is not understood keeps it, so that the network reports it as unexpected.
//!
//! Source of the namings: diffusers' `scripts/convert_*_to_diffusers.py` and `loaders/single_file_utils.py`, CompVis'
//! `ldm/modules/diffusionmodules/{openaimodel,model}.py`, and open_clip's `transformer.py`.

mod depth;
mod taesd;
mod text;
mod unet;
mod vae;

pub use depth::depth_anything;
pub use taesd::tiny_vae;
pub use text::{Encoder, text_encoder};
pub use unet::{controlnet, unet};
pub use vae::vae;

use super::rename::{Change, Renamed};
use super::{TensorInfo, TensorSource};
use std::collections::HashMap;
use std::sync::Arc;

/// Buffers and leftovers of training that files carry and no network asks for.
///
/// Source: the state dicts of the LDM code base (schedule buffers, EMA), transformers before 4.31 (`position_ids`), open_clip
/// (`logit_scale`), and the markers that ComfyUI writes for v-prediction.
pub fn is_tolerated(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "alphas_cumprod",
        "alphas_cumprod_prev",
        "betas",
        "denoiser.sigmas",
        "edm_mean",
        "edm_std",
        "global_step",
        "log_one_minus_alphas_cumprod",
        "logit_scale",
        "logvar",
        "posterior_log_variance_clipped",
        "posterior_mean_coef1",
        "posterior_mean_coef2",
        "posterior_variance",
        "scale_factor",
        "sqrt_alphas_cumprod",
        "sqrt_one_minus_alphas_cumprod",
        "sqrt_recip_alphas_cumprod",
        "sqrt_recipm1_alphas_cumprod",
        "v_pred",
        "ztsnr",
    ];
    const PREFIXES: &[&str] = &["edm_vpred.", "loss.", "model_ema."];
    NAMES.contains(&name)
        || PREFIXES.iter().any(|p| name.starts_with(p))
        || name.ends_with("embeddings.position_ids")
        || name.ends_with(".attn_mask")
        || name == "attn_mask"
}

/// The first of `prefixes` under which one of `probes` is there.
fn find_prefix<'a>(source: &dyn TensorSource, prefixes: &[&'a str], probes: &[&str]) -> Option<&'a str> {
    let tensors = source.tensors();
    prefixes.iter().copied().find(|prefix| probes.iter().any(|probe| tensors.contains_key(&format!("{prefix}{probe}"))))
}

/// The part of `source` under `prefix`, without it.
fn below(source: Arc<dyn TensorSource>, prefix: &str) -> Arc<dyn TensorSource> {
    if prefix.is_empty() {
        return source;
    }
    Renamed::view(source, |name, _| same(name.strip_prefix(prefix)))
}

/// At most one new name for a tensor that stays as it is.
fn same(name: Option<impl Into<String>>) -> Vec<(String, Change)> {
    name.map(|name| (name.into(), Change::Same)).into_iter().collect()
}

/// Renames modules, and members inside renamed modules.
struct Renaming {
    /// Full module names, e.g. `middle_block.1` to `mid_block.attentions.0`.
    modules: HashMap<String, String>,
    /// What follows a renamed module, e.g. `in_layers.0` to `norm1`.
    members: &'static [(&'static str, &'static str)],
}

impl Renaming {
    /// The new name of a tensor; one outside every renamed module keeps its name.
    fn translate(&self, name: &str) -> String {
        // The longest module name wins: `up_blocks.0.resnets.0` over `up_blocks`.
        let dots = name.rmatch_indices('.').map(|(at, _)| at);
        let hit = dots.map(|at| name.split_at(at)).find_map(|(head, rest)| Some((self.modules.get(head)?, rest)));
        let Some((module, rest)) = hit else { return name.to_string() };
        let member = rest.trim_start_matches('.');
        let renamed = self.members.iter().find_map(|(from, to)| {
            let tail = member.strip_prefix(from).filter(|tail| tail.starts_with('.'))?;
            Some(format!("{module}.{to}{tail}"))
        });
        renamed.unwrap_or_else(|| format!("{module}.{member}"))
    }
}

/// A view under the names of `renaming`, every tensor as it is.
fn renamed(source: Arc<dyn TensorSource>, renaming: &Renaming) -> Arc<dyn TensorSource> {
    Renamed::view(source, |name, _| same(Some(renaming.translate(name))))
}

/// Whether a convolution's weight stands where diffusers has a linear layer's.
fn is_pointwise(info: &TensorInfo) -> bool {
    matches!(info.shape.as_slice(), [_, _, 1, 1])
}
