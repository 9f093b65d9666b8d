//! One evaluation of everything that steers a run: conditions, adapters and ControlNets, in as few forward passes as possible.
//!
//! **Source**: ComfyUI's averaging of conditions (weight = strength × mask, feathered at inner area edges; weighted sum divided by
//! the sum of weights) and diffusers' batched classifier-free guidance.
//!
//! Conditions of the same size and structure run as one batch. What is constant over the steps (keys and values of text and
//! adapters, hint embeddings) is computed when a batch first runs and kept.
//!
//! **Differences**: a control picture is cropped with its condition's area; ComfyUI squeezes the whole picture into it.

use super::conditioning::{AdapterUse, Area, Condition, ControlUse};
use super::window::Moment;
use crate::controlnet::{ControlInput, HintEmbedding};
use crate::unet::{AdapterKv, AddedConditions, ContextKv, MaskResize, Residuals, SpatialMask, UNet, UNetInput};
use crate::{Cancel, Error, Result, ops};
use candle_core::{DType, Tensor};
use std::collections::HashMap;
use std::sync::Arc;

/// A UNet with what is hooked into it.
#[derive(Debug, Clone)]
pub struct Model {
    /// The network.
    pub unet: Arc<UNet>,
    /// Image Adapters; their contributions add up.
    pub adapters: Vec<AdapterUse>,
}

/// How a noisy picture becomes the network's input and its output a prediction, at one moment.
pub trait Parameterization {
    /// The training timestep 0..1000.
    fn timestep(&self) -> f64;

    /// The network's input for the noisy `x`.
    ///
    /// # Errors
    /// When the arithmetic fails.
    fn input(&self, x: &Tensor) -> Result<Tensor>;

    /// The prediction from the noisy `x` and the network's `output`.
    ///
    /// # Errors
    /// When the arithmetic fails.
    fn prediction(&self, x: &Tensor, output: &Tensor) -> Result<Tensor>;
}

/// Predictions for the two sides of guidance.
#[derive(Debug, Clone)]
pub struct Prediction {
    /// From the positive conditions.
    pub cond: Tensor,
    /// From the negative ones, if they were asked for.
    pub uncond: Option<Tensor>,
}

/// Conditions that run as one batch, by index into the list of all conditions.
type Group = Vec<usize>;

/// What a group needs in every step.
struct Prepared {
    context: ContextKv,
    added: Option<AddedConditions>,
    adapters: Vec<AdapterKv>,
    controls: Vec<Option<PreparedControl>>,
    concat: Option<Tensor>,
}

struct PreparedControl {
    hint: HintEmbedding,
    context: ContextKv,
    mask: Option<SpatialMask>,
}

/// Evaluates a [`Model`] under positive and negative conditions.
pub struct GuidedModel {
    model: Model,
    conditions: Vec<Condition>,
    positives: usize,
    cancel: Cancel,
    prepared: HashMap<Group, Prepared>,
}

impl GuidedModel {
    /// Positive and negative conditions for a model; negative ones may be empty if guidance does not need them.
    ///
    /// # Errors
    /// [`Error::Input`] when there is no positive condition.
    pub fn new(model: Model, positive: Vec<Condition>, negative: Vec<Condition>, cancel: Cancel) -> Result<Self> {
        if positive.is_empty() {
            return Err(Error::input("positive conditioning", "at least one entry", "none"));
        }
        let positives = positive.len();
        let conditions = positive.into_iter().chain(negative).collect();
        Ok(Self { model, conditions, positives, cancel, prepared: HashMap::new() })
    }

