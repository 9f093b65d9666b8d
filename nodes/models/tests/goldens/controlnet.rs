//! One forward pass of a tiny ControlNet.
//!
//! What its cross-attention reads is a set of tokens: in the reverse order they must meet the same expectations, as for the UNet's
//! image tokens.

use super::case::{Case, Outcome};
use super::nets;
use candle_core::Tensor;
use selfsame_models::Cancel;
use selfsame_models::controlnet::{ControlInput, ControlStrength};

pub fn run(case: &Case) -> Outcome {
    let net = nets::controlnet(&case.models, nets::folder_of(case)?)?;
    let cancel = Cancel::default();
    let hint = net.embed_hint(&case.input("in.cond")?, &cancel)?;
    case.check("out.hint_embedding", hint.tensor())?;
    let scale = case.number("scale")?;
    let (sample, timesteps, added) = (case.input("in.sample")?, case.input("in.timestep")?, nets::added(case)?);
    let forward = |context: &Tensor| {
        net.forward(&ControlInput {
            sample: &sample,
            timesteps: &timesteps,
            context: &net.project_context(context)?,
            added: added.as_ref(),
            hint: &hint,
            strength: match case.meta["guess"].as_bool() {
                Some(true) => ControlStrength::Ramp(scale),
                _ => ControlStrength::Constant(scale),
            },
            cancel: &cancel,
        })
    };
    let context = case.input("in.encoder_hidden_states")?;
    let names = case.names("out.down_");
    for context in [context.flip(&[1])?, context] {
        let residuals = forward(&context)?;
        if names.len() != residuals.down.len() {
            return Err(format!("expected {} down residuals, got {}", names.len(), residuals.down.len()).into());
        }
        for (name, residual) in names.iter().zip(&residuals.down) {
            case.check(name, residual)?;
        }
        case.check("out.mid", &residuals.mid)?;
    }
    Ok(())
}
