//! LoRA files of every common naming, matched against the model they are laid over.
//!
//! [`match_lora`] reads a file and gives [`Deltas`] for each network of a model; [`Weights::with_deltas`] lays them over the
//! weights without touching the shared tensors. Several files are stacked with [`LoraMatch::merge`]; one is removed by
//! building the stack again without it.
//!
//! | style | a name |
//! |---|---|
//! | kohya, diffusers' blocks | `lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight` |
//! | kohya, LDM's blocks | `lora_unet_input_blocks_4_1_proj_in.lora_up.weight`, `lora_te1_text_model_…` |
//! | peft | `unet.down_blocks.0.attentions.0.proj_in.lora_A.weight`, `text_encoder_2.…` |
//! | older diffusers | `unet.….proj_in.lora.down.weight`, `text_encoder.….lora_linear_layer.up.weight` |
//! | oldest diffusers | `….attn1.processor.to_q_lora.down.weight` |
//! | cloneofsimo | `unet:98:up`, `text_encoder:0:down` |
//!
//! Besides LoRA's two factors a layer may hold LoHa, LoKr, whole differences and DoRA's magnitudes (see [`Delta`]); any other
//! kind is refused by name.
//!
//! An alpha stands in a tensor, or in the metadata of a safetensors file (diffusers); without one it equals the rank.
//!
//! **Differences**: a DoRA strength other than 1 goes part of the way to the merged weight, as in ComfyUI; peft scales the factors
//! instead.
//!
//! [`Weights::with_deltas`]: crate::weights::Weights::with_deltas
//! [`Delta`]: crate::weights::Delta

mod keys;
mod layer;
mod ldm;
mod metadata;
mod names;
mod problem;
mod unet_layers;

pub use problem::LoraProblem;
pub(crate) use unet_layers::other_base_hint;

use crate::weights::{Delta, Deltas, TensorInfo, TensorSource};
use crate::{Error, Result};
use keys::Key;
use layer::Layer;
use metadata::Alphas;
use names::{Names, Network};
use std::collections::BTreeMap;

/// The tensors of the networks that a LoRA may change, in diffusers' and transformers' names.
///
/// They are what [`TensorSource::tensors`] of each network's weights gives.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoraTargets<'a> {
    /// The UNet.
    pub unet: Option<&'a BTreeMap<String, TensorInfo>>,
    /// CLIP-L.
    pub text_encoder: Option<&'a BTreeMap<String, TensorInfo>>,
    /// OpenCLIP bigG (SDXL).
    pub text_encoder_2: Option<&'a BTreeMap<String, TensorInfo>>,
}

impl<'a> LoraTargets<'a> {
    fn tensors(&self, network: Network) -> Option<&'a BTreeMap<String, TensorInfo>> {
        match network {
            Network::Unet => self.unet,
            Network::TextEncoder => self.text_encoder,
            Network::TextEncoder2 => self.text_encoder_2,
        }
    }
}

/// How strongly a file works: 1 as trained, 0 not at all, negative inverted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoraStrength {
    /// For the UNet.
    pub unet: f64,
    /// For the text encoders.
    pub text: f64,
}

/// What one file, or a stack of files, does to a model.
#[derive(Debug, Clone, Default)]
pub struct LoraMatch {
    /// Changes of the UNet's weights.
    pub unet: Deltas,
    /// Changes of CLIP-L's weights.
    pub text_encoder: Deltas,
    /// Changes of OpenCLIP bigG's weights.
    pub text_encoder_2: Deltas,
    /// How many layers found their place.
    pub matched: usize,
    /// Layers that the model does not have and tensors that mean nothing to this crate, by their names in the file.
    pub ignored: Vec<String>,
    /// Textual-inversion embeddings that travel in the file; they belong to the text encoder's vocabulary, not to a LoRA.
    pub embeddings: Vec<String>,
}

impl LoraMatch {
    /// Lays another file over these.
    pub fn merge(&mut self, other: Self) {
        self.unet.merge(other.unet);
        self.text_encoder.merge(other.text_encoder);
        self.text_encoder_2.merge(other.text_encoder_2);
        self.matched += other.matched;
        self.ignored.extend(other.ignored);
        self.embeddings.extend(other.embeddings);
    }

    fn deltas(&mut self, network: Network) -> &mut Deltas {
        match network {
            Network::Unet => &mut self.unet,
            Network::TextEncoder => &mut self.text_encoder,
            Network::TextEncoder2 => &mut self.text_encoder_2,
        }
    }
}