    /// The switch that stops it.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Predictions for the noisy `x [B, 4, h, w]` (f32) at one moment of a run.
    ///
    /// # Errors
    /// [`Error::Cancelled`], or [`Error::Input`] naming what does not fit.
    pub fn predict(
        &mut self,
        x: &Tensor,
        how: &dyn Parameterization,
        moment: &Moment,
        with_negative: bool,
    ) -> Result<Prediction> {
        let wanted = |i: &usize| *i < self.positives || with_negative;
        let active: Vec<usize> =
            (0..self.conditions.len()).filter(wanted).filter(|i| self.conditions[*i].window.contains(moment)).collect();
        let mut sides = [Average::new(x)?, Average::new(x)?];
        for group in self.group(&active) {
            let mut crop = x.clone();
            if let Some(area) = self.conditions[group[0]].area {
                crop = area.crop(x)?.contiguous()?;
            }
            let rows = Tensor::cat(&vec![&crop; group.len()], 0)?;
            let output = self.forward(&group, x, &how.input(&rows)?, how.timestep(), moment)?;
            let predictions = how.prediction(&rows, &output)?.chunk(group.len(), 0)?;
            for (index, prediction) in group.iter().zip(predictions) {
                let side = usize::from(*index >= self.positives);
                sides[side].add(&prediction, &self.conditions[*index])?;
            }
        }
        let [cond, uncond] = sides;
        Ok(Prediction { cond: cond.finish()?, uncond: if with_negative { Some(uncond.finish()?) } else { None } })
    }

    /// Puts conditions that can share a forward pass together, keeping their order.
    fn group(&self, active: &[usize]) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for index in active {
            let condition = &self.conditions[*index];
            match groups.iter_mut().find(|g| compatible(&self.conditions[g[0]], condition)) {
                Some(group) => group.push(*index),
                None => groups.push(vec![*index]),
            }
        }
        groups
    }

    /// The network's output for a group: rows are condition-major, `[len(group) · B, 4, h, w]`.
    fn forward(&mut self, group: &Group, x: &Tensor, input: &Tensor, timestep: f64, moment: &Moment) -> Result<Tensor> {
        if !self.prepared.contains_key(group) {
            let prepared = self.prepare(group, x)?;
            self.prepared.insert(group.clone(), prepared);
        }
        let prepared = self.prepared.get_mut(group).expect("inserted above");
        let unet = &self.model.unet;
        let rows = input.dim(0)?;
        let input = input.to_device(unet.device())?.to_dtype(unet.dtype())?;
        let timesteps = Tensor::full(timestep as f32, rows, unet.device())?;
        let uses = &self.conditions[group[0]].controls;
        let mut residuals: Option<Residuals> = None;
        for (slot, control_use) in uses.iter().enumerate() {
            let control = &control_use.control;
            if !control.window.contains(moment) {
                continue;
            }
            if prepared.controls[slot].is_none() {
                let conditions = group.iter().map(|i| &self.conditions[*i]);
                prepared.controls[slot] = Some(prepare_control(conditions, slot, x, &self.cancel)?);
            }
            let ready = prepared.controls[slot].as_ref().expect("filled above");
            let out = control.net.forward(&ControlInput {
                sample: &input.to_dtype(control.net.dtype())?,
                timesteps: &timesteps,
                context: &ready.context,
                added: prepared.added.as_ref(),
                hint: &ready.hint,
                strength: control.strength,
                cancel: &self.cancel,
            })?;
            let out = masked(out, ready.mask.as_ref(), unet.dtype())?;
            residuals = Some(match residuals {
                None => out,
                Some(sum) => sum.sum(&out)?,
            });
        }
        let sample = match &prepared.concat {
            None => input,
            Some(concat) => Tensor::cat(&[&input, concat], 1)?,
        };
        let adapters: Vec<&AdapterKv> = std::iter::zip(&self.model.adapters, &prepared.adapters)
            .filter(|(adapter, _)| adapter.window.contains(moment))
            .map(|(_, kv)| kv)
            .collect();
        let output = unet.forward(&UNetInput {
            sample: &sample,
            timesteps: &timesteps,
            context: &prepared.context,
            added: prepared.added.as_ref(),
            guidance: None,
            adapters: &adapters,
            residuals: residuals.as_ref(),
            cancel: &self.cancel,
            observe: None,
        })?;
        Ok(output.to_device(x.device())?.to_dtype(x.dtype())?)
    }

    /// Projects what is constant over the steps.
    fn prepare(&self, group: &Group, x: &Tensor) -> Result<Prepared> {
        let unet = &self.model.unet;
        let batch = x.dim(0)?;
        let to_net = |t: &Tensor| -> Result<Tensor> { Ok(t.to_device(unet.device())?.to_dtype(unet.dtype())?) };
        let conditions: Vec<&Condition> = group.iter().map(|i| &self.conditions[*i]).collect();
        let contexts: Vec<&Tensor> = conditions.iter().map(|c| &c.context).collect();
        let added: Option<Vec<&AddedConditions>> = conditions.iter().map(|c| c.added.as_ref()).collect();
        let concat: Option<Vec<&Tensor>> = conditions.iter().map(|c| c.concat.as_ref()).collect();
        let area = conditions[0].area;
        let adapter_kv = |adapter: &AdapterUse| -> Result<AdapterKv> {
            let tokens: Vec<&Tensor> = group
                .iter()
                .map(|i| if *i < self.positives { &adapter.tokens } else { &adapter.negative_tokens })
                .collect();
            let tokens = to_net(&stack_rows(&tokens, batch, "adapter tokens")?)?;
            let mut kv = adapter.adapter.project_weighted(&tokens, &adapter.layer_weights)?;
            if let Some((mask, resize)) = &adapter.mask {
                kv.mask = Some(place_mask(mask, *resize, area, x, group.len())?);
            }
            Ok(kv)
        };
        Ok(Prepared {
            context: unet.project_context(&to_net(&stack_contexts(&contexts, batch)?)?)?,
            added: match added {
                None => None,
                Some(added) => Some(stack_added(&added, batch, unet)?),
            },
            adapters: self.model.adapters.iter().map(adapter_kv).collect::<Result<_>>()?,
            controls: conditions[0].controls.iter().map(|_| None).collect(),
            concat: match concat {
                None => None,
                Some(concat) => {
                    let rows = stack_rows(&concat, batch, "inpaint channels")?;
                    let rows = match area {
                        None => rows,
                        Some(area) => area.crop(&rows)?,
                    };
                    Some(to_net(&rows)?)
                }
            },
        })
    }
}

