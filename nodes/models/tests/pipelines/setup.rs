//! What steers a recorded pipeline: everything its parameters say, as conditions, adapters and ControlNets.

use super::case::Case;
use super::{Result, nets, prompts, resampler};
use candle_core::{DType, Device, Tensor};
use selfsame_models::Cancel;
use selfsame_models::controlnet::ControlStrength;
use selfsame_models::sampling::{AdapterUse, Condition, Control, ControlUse, GuidedModel, Model, Window};
use selfsame_models::unet::{AddedConditions, MaskResize, UNet};
use serde_json::Value;
use std::sync::Arc;

/// Rows are in the pipelines' order: with guidance the negative one comes first.
pub struct Setup {
    /// The folder of the base model.
    pub base: &'static str,
    pub guidance: f64,
    pub unet: Arc<UNet>,
    pub context: Tensor,
    pub added: Option<AddedConditions>,
    /// `[rows, tokens, D]`.
    pub face: Option<Tensor>,
    pub adapters: Vec<AdapterUse>,
    pub controls: Vec<Net>,
    /// Guess mode with guidance: ControlNets work on the positive row alone.
    spare_negative: bool,
}

/// A ControlNet of a pipeline.
pub struct Net {
    pub control: Arc<Control>,
    /// Whether it reads face tokens instead of the text.
    pub reads_face: bool,
}

/// What a kind of pipeline consists of.
struct Kind {
    base: &'static str,
    face: bool,
    /// Model folder and picture of each ControlNet, and whether it reads the face.
    nets: Vec<(String, &'static str, bool)>,
}

impl Kind {
    fn read(case: &Case) -> Result<Self> {
        let kind = case.text("kind")?;
        let (base, face) = match kind {
            "instantid" | "instantid_img2img" | "instantid_full" => ("sdxl", true),
            "sdxl_plain" | "sdxl_img2img" => ("sdxl", false),
            "sd15" | "sd15_controlnet" | "sd15_img2img" => ("sd15", false),
            other => return Err(format!("no code runs the kind {other}").into()),
        };
        let mut nets = Vec::new();
        if face {
            nets.push((format!("{base}_controlnet_identity"), "in.control_image", true));
        }
        if case.has("in.canny_image") {
            let folder = if face { format!("{base}_controlnet_canny") } else { format!("{base}_controlnet") };
            // Only the full pipeline lets a second net read the text; the others give the face to all of them.
            nets.push((folder, "in.canny_image", face && kind != "instantid_full"));
        }
        Ok(Self { base, face, nets })
    }
}

impl Setup {
    pub fn read(case: &Case) -> Result<Self> {
        let kind = Kind::read(case)?;
        let guidance = case.number("guidance")?;
        let text = prompts::encode(case)?;
        let rows = text.context.dim(0)?;
        let added = match text.pooled {
            None => None,
            Some(text_embeds) => Some(AddedConditions { text_embeds, time_ids: time_ids(case, rows)? }),
        };
        let face = match kind.face {
            true => Some(face_tokens(case, kind.base, rows)?),
            false => None,
        };
        let adapters = match &face {
            Some(tokens) => vec![adapter(case, kind.base, tokens)?],
            None => Vec::new(),
        };
        let controls = kind.nets.iter().enumerate();
        let controls = controls.map(|(i, (folder, image, reads_face))| {
            Ok(Net { control: Arc::new(control(case, i, folder, image)?), reads_face: *reads_face })
        });
        Ok(Self {
            base: kind.base,
            guidance,
            unet: Arc::new(nets::unet(&case.models, kind.base)?),
            context: text.context,
            added,
            face,
            adapters,
            controls: controls.collect::<Result<_>>()?,
            spare_negative: guesses(case) && guidance > 1.0,
        })
    }

    /// The model under all its conditions, for `pictures` at once.
    pub fn guided_model(&self, pictures: usize) -> Result<GuidedModel> {
        let last = self.context.dim(0)? - 1;
        let negative = if last > 0 { vec![self.condition(0, pictures)?] } else { Vec::new() };
        let model = Model { adapters: self.adapters.clone(), ..Model::new(self.unet.clone()) };
        Ok(GuidedModel::new(model, vec![self.condition(last, pictures)?], negative, Cancel::default())?)
    }

