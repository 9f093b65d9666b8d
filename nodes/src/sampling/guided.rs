//! From what flows on wires to what a sampling loop evaluates.

use super::patches::Patches;
use crate::Compute;
use crate::image::color::with_channels;
use crate::image::pillow;
use crate::image::resample::Filter;
use crate::networks;
use crate::wires::{Condition, Conditioning, ControlUse, Model, Place, Span, image_to_device, to_device};
use candle_core::{Device, Tensor};
use selfsame_models::controlnet::ControlStrength;
use selfsame_models::rng::TorchGenerator;
use selfsame_models::samplers::ModelSigmas;
use selfsame_models::sampling::{self, Area, Control, GuidedModel, Window};
use selfsame_models::unet::{AddedConditions, CrossLayer, UNet};
use selfsame_models::vae::LatentRgb;
use selfsame_models::weights::Family;
use selfsame_models::{Cancel, Meter};
use selfsame_sdk::prelude::*;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The evaluated model, and what is asked while it is.
pub struct Prepared {
    /// The model under its conditions.
    pub guided: GuidedModel,
    /// Its patches.
    pub patches: Patches,
}

/// Loads what is needed and puts it together, for latents of a shape `[B,C,H,W]`. `window` turns fractions of the run into the
/// convention of the loop.
///
/// # Errors
/// If something does not fit together, or memory runs out.
pub fn prepare(
    ctx: Ctx,
    model: &Model,
    positive: &Conditioning,
    negative: &Conditioning,
    [batch, _, height, width]: [usize; 4],
    window: &dyn Fn(Span) -> Window,
) -> Result<Prepared> {
    let compute: &Compute = ctx.get()?;
    let cancel: &Cancel = ctx.get()?;
    let denoiser = networks::denoiser(ctx, model)?;
    let unet = &denoiser.unet;
    let builder = Builder { ctx, compute, model, unet, window, height, width, batch };

    let mut sampled = sampling::Model::new(denoiser.unet.clone());
    for adapter in &model.adapters {
        let file = networks::adapter(ctx, &adapter.file, &model.file, &denoiser.unet)?;
        let layers = file.adapter.len();
        let mut layer_weights = match adapter.weights.len() {
            1 => vec![adapter.weights[0]; layers],
            n if n == layers => adapter.weights.clone(),
            n => {
                let message = format!(
                    "ImageAdapter was given {n} `layer_weights`, the model has {layers} cross-attention layers"
                );
                return Err(Error::new(message).hint("give one for each layer, or none"));
            }
        };
        let in_middle = |layer: &CrossLayer| layer.path.starts_with("mid_block.");
        for (weight, layer) in layer_weights.iter_mut().zip(denoiser.unet.cross_layers()) {
            *weight *= if adapter.skip_middle && in_middle(layer) { 0.0 } else { 1.0 };
        }
        sampled.adapters.push(sampling::AdapterUse {
            adapter: Arc::new(file.adapter.clone()),
            tokens: to_device(&adapter.tokens, &compute.device)?,
            negative_tokens: to_device(&adapter.negative_tokens, &compute.device)?,
            layer_weights,
            window: window(adapter.span),
            mask: match &adapter.mask {
                Some((mask, resize)) => Some((mask_to_device(mask, &compute.device)?, *resize)),
                None => None,
            },
        });
    }
    let mut controls = Controls::default();
    let positive = builder.conditions(positive, &mut controls).input("positive")?;
    let negative = builder.conditions(negative, &mut controls).input("negative")?;
    let mut guided = GuidedModel::new(sampled, positive, negative, cancel.clone())?;
    // A host without a meter does not want to know what is evaluated.
    if let Ok(meter) = ctx.get::<Meter>() {
        guided = guided.with_meter(meter.clone());
    }
    let patches = Patches::new(&model.patches, denoiser.unet.clone(), window)?;
    Ok(Prepared { guided, patches })
}

/// Windows in noise levels, as ComfyUI counts fractions of a run.
pub fn sigma_window(sigmas: &ModelSigmas) -> impl Fn(Span) -> Window + use<'_> {
    |span| match span {
        Span::WHOLE => Window::Always,
        Span { start, end } => {
            Window::Sigmas { start: sigmas.percent_to_sigma(start), end: sigmas.percent_to_sigma(end) }
        }
    }
}

/// ControlNets that several conditions use, so that each runs once for all of them.
type Controls = Vec<(ControlUse, Arc<Control>)>;

struct Builder<'c, 'a> {
    ctx: Ctx<'c>,
    compute: &'c Compute,
    model: &'a Model,
    unet: &'a UNet,
    window: &'a dyn Fn(Span) -> Window,
    height: usize,
    width: usize,
    batch: usize,
}

impl Builder<'_, '_> {
    fn conditions(&self, conditioning: &Conditioning, controls: &mut Controls) -> Result<Vec<sampling::Condition>> {
        conditioning.entries.iter().map(|entry| self.condition(entry, controls)).collect()
    }

