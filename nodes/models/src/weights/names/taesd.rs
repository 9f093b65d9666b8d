//! The tiny VAE (TAESD): a bare Sequential each for encoder and decoder, or diffusers' AutoencoderTiny.

use super::{find_prefix, same};
use crate::weights::TensorSource;
use crate::weights::rename::{Joined, Renamed};
use std::sync::Arc;

/// The tiny VAE in the names of diffusers' AutoencoderTiny, from one file or from an encoder's and a decoder's.
///
/// The original decoder's indices are one higher: its layer 0 is the clamp of the latent, which diffusers keeps outside.
/// Source: <https://github.com/madebyollin/taesd> `taesd.py`, and `DecoderTiny` of diffusers' `autoencoders/vae.py`.
pub fn tiny_vae(files: &[Arc<dyn TensorSource>]) -> Arc<dyn TensorSource> {
    let parts: Vec<_> = files.iter().flat_map(halves).collect();
    let names: Vec<String> = files.iter().map(|file| file.describe()).collect();
    Joined::view(parts, names.join(" and "))
}

/// The encoder and the decoder in a file, or the file as it is.
fn halves(file: &Arc<dyn TensorSource>) -> Vec<Arc<dyn TensorSource>> {
    let find = |prefixes: &[&'static str], probe: &str| find_prefix(file.as_ref(), prefixes, &[probe]);
    if find(&["encoder.layers.", "decoder.layers."], "0.weight").is_some() {
        return vec![file.clone()];
    }
    let encoder = find(&["taesd_encoder.", "encoder.", ""], "0.weight").map(|prefix| (prefix, "encoder", 0));
    // The clamp has no weights: a Sequential that starts at 1 is a decoder.
    let decoder = find(&["taesd_decoder.", "decoder.", ""], "1.weight").map(|prefix| (prefix, "decoder", 1));
    let found = [encoder, decoder.filter(|(prefix, ..)| !prefix.is_empty() || encoder.is_none())];
    let view = |(prefix, half, shift): (&str, &str, usize)| {
        Renamed::view(file.clone(), |name, _| {
            let (index, rest) = name.strip_prefix(prefix).and_then(|name| name.split_once('.')).unwrap_or((name, ""));
            let index = index.parse::<usize>().ok().and_then(|index| index.checked_sub(shift));
            // A bare file holds nothing else; under a prefix the other half is skipped.
            let unknown = prefix.is_empty().then(|| name.to_string());
            same(index.map(|index| format!("{half}.layers.{index}.{rest}")).or(unknown))
        })
    };
    let views: Vec<_> = found.into_iter().flatten().map(view).collect();
    if views.is_empty() { vec![file.clone()] } else { views }
}
