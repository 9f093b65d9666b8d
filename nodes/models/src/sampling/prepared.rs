//! What conditions, adapters and ControlNets come to for one batch, as far as it is constant over the steps.

use super::conditioning::{AdapterUse, Area, Condition};
use super::guided::Model;
use super::hooks::{ExtraAttention, HookBatch, Hooks};
use super::stack::{place_mask, stack_added, stack_contexts, stack_rows};
use super::window::Window;
use crate::controlnet::HintEmbedding;
use crate::layers::sinusoids;
use crate::unet::{AdapterKv, AdapterLayerKv, AddedConditions, ContextKv, MaskResize, Residuals, SpatialMask};
use crate::{Cancel, Error, Meter, Result, Work};
use candle_core::{DType, Device, Tensor};

/// Pixels of a picture for one of its latent.
const PIXELS: usize = 8;

/// Conditions that run as one batch: alike in area, ControlNets and structure.
pub(super) struct Batch<'a> {
    /// At least one, each with whether it is a positive one. Rows are condition-major.
    pub conditions: Vec<(&'a Condition, bool)>,
    /// The shape of the whole latents `[B, C, h, w]`.
    pub latents: [usize; 4],
}

/// What a batch needs in every step.
pub(super) struct Prepared {
    pub context: ContextKv,
    pub added: Option<AddedConditions>,
    pub adapters: Vec<AdapterKv>,
    /// What hooks add to attention, and when.
    pub extra: Vec<(Window, AdapterKv)>,
    /// One for each ControlNet, made when it first works.
    pub controls: Vec<Option<PreparedControl>>,
    pub concat: Option<Tensor>,
    /// What a distilled UNet is told of the guidance scale.
    pub guidance: Option<Tensor>,
}

/// What a ControlNet needs in every step.
pub(super) struct PreparedControl {
    pub hint: HintEmbedding,
    pub context: ContextKv,
    pub added: Option<AddedConditions>,
    pub mask: Option<SpatialMask>,
}

