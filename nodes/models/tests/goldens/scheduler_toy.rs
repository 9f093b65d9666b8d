//! Every diffusers scheduler on a closed-form model: the states after each network call.

use super::case::{Case, Outcome};
use candle_core::Tensor;
use selfsame_models::noise::NoiseSource;
use selfsame_models::{Error, Result, schedulers};

/// The recorded noise, in call order.
struct Recorded {
    noise: Option<Tensor>,
    used: usize,
}

impl NoiseSource for Recorded {
    fn next(&mut self, like: &Tensor, _sigma_from: f64, _sigma_to: f64) -> Result<Tensor> {
        let recorded = self.noise.as_ref().map_or(0, |n| n.dims()[0]);
        match &self.noise {
            Some(noise) if self.used < recorded => {
                self.used += 1;
                Ok(noise.get(self.used - 1)?.to_dtype(like.dtype())?)
            }
            _ => Err(Error::input("noise", format!("at most {recorded} calls"), (self.used + 1).to_string())),
        }
    }
}

pub fn run(case: &Case) -> Outcome {
    let steps = case.number("steps")? as usize;
    let eta = case.meta["eta"].as_f64();
    let mut scheduler = schedulers::build(case.text("scheduler")?, &case.meta["config"], steps, eta)?;
    let timesteps = scheduler.schedule().timesteps().to_vec();
    if case.has("in.timesteps") {
        let recorded = Tensor::new(timesteps.as_slice(), &candle_core::Device::Cpu)?;
        // Timesteps between training timesteps come from logarithms in f32.
        case.check_within("in.timesteps", &recorded, 1e-3)?;
    }
    let noise = if case.has("in.noise") { Some(case.input("in.noise")?) } else { None };
    let mut noise = Recorded { noise, used: 0 };
    let mut sample = (case.input("in.x_init_unit")? * scheduler.schedule().init_noise_sigma())?;
    let mut states = vec![sample.clone()];
    for (index, timestep) in timesteps.iter().enumerate() {
        let input = scheduler.schedule().scale_model_input(&sample, index)?;
        let output = toy_model(case.text("model")?, &input, *timestep)?;
        sample = scheduler.step(&output, index, &sample, &mut noise)?;
        states.push(sample.clone());
    }
    let recorded = noise.noise.as_ref().map_or(0, |n| n.dims()[0]);
    if noise.used != recorded {
        return Err(format!("expected {recorded} draws of noise, got {}", noise.used).into());
    }
    case.check("out.x", &Tensor::stack(&states, 0)?)
}

/// Evaluates the formula `eps = A*x + B*tanh(C*x + t/D), x = scale_model_input(sample)`.
fn toy_model(formula: &str, x: &Tensor, timestep: f64) -> Result<Tensor, Box<dyn std::error::Error>> {
    let not_known = || format!("not the toy model's form: {formula}");
    let rest = formula.strip_prefix("eps = ").ok_or_else(not_known)?;
    let (scale, rest) = rest.split_once("*x + ").ok_or_else(not_known)?;
    let (height, rest) = rest.split_once("*tanh(").ok_or_else(not_known)?;
    let (slope, rest) = rest.split_once("*x + t/").ok_or_else(not_known)?;
    let (span, rest) = rest.split_once(')').ok_or_else(not_known)?;
    if rest != ", x = scale_model_input(sample)" {
        return Err(not_known().into());
    }
    let (scale, height): (f64, f64) = (scale.parse()?, height.parse()?);
    let (slope, span): (f64, f64) = (slope.parse()?, span.parse()?);
    let wave = (x.affine(slope, timestep / span)?.tanh()? * height)?;
    Ok(((x * scale)? + wave)?)
}
