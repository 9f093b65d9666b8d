//! Names and shapes of the full-size models: what the loader makes of them, and that the networks ask for exactly these.
//!
//! A manifest's file name says what it is: `FAMILY_NETWORK_NAMING.json.gz`. Those in another naming are compared with their
//! twin in diffusers names; an unknown sort of manifest is a failure.

use super::case::{Outcome, Set, Tally};
use candle_core::{DType, Device, Tensor};
use flate2::read::GzDecoder;
use selfsame_models::adapter::AdapterFile;
use selfsame_models::controlnet::{ControlNet, ControlNetConfig};
use selfsame_models::text::{ClipConfig, ClipText};
use selfsame_models::unet::{UNet, UNetConfig};
use selfsame_models::vae::{AutoencoderKl, AutoencoderKlConfig};
use selfsame_models::weights::names::{self, Encoder};
use selfsame_models::weights::{
    Architecture, Checkpoint, Family, Kind, Part, TensorInfo, TensorSource, Weights, infer, recognise,
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::sync::Arc;

/// One manifest.
#[derive(Clone, Deserialize)]
struct Manifest {
    #[serde(default)]
    config: Value,
    params: usize,
    tensor_count: usize,
    tensors: BTreeMap<String, Vec<usize>>,
    /// Diffusers name to single-file name.
    #[serde(default)]
    unet_name_map: BTreeMap<String, String>,
    /// Names that published files carry besides.
    #[serde(default)]
    optional_extra_keys: Vec<String>,
}

type Source = Arc<dyn TensorSource>;

/// Names and shapes without numbers: every tensor is a single zero spread over its shape.
struct ManifestSource {
    name: String,
    infos: BTreeMap<String, TensorInfo>,
}

impl TensorSource for ManifestSource {
    fn tensors(&self) -> &BTreeMap<String, TensorInfo> {
        &self.infos
    }

    fn load(&self, name: &str, dtype: DType, device: &Device) -> selfsame_models::Result<Tensor> {
        Ok(Tensor::zeros((), dtype, device)?.broadcast_as(self.infos[name].shape.as_slice())?)
    }

    fn describe(&self) -> String {
        self.name.clone()
    }
}

/// All manifests of a set, by file name without extension.
struct Manifests(BTreeMap<String, Manifest>);

impl Manifests {
    fn read(set: &Set) -> Result<Self, Box<dyn Error>> {
        let mut manifests = BTreeMap::new();
        for entry in std::fs::read_dir(set.root.join("manifests"))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Some(stem) = name.strip_suffix(".json.gz") {
                let manifest = serde_json::from_reader(GzDecoder::new(File::open(&path)?));
                manifests.insert(stem.to_string(), manifest.map_err(|e| format!("{name}: {e}"))?);
            }
        }
        Ok(Self(manifests))
    }

    fn get(&self, name: &str) -> Result<&Manifest, Box<dyn Error>> {
        self.0.get(name).ok_or_else(|| format!("the set has no manifest {name}").into())
    }

    fn source(&self, name: &str) -> Result<Source, Box<dyn Error>> {
        let info = |shape: &Vec<usize>| TensorInfo { shape: shape.clone(), dtype: DType::F16 };
        let infos = self.get(name)?.tensors.iter().map(|(name, shape)| (name.clone(), info(shape))).collect();
        Ok(Arc::new(ManifestSource { name: name.to_string(), infos }))
    }
}

pub fn run(set: &Set, tally: &mut Tally) -> Outcome {
    if !set.root.join("manifests").is_dir() {
        println!("manifests: this set has none");
        return Ok(());
    }
    let manifests = Manifests::read(set)?;
    for (name, manifest) in &manifests.0 {
        let mut row = |what: &str, outcome: Outcome| {
            let id = format!("manifests/{name}/{what}");
            match outcome {
                Ok(()) => tally.row(&id, 0.0, 0.0),
                Err(why) if tally.wants(&id) => tally.fail(&id, &why.to_string()),
                Err(_) => {}
            }
        };
        row("counts", counts(manifest));
        let Some((family, network)) = sort(name) else {
            row("sort", Err("no code knows this sort of manifest".into()));
            continue;
        };
        row("recognised", recognised(&manifests, name, family, network));
        match network {
            Network::SingleFile => row("names", single_file(&manifests, name, family)),
            Network::ControlNetLdm => {
                let twin = format!("{family}_controlnet_diffusers");
                row("names", twins(&manifests, names::controlnet(manifests.source(name)?), &twin));
            }
            Network::OpenClip => {
                let twin = format!("{family}_text_diffusers");
                let view = names::text_encoder(manifests.source(name)?, Encoder::First);
                row("names", twins(&manifests, view, &twin));
            }
            Network::Unet | Network::ControlNet | Network::Vae | Network::Text => {
                let own = manifests.source(name)?;
                row("config", config(network, family, own.as_ref(), &manifest.config));
                row("network", constructed(&manifests, network, name));
            }
            Network::InstantId => row("network", constructed(&manifests, network, name)),
        }
    }
    Ok(())
}

