//! Patches of a model: where they work, and in which order.

mod asked;

use crate::wires::Span;
pub use asked::Asked;
use selfsame_models::sampling::Window;
use selfsame_models::unet::{HookSite, UNet};
use selfsame_sdk::prelude::*;
use selfsame_sdk::{Hook, Site, panics};
use std::sync::Arc;

/// The hooks of a model's patches, in the order in which they run.
pub struct Patches {
    unet: Arc<UNet>,
    hooks: Vec<Bound>,
}

/// A hook of a patch.
struct Bound {
    patch: ModelPatchValue,
    number: usize,
    hook: Hook,
    window: Window,
}

impl Patches {
    /// What patches hook into a network. `window` turns fractions of the run into the convention of the loop.
    ///
    /// # Errors
    /// If a hook makes no sense, or names no place of the network.
    pub fn new(patches: &[ModelPatchValue], unet: Arc<UNet>, window: &dyn Fn(Span) -> Window) -> Result<Self> {
        let mut hooks = Vec::new();
        for patch in patches {
            for (number, hook) in panics::catch(|| patch.hooks())?.into_iter().enumerate() {
                let named = |problem: String| Error::new(format!("hook {number} of the patch {patch:?}: {problem}"));
                check(&hook, &unet).map_err(named)?;
                let window = window(Span { start: hook.start, end: hook.end });
                hooks.push(Bound { patch: patch.clone(), number, hook, window });
            }
        }
        // Equal ones stay in the order of the graph.
        hooks.sort_by_key(|bound| bound.hook.priority);
        Ok(Patches { unet, hooks })
    }

    /// The hooks as a loop asks them, in a call; none if there are none.
    pub fn asked_in<'a>(&'a self, ctx: Ctx<'a>) -> Option<Asked<'a>> {
        (!self.hooks.is_empty()).then_some(Asked::new(self, ctx))
    }
}

/// What is wrong with a hook.
fn check(hook: &Hook, unet: &UNet) -> Result<(), String> {
    let Hook { site, places, start, end, weights, mask, .. } = hook;
    if !(0.0..=1.0).contains(start) || !(0.0..=1.0).contains(end) || start > end {
        return Err(format!("it works from {start} to {end}; expected fractions of the run, 0 to 1"));
    }
    let layers = unet.cross_layers();
    if *site != Site::AttentionAdd && (!weights.is_empty() || mask.is_some()) {
        return Err(format!("weights and masks belong to {:?}, not to {site:?}", Site::AttentionAdd));
    }
    if weights.iter().any(|weight| !weight.is_finite()) || (weights.len() > 1 && weights.len() != layers.len()) {
        let expected = format!("one number, or one for each of {} cross-attention layers", layers.len());
        return Err(format!("its weights are {weights:?}; expected {expected}"));
    }
    let names = names(*site, unet);
    if !names.iter().any(|name| matches(places, name)) {
        let example = names.first().map_or("none", |name| name);
        return Err(format!("the network has no place `{places}` among {} such as `{example}`", names.len()));
    }
    Ok(())
}

/// All places of a site.
fn names(site: Site, unet: &UNet) -> Vec<String> {
    let blocks = |block: fn(usize) -> HookSite<'static>| (0..unet.skips()).map(|i| block(i).to_string()).collect();
    let layers = || unet.cross_layers().iter().map(|layer| layer.path.clone());
    match site {
        Site::AttentionAdd => layers().collect(),
        Site::Input => blocks(HookSite::Input),
        Site::Middle => vec![HookSite::Middle.to_string()],
        Site::Output => blocks(HookSite::Output),
        // Beside each layer that reads the text is one of the picture itself.
        Site::Query | Site::Key | Site::Value | Site::Attention => {
            layers().flat_map(|path| [path.replace("attn2", "attn1"), path]).collect()
        }
    }
}

/// Whether a name is one of those that a pattern means, in which `*` stands for any letters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| name.strip_prefix(start)) else { return false };
    let Some(end) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_letters() {
        let path = "down_blocks.1.attentions.0.transformer_blocks.0.attn2";
        for pattern in ["*", path, "down_*", "*.attn2", "down_blocks.*.attentions.0.*", "**"] {
            assert!(matches(pattern, path), "{pattern}");
        }
        for pattern in ["", "up_*", "*.attn1", "down_blocks.1", "*attn2.*"] {
            assert!(!matches(pattern, path), "{pattern}");
        }
        assert!(matches("output_blocks.1", "output_blocks.1") && !matches("output_blocks.1", "output_blocks.11"));
    }
}
