//! InstantID under ComfyUI's rules: token ids, a face embedding and a picture of key points in, latents out.

use super::case::{Case, Outcome};
use super::{clip, nets, resampler};
use candle_core::{DType, Device, Tensor};
use selfsame_models::Cancel;
use selfsame_models::controlnet::ControlStrength;
use selfsame_models::noise::RecordedNoise;
use selfsame_models::samplers::{ModelSigmas, Prediction, Sampler, Schedule, ksampler};
use selfsame_models::sampling::{
    AdapterUse, Condition, Control, ControlUse, DenoiserSettings, Guidance, GuidedModel, Model, SigmaSettings, Window,
    sample_sigmas,
};
use selfsame_models::text::ClipOutput;
use selfsame_models::unet::AddedConditions;
use std::error::Error;
use std::sync::Arc;

/// ComfyUI's workflows of the set are SDXL ones.
const BASE: &str = "sdxl";

pub fn run(case: &Case) -> Outcome {
    let face = Tensor::cat(&[&case.input("in.face_embedding")?, &case.input("in.uncond_embedding")?], 0)?;
    let tokens = resampler::load(&case.models, BASE, None)?.forward(&face)?; // row 0 cond, row 1 uncond
    case.check("out.tokens", &tokens)?;
    let (context, pooled) = text(case)?;
    case.check("out.context", &context)?;
    case.check("out.pooled", &pooled)?;

    let window = Window::Sigmas { start: case.number("sigma_start")?, end: case.number("sigma_end")? };
    let unet = Arc::new(nets::unet(&case.models, BASE)?);
    let adapter = Arc::new(nets::adapter(&case.models, BASE)?);
    let adapters = vec![AdapterUse {
        layer_weights: vec![case.number("ip_weight")?; adapter.len()],
        adapter,
        tokens: tokens.narrow(0, 0, 1)?,
        negative_tokens: tokens.narrow(0, 1, 1)?,
        window,
        mask: None,
    }];
    let noise = case.input("in.noise")?;
    let (_, _, height, width) = noise.dims4()?;
    let pixels = case.stored("in.kps_image")?.to_dtype(DType::F32)?; // [H, W, 3]
    let control = Arc::new(Control {
        net: Arc::new(nets::controlnet(&case.models, format!("{BASE}_controlnet_identity"))?),
        image: (pixels.permute((2, 0, 1))?.unsqueeze(0)?.contiguous()? / 255.0)?,
        strength: ControlStrength::Constant(case.number("cn_strength")?),
        window,
        mask: None,
    });
    let size = [height as f32 * 8.0, width as f32 * 8.0];
    let time_ids = Tensor::new(&[[size[0], size[1], 0.0, 0.0, size[0], size[1]]], &Device::Cpu)?;
    let condition = |row: usize| -> Result<Condition, Box<dyn Error>> {
        let added = AddedConditions { text_embeds: pooled.narrow(0, row, 1)?, time_ids: time_ids.clone() };
        let mut condition = Condition::new(context.narrow(0, row, 1)?, Some(added));
        let face = Some(tokens.narrow(0, row, 1)?);
        condition.controls.push(ControlUse { control: control.clone(), context: face, text_embeds: None });
        Ok(condition)
    };
    let model = Model { adapters, ..Model::new(unet) };
    let mut model = GuidedModel::new(model, vec![condition(0)?], vec![condition(1)?], Cancel::default())?;

    let sampler = Sampler::from_name(case.text("sampler")?)?;
    let model_sigmas = ModelSigmas::stable_diffusion();
    let steps = case.number("steps")? as usize;
    let denoise = case.meta["denoise"].as_f64().unwrap_or(1.0);
    let schedule = Schedule::from_name(case.text("schedule")?)?;
    let sigmas = ksampler::sigmas(&model_sigmas, sampler, schedule, steps, denoise)?;
    let recorded = case.numbers("in.sigmas")?;
    let relative = recorded.iter().zip(&sigmas).map(|(a, b)| (a - b).abs() / a.abs().max(1e-30)).fold(0.0, f64::max);
    case.push("sigmas (relative)", if recorded.len() == sigmas.len() { relative } else { f64::INFINITY }, 1e-6);

    let latents = match case.has("in.init_latent") {
        true => case.input("in.init_latent")?,
        false => noise.zeros_like()?,
    };
    let step_noise = match case.has("in.step_noise") {
        true => case.input("in.step_noise")?.chunk(case.stored("in.step_noise")?.dim(0)?, 0)?,
        false => Vec::new(),
    };
    let step_noise = step_noise.iter().map(|n| n.squeeze(0)).collect::<Result<Vec<_>, _>>()?;
    let settings = SigmaSettings {
        sampler,
        sigmas: &sigmas,
        denoiser: DenoiserSettings {
            model_sigmas: &model_sigmas,
            prediction: Prediction::Epsilon,
            guidance: Guidance::new(case.number("cfg")?),
            inpaint: None,
            hooks: None,
        },
    };
    let mut states = Vec::new();
    let mut noises = RecordedNoise::new(step_noise);
    let latent = sample_sigmas(&mut model, &settings, &latents, Some(&noise), &mut noises, &mut |step| {
        states.push(step.x.clone());
        Ok(())
    })?;
    if let (true, Some(first)) = (case.has("out.x_init"), states.first()) {
        case.check("out.x_init", first)?;
    }
    if case.has("out.x_at_step") {
        case.check("out.x_at_step", &Tensor::stack(&states, 0)?)?;
    }
    case.check("out.latent", &latent)
}

/// Context `[2, 77, D]` and pooled text `[2, P]` from the recorded ids: penultimate layers side by side, pooled of the second.
fn text(case: &Case) -> Result<(Tensor, Tensor), Box<dyn Error>> {
    let encode = |encoder: &str, ids: &str| -> Result<ClipOutput, Box<dyn Error>> {
        let clip = clip::load(&case.models.join(BASE).join(encoder))?;
        Ok(clip.forward(&clip::tokens(&case.stored(ids)?)?, &Cancel::default())?)
    };
    let l = encode("text_encoder", "in.ids_clip_l")?;
    let g = encode("text_encoder_2", "in.ids_clip_g")?;
    let context = Tensor::cat(&[l.from_end(2)?, g.from_end(2)?], 2)?;
    Ok((context, g.text_embeds.ok_or("the second text encoder has no projection")?))
}
