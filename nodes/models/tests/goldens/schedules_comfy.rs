//! ComfyUI's sigma tables for the SD1.5 and SDXL noise schedule.

use super::case::{Set, Tally};
use selfsame_models::samplers::{ModelSigmas, Sampler, Schedule, ksampler};
use serde_json::Value;
use std::error::Error;

/// What the set's README demands of sigma tables.
const RELATIVE: f64 = 1e-6;

pub fn run(set: &Set, tally: &mut Tally) -> Result<(), Box<dyn Error>> {
    let table = set.table("schedules_comfy.json")?;
    let model = ModelSigmas::stable_diffusion();
    for (part, content) in table.as_object().ok_or("not an object")? {
        match part.as_str() {
            "model_sigmas_f32" => {
                let got: Vec<f64> = model.sigmas().iter().map(|s| f64::from(*s)).collect();
                check(tally, part, &got, content)?;
            }
            "schedules" => {
                for (name, rows) in content.as_object().ok_or("schedules: not an object")? {
                    for (steps, sigmas) in rows.as_object().ok_or("schedules: rows are not an object")? {
                        let got = Schedule::from_name(name)?.sigmas(&model, steps.parse()?)?;
                        check(tally, &format!("{name}/{steps}"), &got, sigmas)?;
                    }
                }
            }
            "ksampler" => {
                for row in content.as_array().ok_or("ksampler: not a list")? {
                    let text = |key: &str| row[key].as_str().ok_or_else(|| format!("ksampler: no {key}"));
                    let (schedule, sampler) = (text("scheduler")?, text("sampler")?);
                    let steps = row["steps"].as_u64().ok_or("ksampler: no steps")? as usize;
                    let denoise = row["denoise"].as_f64().ok_or("ksampler: no denoise")?;
                    let id = format!("ksampler/{sampler}_{schedule}_{steps}_{denoise}");
                    let (sampler, schedule) = (Sampler::from_name(sampler)?, Schedule::from_name(schedule)?);
                    let got = ksampler::sigmas(&model, sampler, schedule, steps, denoise)?;
                    check(tally, &id, &got, &row["sigmas"])?;
                }
            }
            "percent_to_sigma" => {
                for (percent, sigma) in content.as_object().ok_or("percent_to_sigma: not an object")? {
                    let got = model.percent_to_sigma(percent.parse()?);
                    check(tally, &format!("{part}/{percent}"), &[got], &Value::from(vec![sigma.clone()]))?;
                }
            }
            "sigma_to_timestep" => {
                let got: Vec<f64> =
                    numbers(&content["sigma"])?.into_iter().map(|s| model.sigma_to_timestep(s)).collect();
                check(tally, part, &got, &content["timestep"])?;
            }
            other => tally.fail(&format!("schedules_comfy/{other}"), "no code runs this part"),
        }
    }
    Ok(())
}

/// One row: as many numbers, each within the relative tolerance (a zero or NaN exactly).
fn check(tally: &mut Tally, id: &str, got: &[f64], expected: &Value) -> Result<(), Box<dyn Error>> {
    let id = format!("schedules_comfy/{id}");
    let expected = numbers(expected)?;
    if got.len() != expected.len() {
        tally.fail(&id, &format!("expected {} numbers, got {}", expected.len(), got.len()));
        return Ok(());
    }
    let relative = |(g, e): (&f64, &f64)| match (g - e).abs() / e.abs() {
        _ if g == e || (g.is_nan() && e.is_nan()) => 0.0,
        error if error.is_nan() => f64::INFINITY,
        error => error,
    };
    let worst = got.iter().zip(&expected).map(relative).fold(0.0, f64::max);
    tally.row(&id, worst, RELATIVE);
    Ok(())
}

/// A list of numbers, where the text `nan` stands for the one that JSON lacks.
fn numbers(list: &Value) -> Result<Vec<f64>, Box<dyn Error>> {
    let number = |v: &Value| match v.as_str() {
        Some("nan") => Some(f64::NAN),
        _ => v.as_f64(),
    };
    let list = list.as_array().ok_or("not a list of numbers")?;
    Ok(list.iter().map(number).collect::<Option<_>>().ok_or("not a list of numbers")?)
}
