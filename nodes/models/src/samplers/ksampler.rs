//! What ComfyUI's KSampler nodes make of a schedule.
//!
//! **Source**: ComfyUI `comfy/samplers.py` `KSampler` and the nodes KSampler and KSamplerAdvanced.

use super::{ModelSigmas, Sampler, Schedule};
use crate::{Error, Result};

/// The sigmas for `steps` steps that undo the share `denoise` of the noise.
///
/// `denoise` below 1 makes a schedule of `steps / denoise` steps and keeps its last `steps`; 0 or less gives no sigmas,
/// that is nothing to do. For some samplers a schedule of one step more loses its last sigma but one
/// ([`Sampler::drops_penultimate_sigma`]).
///
/// # Errors
/// When `steps` is 0, or `denoise` is not a number or asks for an absurd number of steps.
pub fn sigmas(
    model: &ModelSigmas,
    sampler: &Sampler,
    schedule: &Schedule,
    steps: usize,
    denoise: f64,
) -> Result<Vec<f64>> {
    if steps == 0 {
        return Err(Error::input("steps", "at least 1", "0"));
    }
    if denoise <= 0.0 {
        return Ok(Vec::new());
    }
    // ComfyUI's own threshold for "all of it".
    let whole = denoise > 0.9999;
    let all_steps = if whole { steps } else { (steps as f64 / denoise) as usize };
    if denoise.is_nan() || all_steps > 1_000_000 {
        return Err(Error::input(
            "denoise",
            "a number from 0 to 1 that leaves a sensible step count",
            denoise.to_string(),
        ));
    }
    let dropped = usize::from(sampler.drops_penultimate_sigma);
    let mut sigmas = schedule.sigmas(model, all_steps + dropped)?;
    if sampler.drops_penultimate_sigma {
        sigmas.remove(sigmas.len() - 2);
    }
    if !whole {
        sigmas.drain(..sigmas.len().saturating_sub(steps + 1));
    }
    Ok(sigmas)
}

/// The part of a schedule between two steps, as KSamplerAdvanced takes it.
///
/// `end` stops before that step, unless the schedule ends earlier; then noise is left in the latents if `leftover_noise`,
/// else the last sigma becomes 0. `start` skips steps; if none remains, the result is empty: the latents stay as they are.
#[must_use]
pub fn window(sigmas: &[f64], start: usize, end: Option<usize>, leftover_noise: bool) -> Vec<f64> {
    let mut part = sigmas.to_vec();
    if let Some(end) = end.filter(|end| end + 1 < sigmas.len()) {
        part.truncate(end + 1);
        if !leftover_noise {
            part[end] = 0.0;
        }
    }
    if start + 1 < part.len() { part.split_off(start) } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(sampler: &str, steps: usize, denoise: f64) -> Vec<f64> {
        let (sampler, schedule) = (Sampler::from_name(sampler).unwrap(), Schedule::from_name("simple").unwrap());
        sigmas(&ModelSigmas::stable_diffusion(), sampler, schedule, steps, denoise).unwrap()
    }

    #[test]
    fn denoise_keeps_the_tail() {
        assert_eq!(made("euler", 7, 0.35), made("euler", 20, 1.0)[13..]);
        assert!(made("euler", 7, 0.0).is_empty());
        assert_eq!(made("dpm_2", 4, 1.0).len(), 5);
        let all = made("euler", 5, 1.0);
        assert_eq!(made("uni_pc", 4, 1.0), [&all[..4], &[0.0]].concat());
    }

    #[test]
    fn windows() {
        let all = [5.0, 4.0, 3.0, 2.0, 0.0];
        assert_eq!(window(&all, 0, None, true), all);
        assert_eq!(window(&all, 1, Some(3), true), [4.0, 3.0, 2.0]);
        assert_eq!(window(&all, 1, Some(3), false), [4.0, 3.0, 0.0]);
        assert_eq!(window(&all, 0, Some(10_000), false), all);
        assert!(window(&all, 4, None, false).is_empty());
        assert!(window(&all, 3, Some(3), false).is_empty());
        assert!(window(&all, 0, Some(0), false).is_empty());
        assert!(window(&[], 0, Some(2), false).is_empty());
    }
}