/// The sorts of manifests.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Network {
    Unet,
    ControlNet,
    Vae,
    Text,
    InstantId,
    ControlNetLdm,
    OpenClip,
    SingleFile,
}

/// `sdxl_unet_diffusers` is the UNet of the family `sdxl`.
fn sort(name: &str) -> Option<(&str, Network)> {
    let sorts = [
        ("_unet_diffusers", Network::Unet),
        ("_controlnet_diffusers", Network::ControlNet),
        ("_vae_diffusers", Network::Vae),
        ("_text_diffusers", Network::Text),
        ("_ip_adapter", Network::InstantId),
        ("_controlnet_ldm", Network::ControlNetLdm),
        ("_text_open_clip", Network::OpenClip),
        ("_single_file_ldm", Network::SingleFile),
    ];
    sorts.iter().find_map(|(end, network)| Some((name.strip_suffix(end)?, *network)))
}

fn counts(manifest: &Manifest) -> Outcome {
    let params: usize = manifest.tensors.values().map(|shape| shape.iter().product::<usize>()).sum();
    if (params, manifest.tensors.len()) == (manifest.params, manifest.tensor_count) {
        return Ok(());
    }
    Err(format!(
        "{} tensors, {params} parameters; it says {}, {}",
        manifest.tensors.len(),
        manifest.tensor_count,
        manifest.params
    )
    .into())
}

fn family_of(name: &str) -> Option<Family> {
    match name {
        "sd15" => Some(Family::Sd15),
        "sd2" => Some(Family::Sd2),
        "sdxl" | "instantid" => Some(Family::Sdxl),
        _ => None,
    }
}

fn recognised(manifests: &Manifests, name: &str, family: &str, network: Network) -> Outcome {
    let kind = match network {
        Network::Unet => Kind::Unet,
        Network::ControlNet | Network::ControlNetLdm => Kind::ControlNet,
        Network::Vae => Kind::Vae,
        Network::Text | Network::OpenClip => Kind::TextEncoder,
        Network::InstantId => Kind::InstantId,
        Network::SingleFile => Kind::Checkpoint,
    };
    let told = !matches!(kind, Kind::Vae | Kind::TextEncoder);
    let family = family_of(family).filter(|_| told);
    let in_channels = matches!(kind, Kind::Unet | Kind::Checkpoint).then_some(4);
    let expected = Architecture { kind, family, in_channels, v_prediction: false, zero_terminal_snr: false };
    let found = recognise(&manifests.source(name)?);
    if found == expected { Ok(()) } else { Err(format!("expected {expected:?}, got {found:?}").into()) }
}

/// A renamed view must have exactly the names and shapes of the manifest in diffusers names.
fn twins(manifests: &Manifests, view: Source, twin: &str) -> Outcome {
    let expected = &manifests.get(twin)?.tensors;
    let lost = expected.iter().filter(|(name, shape)| view.tensors().get(*name).is_none_or(|i| i.shape != **shape));
    let lost: Vec<&String> = lost.map(|(name, _)| name).collect();
    let extra = view.tensors().keys().filter(|name| !expected.contains_key(*name) && !names::is_tolerated(name));
    let extra: Vec<&String> = extra.collect();
    if lost.is_empty() && extra.is_empty() {
        return Ok(());
    }
    let some = |names: &[&String]| names.iter().take(5).map(|s| s.as_str()).collect::<Vec<_>>().join(", ");
    Err(format!(
        "{} missing or of another shape ({}), {} unexpected ({})",
        lost.len(),
        some(&lost),
        extra.len(),
        some(&extra)
    )
    .into())
}

fn single_file(manifests: &Manifests, name: &str, family: &str) -> Outcome {
    let manifest = manifests.get(name)?;
    let checkpoint = Checkpoint::from_source(manifests.source(name)?)?;
    let unet = checkpoint.unet()?;
    twins(manifests, unet.clone(), &format!("{family}_unet_diffusers"))?;
    twins(manifests, checkpoint.vae()?, &format!("{family}_vae_diffusers"))?;
    twins(manifests, checkpoint.text_encoder()?, "clip_l_text_diffusers")?;
    if checkpoint.has(Part::TextEncoder2) {
        twins(manifests, checkpoint.text_encoder_2()?, "clip_g_text_diffusers")?;
    }
    let view = names::unet(marked(manifest));
    let place = |stored: &String| manifest.tensors.keys().position(|name| name == stored);
    let shown = |diffusers: &String| view.tensors().get(diffusers).and_then(|info| info.shape.first().copied());
    let wrong = manifest.unet_name_map.iter().find(|(diffusers, stored)| shown(diffusers) != place(stored));
    if let Some((diffusers, stored)) = wrong {
        return Err(format!("{diffusers} is not taken from {stored}").into());
    }
    let refused: Vec<&String> = manifest.optional_extra_keys.iter().filter(|key| !names::is_tolerated(key)).collect();
    if refused.is_empty() { Ok(()) } else { Err(format!("not tolerated: {refused:?}").into()) }
}

