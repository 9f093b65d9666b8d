//! Load InstantID's adapter.

use crate::wires::{IpAdapter, ModelFile};
use selfsame_models::weights::{Kind, open, recognise};
use selfsame_sdk::prelude::*;

/// Loads InstantID's `ip-adapter`: the Resampler that turns a face embedding into tokens, and the Image Adapter. IdentityNet is
/// a file of its own, see `LoadControlNet`.
#[node(id = "core.instantid.load", name = "LoadInstantID", title = "Load InstantID", category = "instantid", search = ["InstantIDModelLoader"])]
#[output(instantid = "the adapter")]
pub fn load_instant_id(
    ctx: Ctx,
    /// The file.
    #[param(model = "instantid")]
    instantid: String,
) -> Result<IpAdapter> {
    let file = ModelFile::read(ctx, "instantid", &instantid).input("instantid")?;
    let architecture = recognise(&open(&file.path).input("instantid")?);
    match architecture.kind {
        Kind::InstantId => Ok(IpAdapter { file }),
        _ => Err(Error::input("instantid", format!("expected InstantID's ip-adapter, got {architecture}"))),
    }
}
