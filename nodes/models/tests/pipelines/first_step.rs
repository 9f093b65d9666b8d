//! Everything that enters and leaves the networks at the first step, where a case has it recorded.

use super::Result;
use super::case::{Case, Outcome};
use super::setup::Setup;
use candle_core::{Device, Tensor};
use selfsame_models::Cancel;
use selfsame_models::controlnet::ControlInput;
use selfsame_models::sampling::{GuidedModel, Moment, Parameterization};
use selfsame_models::schedulers::Schedule;
use selfsame_models::unet::{Residuals, SpatialMask};
use std::cell::RefCell;

const PREFIX: &str = "out.first_step.";

/// The first call of a scheduler's run; remembers what went in and came out.
struct FirstCall<'a> {
    schedule: &'a Schedule,
    index: usize,
    input: RefCell<Option<Tensor>>,
    output: RefCell<Option<Tensor>>,
}

impl Parameterization for FirstCall<'_> {
    fn timestep(&self) -> f64 {
        self.schedule.timesteps()[self.index]
    }

    fn input(&self, x: &Tensor) -> selfsame_models::Result<Tensor> {
        let input = self.schedule.scale_model_input(x, self.index)?;
        self.input.replace(Some(input.clone()));
        Ok(input)
    }

    fn prediction(&self, _x: &Tensor, output: &Tensor) -> selfsame_models::Result<Tensor> {
        self.output.replace(Some(output.clone()));
        Ok(output.clone())
    }
}

pub fn check(
    case: &Case,
    setup: &Setup,
    model: &mut GuidedModel,
    schedule: &Schedule,
    index: usize,
    sample: &Tensor,
) -> Outcome {
    let names = case.names(PREFIX);
    if names.is_empty() {
        return Ok(());
    }
    let call = FirstCall { schedule, index, input: RefCell::default(), output: RefCell::default() };
    let moment = Moment { index: 0, total: schedule.timesteps().len() - index, sigma: schedule.level(index)?.sigma() };
    let rows = setup.context.dim(0)?;
    model.predict(sample, &call, &moment, rows > 1, None)?;
    let (input, output) = (call.input.take(), call.output.take());
    let input = negative_first(&input.ok_or("the network was not called")?, rows)?;
    let output = negative_first(&output.ok_or("the network was not called")?, rows)?;
    let pictures = sample.dim(0)?;
    let timesteps = Tensor::full(call.timestep() as f32, rows * pictures, &Device::Cpu)?;
    let timestep = Tensor::new(call.timestep() as f32, &Device::Cpu)?;
    let residuals = residuals(setup, &input, &timesteps, &moment)?;
    for name in names {
        let (net, what) = name[PREFIX.len()..].split_once('.').unwrap_or_default();
        let (what, number) = match what.rsplit_once('.') {
            Some((what, number)) => (what, number.parse()?),
            None => (what, 0),
        };
        let got = match (net, what) {
            (_, "sample") => input.clone(),
            (_, "timestep") => timestep.to_dtype(case.stored(name)?.dtype())?,
            ("unet", "encoder_hidden_states") => match &setup.face {
                // The reference appends the face to the text, and its attention takes them apart again.
                Some(face) => Tensor::cat(&[&setup.context, face], 1)?,
                None => setup.context.clone(),
            },
            ("controlnet", "encoder_hidden_states") => {
                let reads_face = setup.controls.first().is_some_and(|net| net.reads_face);
                setup.face.as_ref().filter(|_| reads_face).unwrap_or(&setup.context).clone()
            }
            (_, "text_embeds") => setup.added.as_ref().ok_or("no pooled text")?.text_embeds.clone(),
            (_, "time_ids") => setup.added.as_ref().ok_or("no sizes")?.time_ids.clone(),
            ("controlnet", "controlnet_cond") => {
                setup.controls.get(number).ok_or("no ControlNet")?.control.image.clone()
            }
            ("unet", "down_block_additional_residuals") => {
                let residuals = residuals.as_ref().ok_or("no ControlNet works")?;
                residuals.down.get(number).ok_or("fewer residuals than recorded")?.clone()
            }
            ("unet", "mid_block_additional_residual") => residuals.as_ref().ok_or("no ControlNet works")?.mid.clone(),
            ("unet", "out") => output.clone(),
            _ => return Err(format!("nothing is called {name}").into()),
        };
        let got = as_many_rows(&got, &case.stored(name)?)?;
        if what == "timestep" { case.check_within(name, &got, 0.0)? } else { case.check(name, &got)? }
    }
    Ok(())
}

/// The library puts positive rows first, the pipelines negative ones.
fn negative_first(x: &Tensor, rows: usize) -> Result<Tensor> {
    let mut parts = x.chunk(rows, 0)?;
    parts.reverse();
    Ok(Tensor::cat(&parts, 0)?)
}

/// Every row repeated as often as the recorded tensor has it: once for each picture.
fn as_many_rows(x: &Tensor, recorded: &Tensor) -> Result<Tensor> {
    if x.rank() == 0 || x.dims() == recorded.dims() || !recorded.dims()[0].is_multiple_of(x.dims()[0]) {
        return Ok(x.clone());
    }
    let times = recorded.dims()[0] / x.dims()[0];
    let rows = x.chunk(x.dim(0)?, 0)?;
    let repeated: Vec<&Tensor> = rows.iter().flat_map(|row| std::iter::repeat_n(row, times)).collect();
    Ok(Tensor::cat(&repeated, 0)?)
}

/// The sum of what the ControlNets answer, from calls of each of them.
fn residuals(setup: &Setup, input: &Tensor, timesteps: &Tensor, moment: &Moment) -> Result<Option<Residuals>> {
    let cancel = Cancel::default();
    let mut sum: Option<Residuals> = None;
    for net in &setup.controls {
        let control = &net.control;
        if !control.window.contains(moment) {
            continue;
        }
        let context = setup.face.as_ref().filter(|_| net.reads_face).unwrap_or(&setup.context);
        let rows = |x: &Tensor| as_many_rows(x, input);
        let added = match &setup.added {
            None => None,
            Some(added) => {
                let (text_embeds, time_ids) = (rows(&added.text_embeds)?, rows(&added.time_ids)?);
                Some(selfsame_models::unet::AddedConditions { text_embeds, time_ids })
            }
        };
        let mut out = control.net.forward(&ControlInput {
            sample: input,
            timesteps,
            context: &control.net.project_context(&rows(context)?)?,
            added: added.as_ref(),
            hint: &control.net.embed_hint(&control.image, &cancel)?,
            strength: control.strength,
            cancel: &cancel,
        })?;
        if let Some(mask) = &control.mask {
            let mask = SpatialMask::new(mask, selfsame_models::unet::MaskResize::Bilinear)?;
            let apply = |x: &Tensor| -> Result<Tensor> {
                let (_, _, height, width) = x.dims4()?;
                Ok(x.broadcast_mul(&mask.at(height, width)?.unsqueeze(1)?)?)
            };
            let down = out.down.iter().map(apply).collect::<Result<_>>()?;
            out = Residuals { down, mid: apply(&out.mid)? };
        }
        sum = Some(match sum {
            None => out,
            Some(sum) => sum.sum(&out)?,
        });
    }
    Ok(sum)
}
