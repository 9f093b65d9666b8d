//! Patches of a model, asked by the sampling loops.

use super::errors::carried;
use crate::wires::{Span, from_device, to_device};
use candle_core as candle;
use selfsame_models as models;
use selfsame_models::sampling::{ExtraAttention, HookBatch, Hooks, Moment, Window};
use selfsame_models::unet::{self, AdapterLayerKv, AttentionPart, CrossLayer, HookSite, UNet};
use selfsame_sdk::prelude::*;
use selfsame_sdk::{Hook, HookCall, MaskResize, Row, Site, panics};
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
        (!self.hooks.is_empty()).then_some(Asked { patches: self, ctx })
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

/// Patches in a call.
pub struct Asked<'a> {
    patches: &'a Patches,
    ctx: Ctx<'a>,
}

impl Bound {
    /// The weight of a layer.
    fn weight(&self, layer: usize) -> f64 {
        match &self.hook.weights[..] {
            [] => 1.0,
            [one] => *one,
            each => each[layer],
        }
    }

    /// Asks the patch. What it gives has one of these shapes each, or there is nothing.
    fn ask(&self, ctx: Ctx, call: &HookCall, fits: impl Fn(&[&[usize]]) -> Result<(), String>) -> Result<Vec<Tensor>> {
        let wrong = |error: Error| {
            let message = format!("the patch {:?} at {}: {}", self.patch, call.place, error.message);
            match error.status {
                Status::Cancelled => error,
                // It is the patch that is broken, not the node that asks.
                Status::Panic | Status::NeedsInput => Error { status: Status::Internal, message, port: None, ..error },
                _ => Error { message, port: None, ..error },
            }
        };
        let mistake = |problem: String| {
            wrong(Error::new(problem).hint("this is a mistake in the patch; please report it to its author"))
        };
        let given = panics::catch(|| self.patch.call(ctx, call)).map_err(wrong)?;
        if !given.is_empty() {
            let shapes: Vec<&[usize]> = given.iter().map(Tensor::shape).collect();
            fits(&shapes).map_err(mistake)?;
        }
        if let Some(number) = given.iter().flat_map(Tensor::data).find(|number| !number.is_finite()) {
            return Err(mistake(format!("it gave the number {number}")));
        }
        Ok(given)
    }
}

