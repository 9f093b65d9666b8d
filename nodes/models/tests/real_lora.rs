//! LoRA files of real trainers matched against full-size models by name and shape, and tiny ones against a plain merge.
//!
//! `SELFSAME_REAL_DATA` is a folder with `lora/`, `SELFSAME_GOLDENS` one with `models/` and `manifests/`; a test whose folder is
//! not set says so and does nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

#[path = "support/skip.rs"]
mod skip;

use candle_core::{DType, Device, Tensor};
use selfsame_models::lora::{LoraMatch, LoraStrength, LoraTargets, match_lora};
use selfsame_models::weights::{InMemory, TensorInfo, TensorSource, Weights};
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

type Infos = BTreeMap<String, TensorInfo>;
type Tensors = HashMap<String, Tensor>;

const FULL: LoraStrength = LoraStrength { unet: 1.0, text: 1.0 };

fn folder(variable: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable).map(PathBuf::from);
    if found.is_none() {
        skip::not_run(format!("{variable} is not set"));
    }
    found
}

fn manifest_json(goldens: &Path, name: &str) -> serde_json::Value {
    let mut text = String::new();
    let file = std::fs::File::open(goldens.join(format!("manifests/{name}.json.gz"))).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Names and shapes of a full-size model.
fn manifest(goldens: &Path, name: &str) -> Infos {
    let json = manifest_json(goldens, name);
    let shape = |v: &serde_json::Value| v.as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
    let info = |v| TensorInfo { shape: shape(v), dtype: DType::F16 };
    json["tensors"].as_object().unwrap().iter().map(|(name, dims)| (name.clone(), info(dims))).collect()
}

/// A safetensors file or a pickle.
fn load(path: &Path) -> Tensors {
    match path.extension().and_then(|e| e.to_str()) {
        Some("safetensors") => candle_core::safetensors::load(path, &Device::Cpu).unwrap(),
        _ => candle_core::pickle::read_all(path).unwrap().into_iter().collect(),
    }
}

fn match_real(file: &str, unet: &str) -> Option<selfsame_models::Result<LoraMatch>> {
    let (data, goldens) = (folder("SELFSAME_REAL_DATA")?, folder("SELFSAME_GOLDENS")?);
    let (unet, text) = (manifest(&goldens, unet), manifest(&goldens, "clip_l_text_diffusers"));
    let file = InMemory::new(load(&data.join("lora").join(file)));
    let targets = LoraTargets { unet: Some(&unet), text_encoder: Some(&text), text_encoder_2: None };
    Some(match_lora(&file, &targets, FULL))
}

#[test]
fn cloneofsimo_numbers_every_attention_and_feed_forward_layer() {
    for (file, embeddings) in [("sd15_cloneofsimo_svd_r4.safetensors", 0), ("sd15_cloneofsimo_r1_ti.safetensors", 2)] {
        let Some(found) = match_real(file, "sd15_unet_diffusers") else { return };
        let found = found.unwrap();
        assert_eq!((found.unet.len(), found.text_encoder.len(), found.matched), (144, 48, 192), "{file}");
        assert!(found.ignored.is_empty() && found.embeddings.len() == embeddings, "{file} {:?}", found.ignored);
        let names: Vec<&str> = found.unet.names().collect();
        assert!(names.contains(&"mid_block.attentions.0.transformer_blocks.0.ff.net.0.proj.weight"));
    }
}

#[test]
fn diffusers_attention_processors_as_safetensors_and_as_pickle() {
    for file in ["sd15_diffusers_attnprocs_r4.safetensors", "sd15_diffusers_attnprocs_r4.bin"] {
        let Some(found) = match_real(file, "sd15_unet_diffusers") else { return };
        let found = found.unwrap();
        assert_eq!((found.unet.len(), found.text_encoder.len()), (128, 0), "{file}");
        assert!(found.ignored.is_empty(), "{file} {:?}", found.ignored);
    }
}

#[test]
fn files_for_sd15_are_refused_by_sdxl_in_words() {
    let Some(found) = match_real("sd15_diffusers_attnprocs_r4.safetensors", "sdxl_unet_diffusers") else { return };
    let error = found.unwrap_err().to_string();
    assert!(error.contains("made for SD1.5, the model is SDXL"), "{error}");
}

/// Kohya's spelling of every LDM name of the full-size UNets finds its diffusers module.
#[test]
fn every_ldm_name_of_the_full_size_models_is_known() {
    let Some(goldens) = folder("SELFSAME_GOLDENS") else { return };
    for base in ["sd15", "sdxl"] {
        let unet = manifest(&goldens, &format!("{base}_unet_diffusers"));
        let json = manifest_json(&goldens, &format!("{base}_single_file_ldm"));
        let mut file = Tensors::new();
        let mut weights = Vec::new();
        for (name, ldm) in json["unet_name_map"].as_object().unwrap() {
            let ldm = ldm.as_str().unwrap().strip_prefix("model.diffusion_model.").unwrap();
            let (Some(shape), Some(module)) = (unet.get(name).map(|i| &i.shape), ldm.strip_suffix(".weight")) else {
                continue;
            };
            let zeros = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
            let stem = format!("lora_unet_{}", module.replace('.', "_"));
            let factors = [("lora_up", vec![shape[0], 1]), ("lora_down", [&[1], &shape[1..]].concat())];
            file.extend(factors.map(|(part, dims)| (format!("{stem}.{part}.weight"), zeros(&dims))));
            weights.push(name.clone());
        }
        let targets = LoraTargets { unet: Some(&unet), ..Default::default() };
        let found = match_lora(&InMemory::new(file), &targets, FULL).unwrap();
        weights.sort();
        assert!(weights.len() > 300 && found.ignored.is_empty(), "{base}: {:?}", found.ignored);
        assert!(found.unet.names().eq(weights.iter().map(String::as_str)), "{base}");
    }
}

/// The tiny networks of one base model: UNet and text encoders by the prefixes that files use.
fn tiny(models: &Path, base: &str) -> Vec<([&'static str; 3], Tensors)> {
    let networks = [
        (["unet.", "lora_unet_", ""], "unet/diffusion_pytorch_model.safetensors"),
        (["text_encoder.", "lora_te_", "lora_te1_"], "text_encoder/model.safetensors"),
        (["text_encoder_2.", "lora_te2_", "lora_te2_"], "text_encoder_2/model.safetensors"),
    ];
    let path = |file: &str| models.join(base).join(file);
    networks.into_iter().filter(|(_, file)| path(file).exists()).map(|(p, file)| (p, load(&path(file)))).collect()
}

/// `W + strength · alpha / rank · up · down`, looked up by trying every spelling of one weight's name.
fn plain_merge(file: &Tensors, prefixes: &[&str], name: &str, weight: &Tensor, strength: f64) -> Option<Tensor> {
    let module = name.strip_suffix(".weight")?;
    let spellings = prefixes.iter().flat_map(|p| [format!("{p}{module}"), format!("{p}{}", module.replace('.', "_"))]);
    for stem in spellings {
        for (down, up) in [("lora_down", "lora_up"), ("lora_A", "lora_B"), ("lora.down", "lora.up")] {
            let factor = |part: &str| {
                let tensor = file.get(&format!("{stem}.{part}.weight"))?;
                Some(tensor.to_dtype(DType::F32).unwrap().flatten_from(1).unwrap())
            };
            let (Some(down), Some(up)) = (factor(down), factor(up)) else { continue };
            let rank = down.dim(0).unwrap() as f64;
            let alpha = file.get(&format!("{stem}.alpha"));
            let alpha = alpha.map_or(rank, |a| a.to_dtype(DType::F64).unwrap().to_scalar().unwrap());
            let change = (up.matmul(&down).unwrap() * (strength * alpha / rank)).unwrap();
            return Some((weight + change.reshape(weight.dims()).unwrap()).unwrap());
        }
    }
    None
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
    (a - b).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar().unwrap()
}

fn match_tiny(networks: &[([&'static str; 3], Tensors)], file: &Tensors, strength: LoraStrength) -> LoraMatch {
    let sources: Vec<InMemory> = networks.iter().map(|(_, tensors)| InMemory::new(tensors.clone())).collect();
    let infos = |n: usize| sources.get(n).map(InMemory::tensors);
    let targets = LoraTargets { unet: infos(0), text_encoder: infos(1), text_encoder_2: infos(2) };
    match_lora(&InMemory::new(file.clone()), &targets, strength).unwrap()
}

/// Every tiny file whose base model is there, except LDM's block names, which the next test covers.
#[test]
fn merged_weights_equal_a_plain_merge() {
    let Some(goldens) = folder("SELFSAME_GOLDENS") else { return };
    let models = goldens.join("models");
    let mut compared = 0;
    for entry in std::fs::read_dir(models.join("loras")).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_string();
        let (base, style) = stem.split_once('_').unwrap();
        if style.contains("ldm") {
            continue;
        }
        let (file, networks) = (load(&path), tiny(&models, base));
        let strength = LoraStrength { unet: 0.6, text: -0.3 };
        let found = match_tiny(&networks, &file, strength);
        assert!(found.ignored.is_empty(), "{stem}: {:?}", found.ignored);
        let deltas = [found.unet, found.text_encoder, found.text_encoder_2].map(Arc::new);
        for (n, (prefixes, tensors)) in networks.iter().enumerate() {
            let base = Weights::from_tensors(tensors.clone(), DType::F32, &Device::Cpu);
            let changed = base.with_deltas(deltas[n].clone());
            assert!(deltas[n].unmatched(base.source().as_ref()).is_empty());
            let strength = if n == 0 { strength.unet } else { strength.text };
            let mut count = 0;
            for (name, stored) in tensors.iter().filter(|(_, t)| t.dtype().is_float()) {
                let plain = stored.to_dtype(DType::F32).unwrap();
                let want = plain_merge(&file, prefixes, name, &plain, strength);
                count += usize::from(want.is_some());
                let got = changed.get(name, stored.dims()).unwrap();
                let difference = largest_difference(&got, want.as_ref().unwrap_or(&plain));
                assert!(difference <= 1e-6, "{stem} {name}: {difference}");
                let untouched = base.get(name, stored.dims()).unwrap();
                assert_eq!(largest_difference(&untouched, &plain), 0.0, "{stem} {name}: the base changed");
            }
            assert_eq!(count, deltas[n].len(), "{stem}");
            compared += count;
        }
    }
    assert!(compared > 0, "no file was compared");
}

/// The same file in LDM's block names changes the same weights in the same way.
#[test]
fn ldm_block_names_mean_the_same_layers() {
    let Some(goldens) = folder("SELFSAME_GOLDENS") else { return };
    let loras = goldens.join("models/loras");
    for entry in std::fs::read_dir(&loras).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_string();
        let Some(twin) = stem.strip_suffix("_ldmblocks") else { continue };
        let networks = tiny(&goldens.join("models"), stem.split_once('_').unwrap().0);
        let ldm = match_tiny(&networks, &load(&path), FULL).unet;
        let plain = match_tiny(&networks, &load(&loras.join(format!("{twin}.safetensors"))), FULL).unet;
        assert!(ldm.names().eq(plain.names()), "{stem}");
        for name in ldm.names() {
            let weight = networks[0].1[name].to_dtype(DType::F32).unwrap();
            let (a, b) = (ldm.apply(name, &weight).unwrap(), plain.apply(name, &weight).unwrap());
            assert_eq!(largest_difference(&a, &b), 0.0, "{stem} {name}");
        }
    }
}