/// Reads a LoRA file and finds the weights that its layers change.
///
/// A network that is `None` in `targets` is left alone: its layers are among [`LoraMatch::ignored`]. The factors are kept in
/// the file's dtype on the CPU.
///
/// # Errors
/// [`Error::Lora`] when the file is not a LoRA, matches nothing, is made for another base model, is incomplete, or holds a
/// kind of change that is not supported; [`Error::File`] when it cannot be read.
pub fn match_lora(file: &dyn TensorSource, targets: &LoraTargets, strength: LoraStrength) -> Result<LoraMatch> {
    let fail = |problem| Error::Lora { file: file.describe(), problem: Box::new(problem) };
    let contents = Contents::sort(file).map_err(fail)?;
    let names = Names::of(targets, [contents.numbered("unet:"), contents.numbered("text_encoder:")]);
    let mut found = LoraMatch { ignored: contents.unknown, embeddings: contents.embeddings, ..Default::default() };
    let mut misfits = Vec::new();
    let alphas = Alphas::of(file);
    for (name, layer) in &contents.layers {
        let Some((network, module)) = names.find(name) else {
            found.ignored.push(name.clone());
            continue;
        };
        let strength = if network == Network::Unet { strength.unet } else { strength.text };
        let damaged = |e: Error| fail(LoraProblem::Damaged { layer: name.clone(), why: e.to_string() });
        let deltas = layer.read(file, strength, alphas.get(name)).map_err(damaged)?;
        if let Some(name) = layer.lacks_a_part(&deltas) {
            return Err(fail(LoraProblem::Incomplete { name: name.to_string() }));
        }
        if deltas.weight.is_none() && deltas.bias.is_none() {
            found.ignored.push(name.clone()); // an alpha without anything to scale
            continue;
        }
        let mut fits = false;
        for (delta, part) in [(deltas.weight, "weight"), (deltas.bias, "bias")] {
            let Some(delta) = delta else { continue };
            let weight = format!("{module}.{part}");
            match targets.tensors(network).and_then(|tensors| tensors.get(&weight)) {
                None => found.ignored.push(format!("{name} ({part})")),
                Some(info) if !delta.fits(&info.shape) => misfits.push(Misfit::new(weight, info, &delta)),
                Some(_) => {
                    fits = true;
                    // A strength of zero leaves the shared tensor in place.
                    if delta.strength != 0.0 {
                        found.deltas(network).push(weight, delta);
                    }
                }
            }
        }
        found.matched += usize::from(fits);
    }
    if let Some(problem) = Misfit::problem(&misfits) {
        return Err(fail(problem));
    }
    match contents.layers.keys().next() {
        Some(example) if found.matched == 0 => {
            Err(fail(LoraProblem::NothingMatches { layers: contents.layers.len(), example: example.clone() }))
        }
        _ => Ok(found),
    }
}

/// A file's tensors, sorted by what their names say.
#[derive(Default)]
struct Contents {
    layers: BTreeMap<String, Layer>,
    embeddings: Vec<String>,
    unknown: Vec<String>,
}

impl Contents {
    fn sort(file: &dyn TensorSource) -> Result<Self, LoraProblem> {
        let mut contents = Self::default();
        for name in file.tensors().keys() {
            match Key::parse(name) {
                Key::Layer { module, part } => {
                    contents.layers.entry(module).or_default().0.insert(part, name.clone());
                }
                Key::Embedding => contents.embeddings.push(name.clone()),
                Key::Unknown => contents.unknown.push(name.clone()),
                Key::Unsupported(kind) => {
                    return Err(LoraProblem::Unsupported { name: name.clone(), kind: kind.to_string() });
                }
            }
        }
        if contents.layers.is_empty() {
            let example = file.tensors().keys().next().cloned().unwrap_or_else(|| "nothing".into());
            return Err(LoraProblem::NotLora { example });
        }
        Ok(contents)
    }

    /// How many layers are numbered behind `prefix`.
    fn numbered(&self, prefix: &str) -> usize {
        self.layers.keys().filter(|name| name.starts_with(prefix)).count()
    }
}

/// A layer whose shape is not the model's.
struct Misfit {
    weight: String,
    expected: Vec<usize>,
    found: Option<(usize, usize)>,
}

impl Misfit {
    fn new(weight: String, info: &TensorInfo, delta: &Delta) -> Self {
        Self { weight, expected: info.shape.clone(), found: delta.change.matrix_shape() }
    }

    /// Keys and values of cross-attention are as wide as the text, which tells the base model.
    fn text_widths(&self) -> Option<(usize, usize)> {
        let from_text = ["attn2.to_k.weight", "attn2.to_v.weight"].iter().any(|end| self.weight.ends_with(end));
        let widths = (self.found?.1, *self.expected.get(1)?);
        from_text.then_some(widths)
    }

    fn problem(misfits: &[Self]) -> Option<LoraProblem> {
        let first = misfits.first()?;
        let widths = misfits.iter().find_map(Self::text_widths);
        Some(LoraProblem::OtherModel {
            count: misfits.len(),
            hint: widths.map_or_else(String::new, |(found, expected)| other_base_hint(found, expected)),
            weight: first.weight.clone(),
            expected: first.expected.clone(),
            found: first.found,
        })
    }
}

#[cfg(test)]
mod tests;
