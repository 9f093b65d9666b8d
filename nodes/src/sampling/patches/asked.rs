//! Patches asked by the sampling loops.

use super::super::errors::carried;
use super::{Bound, Patches, matches};
use crate::wires::{from_device, to_device};
use candle_core as candle;
use selfsame_models as models;
use selfsame_models::sampling::{ExtraAttention, HookBatch, Hooks, Moment};
use selfsame_models::unet::{self, AdapterLayerKv, AttentionPart, CrossLayer, HookSite};
use selfsame_sdk::prelude::*;
use selfsame_sdk::{HookCall, MaskResize, Row, Site, panics};

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

impl<'a> Asked<'a> {
    pub(super) fn new(patches: &'a Patches, ctx: Ctx<'a>) -> Self {
        Asked { patches, ctx }
    }

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