/// Whether two conditions can run in one forward pass.
fn compatible(a: &Condition, b: &Condition) -> bool {
    let same_controls = a.controls.len() == b.controls.len()
        && std::iter::zip(&a.controls, &b.controls).all(|(a, b)| Arc::ptr_eq(&a.control, &b.control));
    // Repeating tokens more than fourfold costs more than a second pass.
    let (a_len, b_len) = (a.context.dims()[1].max(1), b.context.dims()[1].max(1));
    a.area == b.area
        && same_controls
        && a.added.is_some() == b.added.is_some()
        && a.concat.is_some() == b.concat.is_some()
        && lcm(a_len, b_len) <= 4 * a_len.min(b_len)
}

fn lcm(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}

/// Rows for each condition in turn: a tensor of one row serves the whole batch.
fn stack_rows(parts: &[&Tensor], batch: usize, what: &str) -> Result<Tensor> {
    let expand = |part: &&Tensor| match part.dim(0)? {
        rows if rows == batch => Ok((*part).clone()),
        1 => Ok(Tensor::cat(&vec![*part; batch], 0)?),
        rows => Err(Error::input(what, format!("1 row or {batch} (the batch)"), rows.to_string())),
    };
    Ok(Tensor::cat(&parts.iter().map(expand).collect::<Result<Vec<_>>>()?, 0)?)
}

/// Contexts of different lengths repeat up to their least common multiple, which leaves attention to them unchanged.
fn stack_contexts(contexts: &[&Tensor], batch: usize) -> Result<Tensor> {
    let mut length = 1;
    for context in contexts {
        length = lcm(length, context.dims3()?.1.max(1));
    }
    let repeat = |context: &&Tensor| Ok(Tensor::cat(&vec![*context; length / context.dim(1)?.max(1)], 1)?);
    let repeated = contexts.iter().map(repeat).collect::<Result<Vec<_>>>()?;
    stack_rows(&repeated.iter().collect::<Vec<_>>(), batch, "context")
}