    /// Row `row` as a condition. The ControlNet context is given for every picture, the rest once for all of them.
    fn condition(&self, row: usize, pictures: usize) -> Result<Condition> {
        let pick = |x: &Tensor| x.narrow(0, row, 1);
        let added = match &self.added {
            None => None,
            Some(a) => Some(AddedConditions { text_embeds: pick(&a.text_embeds)?, time_ids: pick(&a.time_ids)? }),
        };
        let mut condition = Condition::new(pick(&self.context)?, added);
        if row == 0 && self.spare_negative {
            return Ok(condition);
        }
        for net in &self.controls {
            let context = match (&self.face, net.reads_face) {
                (Some(face), true) => Some(Tensor::cat(&vec![pick(face)?; pictures], 0)?),
                _ => None,
            };
            condition.controls.push(ControlUse { control: net.control.clone(), context, text_embeds: None });
        }
        Ok(condition)
    }
}

/// Bytes `[H, W, 3]` as `[1, 3, H, W]` in 0..1.
pub fn picture(case: &Case, name: &str) -> Result<Tensor> {
    Ok((case.input(name)?.permute((2, 0, 1))?.unsqueeze(0)?.contiguous()? / 255.0)?)
}

/// The mask of InstantID's full pipeline, `[1, H, W]` in 0..1: a picture's first channel.
fn mask(case: &Case) -> Result<Option<Tensor>> {
    if !case.has("in.mask") {
        return Ok(None);
    }
    let mask = case.input("in.mask")?;
    let mask = if mask.rank() == 3 { mask.narrow(2, 0, 1)?.squeeze(2)? } else { mask };
    Ok(Some((mask.unsqueeze(0)?.contiguous()? / 255.0)?))
}

fn guesses(case: &Case) -> bool {
    case.meta["guess_mode"].as_bool().unwrap_or(false)
}

/// Row 0 with guidance is the Resampler's answer to zeros.
fn face_tokens(case: &Case, base: &str, rows: usize) -> Result<Tensor> {
    let face = case.input("in.face_embedding")?;
    let face = face.reshape((1, 1, face.elem_count()))?;
    let faces = if rows > 1 { Tensor::cat(&[&face.zeros_like()?, &face], 0)? } else { face };
    Ok(resampler::load(&case.models, base, None)?.forward(&faces)?)
}

fn adapter(case: &Case, base: &str, tokens: &Tensor) -> Result<AdapterUse> {
    let adapter = Arc::new(nets::adapter(&case.models, base)?);
    Ok(AdapterUse {
        layer_weights: vec![case.number("ip")?; adapter.len()],
        adapter,
        tokens: tokens.narrow(0, tokens.dim(0)? - 1, 1)?,
        negative_tokens: tokens.narrow(0, 0, 1)?,
        window: Window::Always,
        mask: mask(case)?.map(|mask| (mask, MaskResize::Nearest)),
    })
}

fn control(case: &Case, index: usize, folder: &str, image: &str) -> Result<Control> {
    let strength = each(&case.meta["cn"], index).ok_or("meta has no number cn for every ControlNet")?;
    Ok(Control {
        net: Arc::new(nets::controlnet(&case.models, folder.to_string())?),
        image: picture(case, image)?,
        strength: if guesses(case) { ControlStrength::Ramp(strength) } else { ControlStrength::Constant(strength) },
        window: Window::Steps {
            start: each(&case.meta["control_guidance_start"], index).unwrap_or(0.0),
            end: each(&case.meta["control_guidance_end"], index).unwrap_or(1.0),
        },
        // The mask is the face's: it holds for the first net.
        mask: if index == 0 { mask(case)? } else { None },
    })
}

/// A number for ControlNet `index`: one of a list, or the same for all.
fn each(value: &Value, index: usize) -> Option<f64> {
    value.get(index).unwrap_or(value).as_f64()
}

/// SDXL's six sizes for each row: original height and width, top and left of the crop, target height and width.
fn time_ids(case: &Case, rows: usize) -> Result<Tensor> {
    let pair = |key: &str| -> Option<[f32; 2]> {
        let value = &case.meta[key];
        Some([value.get(0)?.as_f64()? as f32, value.get(1)?.as_f64()? as f32])
    };
    let size = pair("size").ok_or("meta has no size")?;
    let ids = |prefix: &str| {
        let original = pair(&format!("{prefix}original_size")).unwrap_or(size);
        let crop = pair(&format!("{prefix}crops_coords_top_left")).unwrap_or([0.0; 2]);
        let target = pair(&format!("{prefix}target_size")).unwrap_or(size);
        [original, crop, target].concat()
    };
    let own = ids("");
    // The negative row has sizes of its own only if both are given.
    let both = pair("negative_original_size").is_some() && pair("negative_target_size").is_some();
    let negative = if both { ids("negative_") } else { own.clone() };
    let all = if rows > 1 { [negative, own].concat() } else { own };
    Ok(Tensor::from_vec(all, (rows, 6), &Device::Cpu)?.to_dtype(DType::F32)?)
}
