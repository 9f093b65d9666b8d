//! One forward pass of a tiny UNet, with adapters, residuals and, in some cases, every block's output.

use super::case::{Case, Outcome};
use super::nets;
use candle_core::{DType, Tensor};
use selfsame_models::Cancel;
use selfsame_models::unet::{Residuals, UNetInput};
use std::cell::RefCell;
use std::collections::HashMap;

pub fn run(case: &Case) -> Outcome {
    let base = nets::base_of(case);
    let unet = nets::unet(&case.models, base)?;
    let sample = case.input("in.sample")?;
    let context = unet.project_context(&case.input("in.encoder_hidden_states")?)?;
    let added = nets::added(case)?;
    let adapter = match case.find("in.ip_tokens")? {
        None => None,
        Some(tokens) => {
            Some(nets::adapter(&case.models, base)?.project(&tokens.to_dtype(DType::F32)?, case.number("ip")?)?)
        }
    };
    let adapters: Vec<_> = adapter.iter().collect();
    let residuals = case.names("in.residual_").iter().map(|name| case.input(name)).collect::<Result<Vec<_>, _>>()?;
    let residuals = residuals.split_last().map(|(mid, down)| Residuals { down: down.to_vec(), mid: mid.clone() });
    let taps: RefCell<HashMap<String, Tensor>> = RefCell::default();
    let observe = |name: &str, x: &Tensor| drop(taps.borrow_mut().insert(name.to_string(), x.clone()));
    let out = unet.forward(&UNetInput {
        sample: &sample,
        timesteps: &case.input("in.timestep")?,
        context: &context,
        added: added.as_ref(),
        guidance: None,
        adapters: &adapters,
        residuals: residuals.as_ref(),
        cancel: &Cancel::default(),
        observe: Some(&observe),
    })?;
    case.check("out.sample", &out)?;
    for name in case.names("out.tap.") {
        let block = name.trim_start_matches("out.tap.");
        let taps = taps.borrow();
        case.check(name, taps.get(block).ok_or_else(|| format!("no block is called {block}"))?)?;
    }
    Ok(())
}