fn stack_added(added: &[&AddedConditions], batch: usize, unet: &UNet) -> Result<AddedConditions> {
    let text: Vec<&Tensor> = added.iter().map(|a| &a.text_embeds).collect();
    let sizes: Vec<&Tensor> = added.iter().map(|a| &a.time_ids).collect();
    let text_embeds = stack_rows(&text, batch, "pooled text")?.to_device(unet.device())?.to_dtype(unet.dtype())?;
    let time_ids = stack_rows(&sizes, batch, "time ids")?.to_device(unet.device())?.to_dtype(DType::F32)?;
    Ok(AddedConditions { text_embeds, time_ids })
}

/// A mask over the whole picture as a group sees it: cut to the area, one row per row of the group's batch.
fn place_mask(
    mask: &Tensor,
    resize: MaskResize,
    area: Option<Area>,
    x: &Tensor,
    conditions: usize,
) -> Result<SpatialMask> {
    let mut mask = mask.clone();
    if let Some(area) = area {
        let (_, _, height, width) = x.dims4()?;
        mask = area.crop(&SpatialMask::new(&mask, resize)?.at(height, width)?)?.contiguous()?;
    }
    if mask.dim(0)? > 1 {
        mask = Tensor::cat(&vec![&mask; conditions], 0)?;
    }
    SpatialMask::new(&mask, resize)
}

fn prepare_control<'a>(
    conditions: impl Iterator<Item = &'a Condition>,
    slot: usize,
    x: &Tensor,
    cancel: &Cancel,
) -> Result<PreparedControl> {
    let conditions: Vec<&Condition> = conditions.collect();
    let batch = x.dim(0)?;
    let ControlUse { control, .. } = &conditions[0].controls[slot];
    let net = &control.net;
    let to_net = |t: &Tensor| -> Result<Tensor> { Ok(t.to_device(x.device())?.to_dtype(net.dtype())?) };
    let contexts: Vec<&Tensor> =
        conditions.iter().map(|c| c.controls[slot].context.as_ref().unwrap_or(&c.context)).collect();
    let area = conditions[0].area;
    let image = match area {
        None => control.image.clone(),
        Some(a) => {
            let pixels = Area { height: a.height * 8, width: a.width * 8, y: a.y * 8, x: a.x * 8 };
            pixels.crop(&control.image)?.contiguous()?
        }
    };
    // One picture serves every row by broadcasting; several are repeated for each condition.
    let image =
        if image.dim(0)? == 1 { image } else { stack_rows(&vec![&image; conditions.len()], batch, "control image")? };
    let mask = match &control.mask {
        None => None,
        Some(mask) => Some(place_mask(mask, MaskResize::Bilinear, area, x, conditions.len())?),
    };
    Ok(PreparedControl {
        hint: net.embed_hint(&to_net(&image)?, cancel)?,
        context: net.project_context(&to_net(&stack_contexts(&contexts, batch)?)?)?,
        mask,
    })
}

/// Residuals in the UNet's dtype, inside the mask.
fn masked(residuals: Residuals, mask: Option<&SpatialMask>, dtype: DType) -> Result<Residuals> {
    let apply = |residual: &Tensor| -> Result<Tensor> {
        let residual = residual.to_dtype(dtype)?;
        let Some(mask) = mask else { return Ok(residual) };
        let (_, _, height, width) = residual.dims4()?;
        let mask = mask.at(height, width)?.unsqueeze(1)?.to_device(residual.device())?.to_dtype(dtype)?;
        Ok(residual.broadcast_mul(&mask)?)
    };
    Ok(Residuals { down: residuals.down.iter().map(apply).collect::<Result<_>>()?, mid: apply(&residuals.mid)? })
}

