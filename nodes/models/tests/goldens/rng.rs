//! Torch's CPU generator. What was drawn is in the tensor's name: `randn_1x4x8x9`, `rand_5`, `randn_f64_20`,
//! `randint_0_1000_x20`, each from a freshly seeded generator; `…_again` is the second draw of the same kind.

use super::case::{Case, Outcome};
use candle_core::{Device, Tensor};
use selfsame_models::rng::TorchGenerator;
use std::error::Error;

/// What the set's README demands of this group.
const TOLERANCE: f64 = 2e-6;

pub fn run(case: &Case) -> Outcome {
    let seed = case.meta["seed"].as_u64().ok_or("meta has no seed")?;
    for name in case.names("out.") {
        let what = name.trim_start_matches("out.");
        let mut generator = TorchGenerator::new(seed);
        let what = match what.strip_suffix("_again") {
            Some(what) => {
                draw(&mut generator, what)?;
                what
            }
            None => what,
        };
        let got = draw(&mut generator, what)?;
        let tolerance = if what.starts_with("randint_") { 0.0 } else { TOLERANCE };
        case.check_within(name, &got, tolerance)?;
    }
    Ok(())
}

fn draw(generator: &mut TorchGenerator, what: &str) -> Result<Tensor, Box<dyn Error>> {
    let cpu = &Device::Cpu;
    let shape = |dims: &str| dims.split('x').map(str::parse).collect::<Result<Vec<usize>, _>>();
    let (kind, rest) = what.split_once('_').ok_or_else(|| format!("no numbers in {what}"))?;
    Ok(match (kind, rest.strip_prefix("f64_")) {
        ("randn", Some(rest)) => {
            let shape = shape(rest)?;
            Tensor::from_vec(generator.randn_f64(shape.iter().product()), shape, cpu)?
        }
        ("randn", None) => generator.randn_tensor(&shape(rest)?, cpu)?,
        ("rand", None) => {
            let shape = shape(rest)?;
            Tensor::from_vec(generator.rand(shape.iter().product()), shape, cpu)?
        }
        ("randint", None) => {
            let parts: Vec<&str> = rest.split('_').collect();
            let [low, high, count] = parts[..] else { return Err(format!("no range and count in {what}").into()) };
            let shape = shape(count.trim_start_matches('x'))?;
            let numbers = generator.randint(low.parse()?, high.parse()?, shape.iter().product())?;
            Tensor::from_vec(numbers, shape, cpu)?
        }
        _ => return Err(format!("no draw {what}").into()),
    })
}