/// The manifest's names, each with its place in the file for a shape, to see where a view takes its tensors from.
fn marked(manifest: &Manifest) -> Source {
    let mark = |(place, name): (usize, &String)| (name.clone(), TensorInfo { shape: vec![place], dtype: DType::F16 });
    Arc::new(ManifestSource { name: "marked".into(), infos: manifest.tensors.keys().enumerate().map(mark).collect() })
}

/// What published configurations leave out, as diffusers fills it in.
const DEFAULTS: &[(&str, &str)] = &[
    ("in_channels", "4"),
    ("out_channels", "4"),
    ("transformer_layers_per_block", "1"),
    ("use_linear_projection", "false"),
    ("mid_block_type", "\"UNetMidBlock2DCrossAttn\""),
    ("conditioning_channels", "3"),
    ("use_quant_conv", "true"),
    ("use_post_quant_conv", "true"),
    ("mid_block_add_attention", "true"),
];

/// Settings that shapes cannot tell: constants of the architecture and what training chose.
const UNTOLD: &[&str] = &[
    "_use_default_values",
    "act_fn",
    "addition_embed_type_num_heads",
    "bos_token_id",
    "controlnet_conditioning_channel_order",
    "downsample_padding",
    "eos_token_id",
    "flip_sin_to_cos",
    "freq_shift",
    "global_pool_conditions",
    "mid_block_scale_factor",
    "norm_eps",
    "norm_num_groups",
    "only_cross_attention",
    "pad_token_id",
    "resnet_time_scale_shift",
    "sample_size",
    "upcast_attention",
];

/// The configuration read off the shapes must be the published one.
fn config(network: Network, family: &str, source: &dyn TensorSource, published: &Value) -> Outcome {
    let inferred = match network {
        Network::Unet => infer::unet_config(source)?,
        Network::ControlNet => infer::controlnet_config(source)?,
        Network::Vae => infer::vae_config(source, family_of(family))?,
        _ => infer::text_encoder_config(source)?,
    };
    let (Some(inferred), Some(published)) = (inferred.as_object(), published.as_object()) else {
        return Err("a configuration is no object".into());
    };
    for (key, value) in inferred {
        let default = || DEFAULTS.iter().find(|(k, _)| k == key).and_then(|(_, v)| serde_json::from_str(v).ok());
        let expected = published.get(key).filter(|v| !v.is_null()).cloned().or_else(default);
        if expected.as_ref() != Some(value) {
            return Err(format!("{key}: expected {}, got {value}", expected.unwrap_or_default()).into());
        }
    }
    let untold = |(key, value): &(&String, &Value)| {
        !value.is_null() && !inferred.contains_key(*key) && !UNTOLD.contains(&key.as_str())
    };
    match published.iter().find(untold) {
        Some((key, value)) => Err(format!("{key} = {value} is not read off the shapes").into()),
        None => Ok(()),
    }
}

/// Runs the network's constructor over the names and shapes: it must ask for all of them, in their shapes, and no others.
fn constructed(manifests: &Manifests, network: Network, name: &str) -> Outcome {
    let config = &manifests.get(name)?.config;
    let weights = Weights::new(manifests.source(name)?, DType::F32, &Device::Cpu);
    match network {
        Network::Unet => drop(UNet::new(&UNetConfig::from_json(config)?, &weights)?),
        Network::ControlNet => drop(ControlNet::new(&ControlNetConfig::from_json(config)?, &weights)?),
        Network::Vae => drop(AutoencoderKl::new(&AutoencoderKlConfig::from_json(config)?, &weights)?),
        Network::Text => drop(ClipText::new(&ClipConfig::from_json(config)?, &weights)?),
        Network::InstantId => {
            // The adapter hooks into SDXL's cross-attention layers: their widths come from the UNet itself.
            let base = "sdxl_unet_diffusers";
            let unet_config = UNetConfig::from_json(&manifests.get(base)?.config)?;
            let unet = UNet::new(&unet_config, &Weights::new(manifests.source(base)?, DType::F32, &Device::Cpu))?;
            AdapterFile::load(&weights, unet.cross_layers(), None)?;
        }
        Network::ControlNetLdm | Network::OpenClip | Network::SingleFile => {
            return Err("compared with its twin instead".into());
        }
    }
    let report = weights.finish(&format!("{network:?}"))?;
    if report.unexpected.is_empty() { Ok(()) } else { Err(report.to_string().into()) }
}
