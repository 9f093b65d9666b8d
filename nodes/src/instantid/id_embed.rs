//! Who the picture should show.

use crate::Compute;
use crate::compute::measure;
use crate::networks::resampler;
use crate::wires::{Face, Identity, IpAdapter, from_device};
use candle_core::Tensor as DeviceTensor;
use selfsame_models::Work;
use selfsame_models::adapter::noise_seed;
use selfsame_models::rng::TorchGenerator;
use selfsame_sdk::prelude::*;

/// Turns a face into the tokens that make pictures show this person.
///
/// For several photographs of one person, put AverageFaces before it.
#[node(id = "core.instantid.id_embed", name = "IDEmbed", title = "ID embed", category = "instantid", device, search = ["face", "identity"])]
#[output(id = "the identity")]
pub fn id_embed(
    ctx: Ctx,
    /// The adapter.
    instantid: IpAdapter,
    /// The face.
    #[param(aliases = ["faces"])]
    face: Face,
    /// Noise in the negative tokens, against faces that come out too strong: 0.35 is usual in ComfyUI.
    #[param(default = 0.0, hard = 0.0..=1.0, step = 0.05)]
    negative_noise: f64,
) -> Result<Identity> {
    let compute: &Compute = ctx.get()?;
    let Some(embedding) = &face.embedding else {
        return Err(Error::input("face", "the face has no embedding").hint("analyse the picture with a recogniser"));
    };
    let network = resampler(ctx, &instantid.file)?;
    if embedding.len() != network.config().embedding_dim {
        let message =
            format!("expected an embedding of {} numbers, got {}", network.config().embedding_dim, embedding.len());
        return Err(Error::input("face", message).hint("analyse the picture with the recogniser that the adapter was trained with: InstantID's is glintr100 of antelopev2"));
    }
    let embeds = DeviceTensor::from_slice(embedding, (1, 1, embedding.len()), &compute.device)?;
    let noise = match negative_noise > 0.0 {
        // Source: cubiq/ComfyUI_InstantID, InstantID.py: uniform noise whose seed is the embedding's sum.
        true => {
            let uniform = TorchGenerator::new(noise_seed(&embeds)?).rand(embedding.len());
            let noise = DeviceTensor::from_vec(uniform, embeds.dims(), &compute.device)?;
            Some((noise * negative_noise)?)
        }
        false => None,
    };
    measure(ctx, Work::Resampler, || {
        let tokens = from_device(&network.forward(&embeds).input("face")?)?;
        let negative_tokens = from_device(&network.forward_unconditional(&embeds, noise.as_ref())?)?;
        Ok(Identity { tokens, negative_tokens })
    })
}