impl Asked<'_> {
    fn layer(
        &self,
        bound: &Bound,
        batch: &HookBatch<'_>,
        rows: &[Row],
        (number, layer): (usize, &CrossLayer),
    ) -> Result<AdapterLayerKv> {
        let device = self.patches.unet.device();
        let weight = bound.weight(number);
        if weight != 0.0 && matches(&bound.hook.places, &layer.path) {
            let call = HookCall {
                hook: bound.number,
                site: Site::AttentionAdd,
                layer: number,
                place: &layer.path,
                heads: layer.heads,
                hidden: layer.hidden,
                context: layer.context,
                latent: batch.latent,
                sigma: 0.0,
                rows,
                inputs: &[],
            };
            let fits = |shapes: &[&[usize]]| match shapes {
                [k @ [r, tokens, hidden], v]
                    if k == v && (*r, *hidden) == (rows.len(), layer.hidden) && *tokens > 0 =>
                {
                    Ok(())
                }
                other => Err(format!(
                    "it gave {other:?}; expected keys and values [{}, tokens, {}] alike",
                    rows.len(),
                    layer.hidden
                )),
            };
            if let [k, v] = &bound.ask(self.ctx, &call, fits)?[..] {
                return Ok(AdapterLayerKv { k: to_device(k, device)?, v: to_device(v, device)?, weight });
            }
        }
        // Nothing is looked at where the weight is 0.
        let nothing = candle::Tensor::zeros((1, 1, 1), candle::DType::F32, device)?;
        Ok(AdapterLayerKv { k: nothing.clone(), v: nothing, weight: 0.0 })
    }

    fn extra(&self, bound: &Bound, batch: &HookBatch<'_>, rows: &[Row]) -> Result<ExtraAttention> {
        let layers = self.patches.unet.cross_layers().iter().enumerate();
        let resize = match bound.hook.resize {
            MaskResize::Bilinear => unet::MaskResize::Bilinear,
            MaskResize::Nearest => unet::MaskResize::Nearest,
        };
        Ok(ExtraAttention {
            layers: layers.map(|layer| self.layer(bound, batch, rows, layer)).collect::<Result<_>>()?,
            window: bound.window,
            mask: match &bound.hook.mask {
                None => None,
                Some(mask) => Some((to_device(mask.tensor(), self.patches.unet.device())?, resize)),
            },
        })
    }

    fn added(
        &self,
        batch: &HookBatch<'_>,
        moment: &Moment,
        at: HookSite<'_>,
        mut x: candle::Tensor,
    ) -> Result<candle::Tensor> {
        let (site, layer, heads) = match at {
            HookSite::Input(block) => (Site::Input, block, 0),
            HookSite::Middle => (Site::Middle, 0, 0),
            HookSite::Output(block) => (Site::Output, block, 0),
            HookSite::Attention { part: AttentionPart::Query, layer, heads, .. } => (Site::Query, layer, heads),
            HookSite::Attention { part: AttentionPart::Key, layer, heads, .. } => (Site::Key, layer, heads),
            HookSite::Attention { part: AttentionPart::Value, layer, heads, .. } => (Site::Value, layer, heads),
            HookSite::Attention { part: AttentionPart::Out, layer, heads, .. } => (Site::Attention, layer, heads),
        };
        if !self.patches.hooks.iter().any(|bound| bound.hook.site == site) {
            return Ok(x);
        }
        let place = at.to_string();
        let widths = self.patches.unet.cross_layers().get(layer).filter(|_| heads > 0);
        let works = |bound: &&Bound| {
            bound.hook.site == site && bound.window.contains(moment) && matches(&bound.hook.places, &place)
        };
        let rows = told_rows(batch);
        for bound in self.patches.hooks.iter().filter(works) {
            let input = from_device(&x)?;
            let call = HookCall {
                hook: bound.number,
                site,
                layer,
                place: &place,
                heads,
                hidden: widths.map_or(0, |layer| layer.hidden),
                context: widths.map_or(0, |layer| layer.context),
                latent: batch.latent,
                sigma: moment.sigma,
                rows: &rows,
                inputs: std::slice::from_ref(&input),
            };
            let fits = |shapes: &[&[usize]]| match shapes {
                [shape] if *shape == input.shape() => Ok(()),
                other => Err(format!("it gave {other:?}; expected {:?}", [input.shape()])),
            };
            if let [residual] = &bound.ask(self.ctx, &call, fits)?[..] {
                x = (&x + to_device(residual, x.device())?.to_dtype(x.dtype())?)?;
            }
        }
        Ok(x)
    }
}

fn told_rows(batch: &HookBatch<'_>) -> Vec<Row> {
    let row = |row: &models::sampling::Row| Row {
        condition: row.condition,
        picture: row.picture,
        is_negative: !row.positive,
    };
    batch.rows.iter().map(row).collect()
}

impl Hooks for Asked<'_> {
    fn attention(&self, batch: &HookBatch<'_>) -> models::Result<Vec<ExtraAttention>> {
        let rows = told_rows(batch);
        let hooks = self.patches.hooks.iter().filter(|bound| bound.hook.site == Site::AttentionAdd);
        hooks.map(|bound| self.extra(bound, batch, &rows).map_err(carried)).collect()
    }

    fn add(
        &self,
        batch: &HookBatch<'_>,
        moment: &Moment,
        site: HookSite<'_>,
        x: candle::Tensor,
    ) -> models::Result<candle::Tensor> {
        self.added(batch, moment, site, x).map_err(carried)
    }
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
