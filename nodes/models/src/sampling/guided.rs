//! One evaluation of everything that steers a run: conditions, adapters and ControlNets, in as few forward passes as possible.
//!
//! **Source**: ComfyUI's batching and averaging of conditions, and diffusers' batched classifier-free guidance.
//!
//! Conditions of the same size and structure run as one batch. What is constant over the steps (keys and values of text and
//! adapters, hint embeddings) is computed when a batch first runs and kept.
//!
//! **Differences**: a control picture is cropped with its condition's area; ComfyUI squeezes the whole picture into it.

use super::average::Average;
use super::conditioning::{AdapterUse, Condition};
use super::hooks::{HookBatch, Hooks, Row};
use super::prepared::{Batch, Prepared};
use super::stack::{check_context, lcm};
use super::window::Moment;
use crate::controlnet::ControlInput;
use crate::unet::{AdapterKv, Hook, HookSite, Residuals, UNet, UNetInput};
use crate::{Cancel, Error, Meter, Result, Work};
use candle_core::Tensor;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// A UNet with what is hooked into it.
#[derive(Debug, Clone)]
pub struct Model {
    /// The network.
    pub unet: Arc<UNet>,
    /// The guidance scale that a distilled model (LCM) is told instead of evaluating negative conditions; others ignore it.
    pub distilled_guidance: f64,
    /// Image Adapters; their contributions add up.
    pub adapters: Vec<AdapterUse>,
}

impl Model {
    /// The network alone. A distilled one is told a guidance scale of 8.5, the default of diffusers' LCM pipelines.
    pub fn new(unet: Arc<UNet>) -> Self {
        Self { unet, distilled_guidance: 8.5, adapters: Vec::new() }
    }
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
pub struct GuidedPrediction {
    /// From the positive conditions; zero where none of them counts at the moment.
    pub cond: Tensor,
    /// From the negative ones, if they were asked for.
    pub uncond: Option<Tensor>,
}

/// Conditions that run as one batch, by index into the list of all conditions.
type Group = Vec<usize>;

/// Evaluates a [`Model`] under positive and negative conditions.
///
/// It may serve any number of runs, one after another, also of different sizes.
pub struct GuidedModel {
    model: Model,
    conditions: Vec<Condition>,
    positives: usize,
    cancel: Cancel,
    meter: Meter,
    prepared: HashMap<Group, Prepared>,
    /// The shape of the latents that `prepared` is for.
    prepared_for: Option<[usize; 4]>,
}

impl GuidedModel {
    /// Positive and negative conditions for a model; negative ones may be empty if guidance does not need them.
    ///
    /// # Errors
    /// [`Error::Input`] when there is no positive condition, or a context is not `[1 or B, L, D]`.
    pub fn new(model: Model, positive: Vec<Condition>, negative: Vec<Condition>, cancel: Cancel) -> Result<Self> {
        if positive.is_empty() {
            return Err(Error::input("positive conditioning", "at least one entry", "none"));
        }
        let positives = positive.len();
        let conditions: Vec<Condition> = positive.into_iter().chain(negative).collect();
        conditions.iter().try_for_each(|condition| check_context(&condition.context))?;
        let meter = Meter::default();
        Ok(Self { model, conditions, positives, cancel, meter, prepared: HashMap::new(), prepared_for: None })
    }

    /// The same, counting what it evaluates by `meter` instead of one of its own.
    pub fn with_meter(mut self, meter: Meter) -> Self {
        self.meter = meter;
        self
    }

    /// What it has evaluated so far: the UNet, ControlNets, and what it keeps over the steps.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The switch that stops it.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Predictions for the noisy `x [B, 4, h, w]` (f32) at one moment of a run, with what `hooks` add.
    ///
    /// What hooks say to be constant is kept as long as the shape of `x` stays, so they must be the same all that time.
    ///
    /// # Errors
    /// [`Error::Cancelled`], [`Error::Input`] naming what does not fit, or what `hooks` say.
    pub fn predict(
        &mut self,
        x: &Tensor,
        how: &dyn Parameterization,
        moment: &Moment,
        with_negative: bool,
        hooks: Option<&dyn Hooks>,
    ) -> Result<GuidedPrediction> {
        if with_negative && self.conditions.len() == self.positives {
            return Err(Error::input("negative conditioning", "at least one entry (guidance needs it)", "none"));
        }
        let latents = <[usize; 4]>::from(x.dims4()?);
        if self.prepared_for.replace(latents) != Some(latents) {
            self.prepared.clear();
        }
        let mut sides = [Average::new(x)?, Average::new(x)?];
        for group in self.groups(moment, with_negative) {
            let crop = match self.conditions[group[0]].area {
                None => x.clone(),
                Some(area) => area.crop(x)?.contiguous()?,
            };
            let rows = Tensor::cat(&vec![&crop; group.len()], 0)?; // [len(group) · B, 4, h', w']
            let output = self.forward(&group, latents, &how.input(&rows)?, how.timestep(), moment, hooks)?;
            let output = output.to_device(x.device())?.to_dtype(x.dtype())?;
            let predictions = how.prediction(&rows, &output)?.chunk(group.len(), 0)?;
            for (index, prediction) in group.iter().zip(predictions) {
                let side = usize::from(*index >= self.positives);
                sides[side].add(&prediction, &self.conditions[*index])?;
            }
        }
        let [cond, uncond] = sides;
        Ok(GuidedPrediction { cond: cond.finish()?, uncond: if with_negative { Some(uncond.finish()?) } else { None } })
    }

