//! One forward pass of a tiny ControlNet.

use super::case::{Case, Outcome};
use super::nets;
use selfsame_models::Cancel;
use selfsame_models::controlnet::{ControlInput, ControlStrength};

pub fn run(case: &Case) -> Outcome {
    let net = nets::controlnet(&case.models, nets::folder_of(case)?)?;
    let cancel = Cancel::default();
    let hint = net.embed_hint(&case.input("in.cond")?, &cancel)?;
    case.check("out.hint_embedding", hint.tensor())?;
    let scale = case.number("scale")?;
    let residuals = net.forward(&ControlInput {
        sample: &case.input("in.sample")?,
        timesteps: &case.input("in.timestep")?,
        context: &net.project_context(&case.input("in.encoder_hidden_states")?)?,
        added: nets::added(case)?.as_ref(),
        hint: &hint,
        strength: match case.meta["guess"].as_bool() {
            Some(true) => ControlStrength::Ramp(scale),
            _ => ControlStrength::Constant(scale),
        },
        cancel: &cancel,
    })?;
    let names = case.names("out.down_");
    if names.len() != residuals.down.len() {
        return Err(format!("expected {} down residuals, got {}", names.len(), residuals.down.len()).into());
    }
    for (name, residual) in names.iter().zip(&residuals.down) {
        case.check(name, residual)?;
    }
    case.check("out.mid", &residuals.mid)
}
