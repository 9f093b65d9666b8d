//! Every k-diffusion sampler on the closed-form model that the case's `denoiser` states.

use super::case::{Case, Outcome};
use candle_core::Tensor;
use selfsame_models::noise::RecordedNoise;
use selfsame_models::samplers::{Denoiser, Run, Sampler};
use selfsame_models::{Cancel, Result};

/// `x - s·(0.55 u + 0.3 tanh(1.1 u + 0.25 ln(1 + s)))` with `u = x / √(s² + 1)`.
struct Toy;

const FORMULA: &str = "x - s*(0.55*u + 0.3*tanh(1.1*u + 0.25*ln(1+s))), u = x/sqrt(s^2+1)";

impl Denoiser for Toy {
    fn denoise(&mut self, x: &Tensor, sigma: f64) -> Result<Tensor> {
        let u = (x / (sigma * sigma + 1.0).sqrt())?;
        let bent = u.affine(1.1, 0.25 * sigma.ln_1p())?.tanh()?;
        Ok((x - ((u * 0.55)? + (bent * 0.3)?)? * sigma)?)
    }
}

pub fn run(case: &Case) -> Outcome {
    if case.text("denoiser")? != FORMULA {
        return Err("the case states another denoiser".into());
    }
    let sigmas = case.numbers("in.sigmas")?;
    let recorded = case.find("in.noise")?;
    let count = recorded.as_ref().map_or(Ok(0), |noise| noise.dim(0))?;
    let noise: Vec<Tensor> = match recorded {
        Some(noise) => (0..count).map(|i| noise.get(i)).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let mut noise = RecordedNoise::new(noise);
    let mut states = Vec::new();
    let mut run = Run {
        denoiser: &mut Toy,
        noise: &mut noise,
        sigmas: &sigmas,
        on_step: &mut |step| {
            states.push(step.x.clone());
            Ok(())
        },
        cancel: &Cancel::default(),
    };
    let last = Sampler::from_name(case.text("sampler")?)?.sample(&mut run, &case.input("in.x_init")?)?;
    case.check("out.final", &last)?;
    if case.has("out.x_at_step") {
        case.check("out.x_at_step", &Tensor::stack(&states, 0)?)?;
    }
    case.push("noise left over", noise.remaining() as f64, 0.0);
    Ok(())
}