/// A weighted average over conditions; nothing is divided while one plain condition covers the picture.
struct Average {
    size: (usize, usize),
    zeros: Tensor,
    only: Option<Tensor>,
    sum: Option<(Tensor, Tensor)>,
}

/// Added to the sum of weights, so that pixels which no condition covers come out as zero.
const NO_WEIGHT: f64 = 1e-37;
/// Latent pixels over which a weight rises at the inner edges of an area, at most a quarter of it.
const FEATHER: usize = 8;

impl Average {
    fn new(x: &Tensor) -> Result<Self> {
        let (_, _, height, width) = x.dims4()?;
        Ok(Self { size: (height, width), zeros: x.zeros_like()?, only: None, sum: None })
    }

    fn add(&mut self, prediction: &Tensor, condition: &Condition) -> Result<()> {
        let plain = condition.area.is_none() && condition.mask.is_none() && condition.strength == 1.0;
        if plain && self.only.is_none() && self.sum.is_none() {
            self.only = Some(prediction.clone());
            return Ok(());
        }
        if let Some(first) = self.only.take() {
            self.accumulate(&first, &first.ones_like()?, None)?;
        }
        let weight = self.weight(prediction, condition)?;
        self.accumulate(prediction, &weight, condition.area)
    }

    /// Strength × mask × feather, in the shape of the prediction.
    fn weight(&self, prediction: &Tensor, condition: &Condition) -> Result<Tensor> {
        let mut weight = (prediction.ones_like()? * condition.strength)?;
        if let Some(mask) = &condition.mask {
            let mask = ops::resize_bilinear(&mask.to_dtype(DType::F32)?.unsqueeze(1)?, self.size.0, self.size.1)?;
            let mask = match condition.area {
                None => mask,
                Some(area) => area.crop(&mask)?,
            };
            weight = weight.broadcast_mul(&mask.to_device(weight.device())?.to_dtype(weight.dtype())?)?;
        } else if let Some(area) = condition.area {
            let rows = feather(area.y, area.height, self.size.0);
            let columns = feather(area.x, area.width, self.size.1);
            let rows = Tensor::from_vec(rows, (1, 1, area.height, 1), weight.device())?;
            let columns = Tensor::from_vec(columns, (1, 1, 1, area.width), weight.device())?;
            weight = weight.broadcast_mul(&rows)?.broadcast_mul(&columns)?;
        }
        Ok(weight)
    }

    fn accumulate(&mut self, prediction: &Tensor, weight: &Tensor, area: Option<Area>) -> Result<()> {
        let place = |part: &Tensor| -> Result<Tensor> {
            let Some(area) = area else { return Ok(part.clone()) };
            let (below, right) = (self.size.0 - area.y - area.height, self.size.1 - area.x - area.width);
            Ok(part.pad_with_zeros(2, area.y, below)?.pad_with_zeros(3, area.x, right)?)
        };
        let (weighted, weight) = (place(&(prediction * weight)?)?, place(weight)?);
        self.sum = Some(match self.sum.take() {
            None => (weighted, weight),
            Some((total, weights)) => ((total + weighted)?, (weights + weight)?),
        });
        Ok(())
    }

    fn finish(self) -> Result<Tensor> {
        match (self.only, self.sum) {
            (Some(only), _) => Ok(only),
            (None, Some((total, weights))) => Ok((total / (weights + NO_WEIGHT)?)?),
            (None, None) => Ok(self.zeros),
        }
    }
}

/// Weights along one side of an area: a ramp of [`FEATHER`] pixels at each edge that is not the picture's edge.
fn feather(start: usize, len: usize, full: usize) -> Vec<f32> {
    let ramp = FEATHER.min(len / 4);
    let mut weights = vec![1.0; len];
    for step in 0..ramp {
        let weight = (step + 1) as f32 / ramp as f32;
        if start > 0 {
            weights[step] *= weight;
        }
        if start + len < full {
            weights[len - 1 - step] *= weight;
        }
    }
    weights
}
