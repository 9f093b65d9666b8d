//! The timesteps, sigmas and first noise level of diffusers' schedulers, for many settings and numbers of steps.

use super::case::{Set, Tally};
use selfsame_models::schedulers::{self, Schedule};
use serde_json::Value;
use std::error::Error;

/// What the set's README demands of sigmas, relative.
const TOLERANCE: f64 = 1e-6;
/// Timesteps between whole ones come from f32 logarithms, of which the reference's last bits are not right: they are given
/// a hundredth of a timestep.
const TIMESTEP_UNIT: f64 = 1e-2 / TOLERANCE;

pub fn run(set: &Set, tally: &mut Tally) -> Result<(), Box<dyn Error>> {
    let table = set.table("schedules_diffusers.json")?;
    for (name, entry) in table.as_object().ok_or("not an object")? {
        for (steps, expected) in entry["steps"].as_object().ok_or("no steps")? {
            let id = format!("schedules_diffusers/{name}_{steps}");
            match compare(entry, steps.parse()?, expected) {
                Ok(difference) => tally.row(&id, difference, TOLERANCE),
                Err(error) => tally.fail(&id, &error.to_string()),
            }
        }
    }
    Ok(())
}

/// The largest relative difference.
fn compare(entry: &Value, steps: usize, expected: &Value) -> Result<f64, Box<dyn Error>> {
    let class = entry["class"].as_str().ok_or("no class")?;
    let scheduler = schedulers::build(class, &entry["config"], steps, None)?;
    let schedule: &Schedule = scheduler.schedule();
    let timesteps = numbers(&expected["timesteps"]).ok_or("no timesteps")?;
    let mut worst = difference("timesteps", &timesteps, schedule.timesteps(), |_| TIMESTEP_UNIT)?;
    let init = expected["init_noise_sigma"].as_f64().ok_or("no init_noise_sigma")?;
    worst = worst.max(difference("init_noise_sigma", &[init], &[schedule.init_noise_sigma()], f64::abs)?);
    match (numbers(&expected["sigmas"]), schedule.sigmas()) {
        (Some(expected), Some(got)) => {
            let got: Vec<f64> = got.iter().map(|s| f64::from(*s)).collect();
            Ok(worst.max(difference("sigmas", &expected, &got, f64::abs)?))
        }
        (None, None) => Ok(worst),
        (expected, _) => Err(format!("sigmas: expected {}", if expected.is_some() { "some" } else { "none" }).into()),
    }
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(Value::as_f64).collect()
}

/// The largest difference in units of what `unit` makes of the expected number; zeros must be zeros.
fn difference(what: &str, expected: &[f64], got: &[f64], unit: impl Fn(f64) -> f64) -> Result<f64, Box<dyn Error>> {
    if expected.len() != got.len() {
        return Err(format!("{what}: expected {} numbers, got {}", expected.len(), got.len()).into());
    }
    let relative = |(e, g): (&f64, &f64)| if e == g { 0.0 } else { (e - g).abs() / unit(*e) };
    let worst = |m: f64, d: f64| if d.is_nan() { f64::INFINITY } else { m.max(d) };
    Ok(expected.iter().zip(got).map(relative).fold(0.0, worst))
}