    fn condition(&self, entry: &Condition, controls: &mut Controls) -> Result<sampling::Condition> {
        let device = &self.compute.device;
        let added = match (&entry.pooled, self.model.family) {
            (Some(pooled), Family::Sdxl) => {
                Some(AddedConditions { text_embeds: to_device(pooled, device)?, time_ids: self.time_ids(entry)? })
            }
            (None, Family::Sdxl) => bail!("SDXL needs a prompt that SDXL's text encoders have encoded"),
            _ => None,
        };
        let mut condition = sampling::Condition::new(to_device(&entry.context, device)?, added);
        condition.area = entry.place.map(|place| self.area(place));
        condition.strength = entry.strength;
        condition.mask = entry.mask.as_ref().map(|mask| mask_to_device(mask, device)).transpose()?;
        condition.window = (self.window)(entry.span);
        for control in &entry.controls {
            let context = match &control.context {
                None => None,
                Some(tokens) => {
                    let tokens = to_device(tokens, device)?;
                    let rows = tokens.dim(0)?;
                    Some(if rows == 1 { Tensor::cat(&vec![tokens; self.batch], 0)? } else { tokens })
                }
            };
            let text_embeds = control.pooled.as_ref().map(|pooled| to_device(pooled, device)).transpose()?;
            let control = self.control(control, controls)?;
            condition.controls.push(sampling::ControlUse { control, context, text_embeds });
        }
        Ok(condition)
    }

    fn control(&self, wanted: &ControlUse, controls: &mut Controls) -> Result<Arc<Control>> {
        let same = |(known, _): &&(ControlUse, Arc<Control>)| {
            known.net == wanted.net
                && known.image == wanted.image
                && (known.strength, known.is_soft, known.span) == (wanted.strength, wanted.is_soft, wanted.span)
                && known.mask == wanted.mask
        };
        if let Some((_, known)) = controls.iter().find(same) {
            return Ok(known.clone());
        }
        let image = control_picture(self.ctx, &wanted.image, [self.width * 8, self.height * 8])?;
        let net = networks::control_net(self.ctx, &wanted.net)?;
        let reads = |layers: &[CrossLayer]| layers.first().map(|layer| layer.context);
        let (own, models) = (reads(net.cross_layers()), reads(self.unet.cross_layers()));
        // A net without cross-attention reads no context, so any will do.
        if let Some(own) = own
            && models != Some(own)
        {
            let models = models.map_or("none".to_owned(), |width| width.to_string());
            let message = format!("{} reads {own} values a token, {} gives {models}", wanted.net, self.model.file);
            return Err(Error::new(message).hint(format!("take a ControlNet that was made for {}", self.model.family)));
        }
        let control = Arc::new(Control {
            net,
            image: image_to_device(&image, &self.compute.device)?,
            strength: match wanted.is_soft {
                true => ControlStrength::Ramp(wanted.strength),
                false => ControlStrength::Constant(wanted.strength),
            },
            window: (self.window)(wanted.span),
            mask: wanted.mask.as_ref().map(|mask| mask_to_device(mask, &self.compute.device)).transpose()?,
        });
        controls.push((wanted.clone(), control.clone()));
        Ok(control)
    }

    /// SDXL's six sizes: height and width of the original, top and left of the cut, height and width of the picture.
    fn time_ids(&self, entry: &Condition) -> Result<Tensor> {
        let own = [self.height * 8, self.width * 8];
        let (original, crop, target) =
            entry.sizes.map_or((own, [0, 0], own), |sizes| (sizes.original, sizes.crop, sizes.target));
        let ids: Vec<f32> = [original, crop, target].concat().into_iter().map(|n| n as f32).collect();
        Ok(Tensor::from_vec(ids, (1, 6), &self.compute.device)?)
    }

    fn area(&self, place: Place) -> Area {
        match place {
            Place::Fractions([x, y, width, height]) => {
                Area::from_fractions(y, x, height, width, self.height, self.width)
            }
            Place::Pixels([x, y, width, height]) => {
                Area { height: (height / 8).max(1), width: (width / 8).max(1), y: y / 8, x: x / 8 }
            }
        }
    }
}

/// A control picture at `[width, height]` pixels: stretched, as diffusers' `VaeImageProcessor` does it (Lanczos, in the whole levels
/// of 8 bits). ComfyUI takes the nearest pixels of the middle instead.
fn control_picture(ctx: Ctx, image: &Image, size: [usize; 2]) -> Result<Image> {
    if [image.width(), image.height()] == size {
        return Ok(image.clone());
    }
    // Networks see no alpha, so it must not weigh.
    let channels = image.channels().min(3);
    pillow::resample(ctx, with_channels(image.clone(), channels)?, size, None, Filter::Lanczos)
}

/// A mask `[B,H,W]` on a device.
pub(super) fn mask_to_device(mask: &Mask, device: &Device) -> Result<Tensor> {
    to_device(&mask.clone().into_tensor(), device)
}

/// Unit noise for latents: what was given, or that of a seed, one stream of torch's CPU generator for the whole batch, so that a
/// seed gives the noise that it gives in diffusers and ComfyUI.
pub(super) fn noise(seed: Seed, given: Option<&Latent>, latents: &Tensor) -> Result<Tensor> {
    match given {
        Some(given) => to_device(&given.samples, latents.device()),
        None => Ok(TorchGenerator::new(seed.0).randn_tensor(latents.dims(), latents.device())?),
    }
}

/// Shows what a sampling has come to, not too often.
pub(super) struct Preview {
    last: Instant,
    map: LatentRgb,
}

/// Previews come at most this often.
const PREVIEW_EVERY: Duration = Duration::from_millis(1000);

impl Preview {
    pub fn new(family: Family) -> Self {
        let map = if family == Family::Sdxl { LatentRgb::SDXL } else { LatentRgb::SD15 };
        Preview { last: Instant::now(), map }
    }

    pub fn show(&mut self, ctx: Ctx, denoised: &Tensor) -> Result<()> {
        if self.last.elapsed() >= PREVIEW_EVERY {
            self.last = Instant::now();
            ctx.preview(&crate::wires::image_from_device(&self.map.preview(denoised)?)?);
        }
        Ok(())
    }
}