impl Batch<'_> {
    fn first(&self) -> &Condition {
        self.conditions[0].0
    }

    fn area(&self) -> Option<Area> {
        self.first().area
    }

    /// One tensor of every condition; `None` unless all have it.
    fn all<'a, T: ?Sized>(&'a self, get: impl Fn(&'a Condition) -> Option<&'a T>) -> Option<Vec<&'a T>> {
        self.conditions.iter().map(|(condition, _)| get(condition)).collect()
    }

    /// Projects everything but the ControlNets. `hooked` is this batch as hooks see it.
    pub fn prepare(
        &self,
        model: &Model,
        meter: &Meter,
        hooks: Option<&dyn Hooks>,
        hooked: &HookBatch<'_>,
    ) -> Result<Prepared> {
        let unet = &model.unet;
        let to_net = |t: &Tensor| moved(t, unet.device(), unet.dtype());
        let batch = self.latents[0];
        let contexts: Vec<&Tensor> = self.conditions.iter().map(|(condition, _)| &condition.context).collect();
        let concat = match self.all(|c| c.concat.as_ref()) {
            None => None,
            Some(concat) => Some(to_net(&self.concat(&concat)?)?),
        };
        let adapters = model.adapters.iter().map(|adapter| {
            let tokens = stack_rows(&self.tokens(adapter), batch, "adapter tokens")?;
            let (network, weights) = (&adapter.adapter, &adapter.layer_weights);
            let tokens = to_net(&tokens)?;
            let project = || network.project_weighted(&tokens, weights);
            let mut kv = meter.measure(Work::AdapterKv, unet.device(), project)?;
            if let Some((mask, resize)) = &adapter.mask {
                kv.mask = Some(self.mask(mask, *resize)?);
            }
            Ok(kv)
        });
        let guidance = match unet.config().time_cond_proj_dim {
            None => None,
            Some(width) => {
                let rows = batch * self.conditions.len();
                Some(guidance_embedding(model.distilled_guidance, width, rows, unet.device())?)
            }
        };
        let context = to_net(&stack_contexts(&contexts, batch)?)?;
        Ok(Prepared {
            context: meter.measure(Work::ContextKv, unet.device(), || unet.project_context(&context))?,
            added: self.added(|_| None, unet.device(), unet.dtype())?,
            adapters: adapters.collect::<Result<_>>()?,
            extra: match hooks {
                None => Vec::new(),
                Some(hooks) => meter.measure(Work::AdapterKv, unet.device(), || self.extra(hooks, hooked, to_net))?,
            },
            controls: self.first().controls.iter().map(|_| None).collect(),
            concat,
            guidance,
        })
    }

    fn extra(
        &self,
        hooks: &dyn Hooks,
        hooked: &HookBatch<'_>,
        to_net: impl Fn(&Tensor) -> Result<Tensor>,
    ) -> Result<Vec<(Window, AdapterKv)>> {
        let ready = |extra: ExtraAttention| {
            let layer = |layer: AdapterLayerKv| {
                Ok(AdapterLayerKv { k: to_net(&layer.k)?, v: to_net(&layer.v)?, weight: layer.weight })
            };
            let layers = extra.layers.into_iter().map(layer).collect::<Result<_>>()?;
            let mask = extra.mask.map(|(mask, resize)| self.mask(&mask, resize)).transpose()?;
            Ok((extra.window, AdapterKv { layers, mask }))
        };
        hooks.attention(hooked)?.into_iter().map(ready).collect()
    }

    /// SDXL's added conditions, with the vector of the text that `text` gives in place of a condition's own.
    fn added<'a>(
        &'a self,
        text: impl Fn(&'a Condition) -> Option<&'a Tensor>,
        device: &Device,
        dtype: DType,
    ) -> Result<Option<AddedConditions>> {
        let each = |(condition, _): &(&'a Condition, bool)| {
            let own = condition.added.as_ref()?;
            let text_embeds = text(condition).unwrap_or(&own.text_embeds).clone();
            Some(AddedConditions { text_embeds, time_ids: own.time_ids.clone() })
        };
        let Some(added) = self.conditions.iter().map(each).collect::<Option<Vec<_>>>() else { return Ok(None) };
        let AddedConditions { text_embeds, time_ids } =
            stack_added(&added.iter().collect::<Vec<_>>(), self.latents[0])?;
        let time_ids = moved(&time_ids, device, DType::F32)?; // numbers of pixels are too much for f16
        Ok(Some(AddedConditions { text_embeds: moved(&text_embeds, device, dtype)?, time_ids }))
    }

    /// Embeds and projects what ControlNet `slot` looks at, on the UNet's device.
    pub fn prepare_control(
        &self,
        slot: usize,
        device: &Device,
        meter: &Meter,
        cancel: &Cancel,
    ) -> Result<PreparedControl> {
        let control = &self.first().controls[slot].control;
        let net = &control.net;
        let to_net = |t: &Tensor| moved(t, device, net.dtype());
        let context = |(condition, _): &(&'_ Condition, bool)| {
            condition.controls[slot].context.clone().unwrap_or_else(|| condition.context.clone())
        };
        let contexts: Vec<Tensor> = self.conditions.iter().map(context).collect();
        let contexts = stack_contexts(&contexts.iter().collect::<Vec<_>>(), self.latents[0])?;
        let mask = match &control.mask {
            None => None,
            Some(mask) => Some(self.mask(mask, MaskResize::Bilinear)?),
        };
        let (image, contexts) = (to_net(&self.control_image(&control.image)?)?, to_net(&contexts)?);
        Ok(PreparedControl {
            hint: meter.measure(Work::HintEmbedding, device, || net.embed_hint(&image, cancel))?,
            context: meter.measure(Work::ContextKv, device, || net.project_context(&contexts))?,
            added: self.added(|c| c.controls[slot].text_embeds.as_ref(), device, net.dtype())?,
            mask,
        })
    }

    /// A control picture, cut to the area. One serves every row by broadcasting; several are repeated for each condition.
    fn control_image(&self, image: &Tensor) -> Result<Tensor> {
        let [batch, _, height, width] = self.latents;
        let (rows, _, image_height, image_width) = image.dims4()?;
        if (image_height, image_width) != (height * PIXELS, width * PIXELS) {
            let expected = format!("{} × {} pixels (height × width)", height * PIXELS, width * PIXELS);
            return Err(Error::input("control image", expected, format!("{image_height} × {image_width}")));
        }
        let image = match self.area() {
            None => image.clone(),
            Some(Area { height, width, y, x }) => {
                let [height, width, y, x] = [height, width, y, x].map(|n| n.saturating_mul(PIXELS));
                Area { height, width, y, x }.crop(image)?.contiguous()?
            }
        };
        if rows == 1 { Ok(image) } else { stack_rows(&vec![&image; self.conditions.len()], batch, "control image") }
    }

    /// An adapter's tokens for each condition.
    fn tokens<'a>(&self, adapter: &'a AdapterUse) -> Vec<&'a Tensor> {
        let side = |(_, positive): &(&Condition, bool)| {
            if *positive { &adapter.tokens } else { &adapter.negative_tokens }
        };
        self.conditions.iter().map(side).collect()
    }

    fn concat(&self, parts: &[&Tensor]) -> Result<Tensor> {
        let [batch, _, height, width] = self.latents;
        let rows = stack_rows(parts, batch, "inpaint channels")?;
        let dims = rows.dims();
        if dims.len() != 4 || dims[2..] != [height, width] {
            let expected = format!("[1 or B, C, {height}, {width}], the latents' size");
            return Err(Error::input("inpaint channels", expected, format!("{dims:?}")));
        }
        match self.area() {
            None => Ok(rows),
            Some(area) => area.crop(&rows),
        }
    }

    fn mask(&self, mask: &Tensor, resize: MaskResize) -> Result<SpatialMask> {
        place_mask(mask, resize, self.area(), &self.latents, self.conditions.len())
    }
}

impl PreparedControl {
    /// Residuals in the UNet's dtype, inside the mask.
    pub fn finish(&self, residuals: &Residuals, dtype: DType) -> Result<Residuals> {
        let apply = |residual: &Tensor| -> Result<Tensor> {
            let residual = residual.to_dtype(dtype)?;
            let Some(mask) = &self.mask else { return Ok(residual) };
            let (_, _, height, width) = residual.dims4()?;
            let mask = moved(&mask.at(height, width)?.unsqueeze(1)?, residual.device(), dtype)?;
            Ok(residual.broadcast_mul(&mask)?)
        };
        Ok(Residuals { down: residuals.down.iter().map(apply).collect::<Result<_>>()?, mid: apply(&residuals.mid)? })
    }
}

/// The embedding of a guidance scale, the same in every row: `[rows, width]`.
///
/// **Source**: `get_guidance_scale_embedding` of diffusers' latent consistency pipelines: sinusoids of `1000 · (scale - 1)`, sines
/// first, with the frequencies of a sinusoid that ends at 1/10000.
fn guidance_embedding(scale: f64, width: usize, rows: usize, device: &Device) -> Result<Tensor> {
    sinusoids(&Tensor::full(((scale - 1.0) * 1000.0) as f32, rows, device)?, width, false, 1.0)
}

/// A tensor where and how a network wants it.
fn moved(x: &Tensor, device: &Device, dtype: DType) -> Result<Tensor> {
    Ok(x.to_device(device)?.to_dtype(dtype)?)
}
