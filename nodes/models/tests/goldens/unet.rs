//! One forward pass of a tiny UNet, with adapters, residuals and, in some cases, every block's output.
//!
//! Image tokens are a set: in the reverse order they must meet the same expectations. Only the order of sums over them differs,
//! so the recorded tolerance, which is for another f32 implementation of the same sums, is the right one.

use super::case::{Case, Outcome};
use super::nets;
use candle_core::{DType, Tensor};
use selfsame_models::Cancel;
use selfsame_models::unet::{AdapterKv, Residuals, UNetInput};
use std::cell::RefCell;
use std::collections::HashMap;

pub fn run(case: &Case) -> Outcome {
    let base = nets::base_of(case);
    let unet = nets::unet(&case.models, base)?;
    let (sample, timesteps) = (case.input("in.sample")?, case.input("in.timestep")?);
    let context = unet.project_context(&case.input("in.encoder_hidden_states")?)?;
    let added = nets::added(case)?;
    let residuals = case.names("in.residual_").iter().map(|name| case.input(name)).collect::<Result<Vec<_>, _>>()?;
    let residuals = residuals.split_last().map(|(mid, down)| Residuals { down: down.to_vec(), mid: mid.clone() });
    let taps: RefCell<HashMap<String, Tensor>> = RefCell::default();
    let observe = |name: &str, x: &Tensor| drop(taps.borrow_mut().insert(name.to_string(), x.clone()));
    let forward = |adapters: &[&AdapterKv]| {
        unet.forward(&UNetInput {
            sample: &sample,
            timesteps: &timesteps,
            context: &context,
            added: added.as_ref(),
            guidance: None,
            adapters,
            residuals: residuals.as_ref(),
            hook: None,
            cancel: &Cancel::default(),
            observe: Some(&observe),
        })
    };
    match case.find("in.ip_tokens")? {
        None => case.check("out.sample", &forward(&[])?)?,
        Some(tokens) => {
            let adapter = nets::adapter(&case.models, base)?;
            let tokens = tokens.to_dtype(DType::F32)?;
            // The recorded order last: the taps are compared with it.
            for tokens in [tokens.flip(&[1])?, tokens] {
                case.check("out.sample", &forward(&[&adapter.project(&tokens, case.number("ip")?)?])?)?;
            }
        }
    }
    for name in case.names("out.tap.") {
        let block = name.trim_start_matches("out.tap.");
        let taps = taps.borrow();
        case.check(name, taps.get(block).ok_or_else(|| format!("no block is called {block}"))?)?;
    }
    Ok(())
}