    /// The conditions that count now; those that can share a forward pass together, keeping their order.
    fn groups(&self, moment: &Moment, with_negative: bool) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let wanted = if with_negative { self.conditions.len() } else { self.positives };
        for (index, condition) in self.conditions[..wanted].iter().enumerate() {
            if !condition.window.contains(moment) {
                continue;
            }
            match groups.iter_mut().find(|g| compatible(&self.conditions[g[0]], condition)) {
                Some(group) => group.push(index),
                None => groups.push(vec![index]),
            }
        }
        groups
    }

    /// The network's output for a group: rows are condition-major, `[len(group) · B, 4, h', w']`.
    fn forward(
        &mut self,
        group: &Group,
        latents: [usize; 4],
        input: &Tensor,
        timestep: f64,
        moment: &Moment,
        hooks: Option<&dyn Hooks>,
    ) -> Result<Tensor> {
        let (unet, conditions) = (&self.model.unet, &self.conditions);
        let members = group.iter().map(|i| (&conditions[*i], *i < self.positives)).collect();
        let batch = Batch { conditions: members, latents };
        let positives = self.positives;
        let rows_of = |&condition: &usize| {
            (0..latents[0]).map(move |picture| Row { condition, picture, positive: condition < positives })
        };
        let rows: Vec<Row> = group.iter().flat_map(rows_of).collect();
        let (_, _, height, width) = input.dims4()?;
        let hooked = HookBatch { rows: &rows, latent: [height, width] };
        let prepared = match self.prepared.entry(group.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(batch.prepare(&self.model, &self.meter, hooks, &hooked)?),
        };
        let input = input.to_device(unet.device())?.to_dtype(unet.dtype())?;
        let timesteps = Tensor::full(timestep as f32, input.dim(0)?, unet.device())?;
        let net = Nets { model: &self.model, meter: &self.meter, cancel: &self.cancel };
        let residuals = net.residuals(&batch, prepared, &input, &timesteps, moment)?;
        let sample = match &prepared.concat {
            None => input,
            Some(concat) => Tensor::cat(&[&input, concat], 1)?,
        };
        let adapters: Vec<&AdapterKv> = std::iter::zip(&self.model.adapters, &prepared.adapters)
            .filter(|(adapter, _)| adapter.window.contains(moment))
            .map(|(_, kv)| kv)
            .chain(prepared.extra.iter().filter(|(window, _)| window.contains(moment)).map(|(_, kv)| kv))
            .collect();
        let add = hooks.map(|hooks| move |site: HookSite<'_>, x| hooks.add(&hooked, moment, site, x));
        let input = UNetInput {
            sample: &sample,
            timesteps: &timesteps,
            context: &prepared.context,
            added: prepared.added.as_ref(),
            guidance: prepared.guidance.as_ref(),
            adapters: &adapters,
            residuals: residuals.as_ref(),
            hook: add.as_ref().map(|add| add as &Hook<'_>),
            cancel: &self.cancel,
            observe: None,
        };
        self.meter.measure(Work::UNet, unet.device(), || unet.forward(&input))
    }
}

/// What evaluating a batch's ControlNets takes.
struct Nets<'a> {
    model: &'a Model,
    meter: &'a Meter,
    cancel: &'a Cancel,
}

impl Nets<'_> {
    /// The sum of what the batch's ControlNets say; those of strength 0 are not asked.
    fn residuals(
        &self,
        batch: &Batch<'_>,
        prepared: &mut Prepared,
        input: &Tensor,
        timesteps: &Tensor,
        moment: &Moment,
    ) -> Result<Option<Residuals>> {
        let unet = &self.model.unet;
        let mut sum: Option<Residuals> = None;
        for (slot, control_use) in batch.conditions[0].0.controls.iter().enumerate() {
            let control = &control_use.control;
            if !control.window.contains(moment) || control.strength.is_zero() {
                continue;
            }
            let ready = &mut prepared.controls[slot];
            let ready = match ready {
                Some(ready) => ready,
                None => ready.insert(batch.prepare_control(slot, unet.device(), self.meter, self.cancel)?),
            };
            let input = ControlInput {
                sample: &input.to_dtype(control.net.dtype())?,
                timesteps,
                context: &ready.context,
                added: ready.added.as_ref(),
                hint: &ready.hint,
                strength: control.strength,
                cancel: self.cancel,
            };
            let out = self.meter.measure(Work::ControlNet, unet.device(), || control.net.forward(&input))?;
            let out = ready.finish(&out, unet.dtype())?;
            sum = Some(match sum {
                None => out,
                Some(sum) => sum.sum(&out)?,
            });
        }
        Ok(sum)
    }
}

/// Whether two conditions can run in one forward pass.
fn compatible(a: &Condition, b: &Condition) -> bool {
    let same_controls = a.controls.len() == b.controls.len()
        && std::iter::zip(&a.controls, &b.controls).all(|(a, b)| Arc::ptr_eq(&a.control, &b.control));
    let size = |condition: &Condition| {
        let dims = condition.context.dims(); // three of them: `GuidedModel::new` has checked it
        (dims[1], dims[2])
    };
    let ((a_len, a_width), (b_len, b_width)) = (size(a), size(b));
    a.area == b.area
        && same_controls
        && a.added.is_some() == b.added.is_some()
        && a.concat.is_some() == b.concat.is_some()
        && a_width == b_width
        // Repeating tokens more than fourfold costs more than a second pass (ComfyUI's limit).
        && lcm(a_len, b_len) <= 4 * a_len.min(b_len)
}
