//! Load a ControlNet.

use crate::wires::{ControlNet, ModelFile};
use selfsame_models::weights::{Kind, open, recognise};
use selfsame_sdk::prelude::*;

/// Loads a ControlNet, or InstantID's IdentityNet, from a file or a diffusers folder.
#[node(id = "core.loaders.control_net", category = "loaders", search = ["identitynet", "canny", "depth", "ControlNetLoader"])]
#[output(control_net = "the network")]
pub fn load_control_net(
    ctx: Ctx,
    /// The file or folder.
    #[param(model = "controlnet")]
    control_net: String,
) -> Result<ControlNet> {
    let file = ModelFile::read(ctx, "controlnet", &control_net).input("control_net")?;
    let architecture = recognise(&open(&file.path).input("control_net")?);
    if architecture.kind != Kind::ControlNet {
        return Err(Error::input("control_net", format!("expected a ControlNet, got {architecture}")));
    }
    Ok(ControlNet { file })
}
