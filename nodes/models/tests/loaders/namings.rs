//! The tiny models: the same tensors, bit by bit, in every naming and every container.

use crate::{assert_equal, ending, load};
use selfsame_models::weights::names::{self, Encoder};
use selfsame_models::weights::{Checkpoint, InMemory, Kind, Part, infer, open, recognise};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder with the tiny models, or why there is none.
fn models() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let set = std::env::var_os("SELFSAME_GOLDENS").map_or_else(|| here.join("tests/goldens/small"), PathBuf::from);
    let set = if set.is_dir() { set } else { here.join("../..").join(set) };
    let models = set.join("models");
    if models.is_dir() {
        return Some(models);
    }
    crate::skip::not_run(format!("no models in {} (SELFSAME_GOLDENS names the set)", set.display()));
    None
}

/// The same, if the set holds networks in several namings (the small set in the project holds each in one).
fn models_with_twins() -> Option<PathBuf> {
    let models = models()?;
    let has = |end: &str| {
        std::fs::read_dir(&models)
            .is_ok_and(|mut dir| dir.any(|e| e.is_ok_and(|e| e.file_name().to_string_lossy().ends_with(end))))
    };
    if has("_single.safetensors") {
        return Some(models);
    }
    crate::skip::not_run(format!(
        "{} holds no network in two namings (SELFSAME_GOLDENS names a larger set)",
        models.display()
    ));
    None
}

#[test]
fn single_files_equal_their_folders() {
    let Some(models) = models_with_twins() else { return };
    for (name, path) in ending(&models, "_single.safetensors") {
        let folder = Checkpoint::open(models.join(&name)).unwrap();
        let mut single = Checkpoint::open(&path).unwrap();
        assert_eq!(single.architecture(), folder.architecture());
        assert!(folder.scheduler_config().is_some() && folder.model_index().is_some());
        for part in [Part::Unet, Part::Vae, Part::TextEncoder, Part::TextEncoder2] {
            assert_eq!(single.has(part), folder.has(part), "{name} {part:?}");
            if folder.has(part) {
                assert_equal(&single.part(part).unwrap(), &folder.part(part).unwrap());
                single = single.with_config(part, folder.config(part).unwrap());
                assert_eq!(single.config(part).unwrap(), folder.config(part).unwrap());
            } else {
                assert!(single.part(part).err().unwrap().to_string().contains("it holds no second text encoder"));
            }
        }
    }
    for (name, path) in ending(&models, "_ldm.safetensors") {
        let (ldm, folder) = (open(&path).unwrap(), open(models.join(&name)).unwrap());
        assert_eq!(recognise(&ldm), recognise(&folder));
        assert_eq!(recognise(&ldm).kind, Kind::ControlNet);
        assert_equal(&names::controlnet(ldm), &folder);
    }
    for (name, path) in ending(&models, "_vae_legacy_names.safetensors") {
        let vae = open(&path).unwrap();
        assert_eq!(recognise(&vae).kind, Kind::Vae);
        assert_equal(&names::vae(vae), &open(models.join(name).join("vae")).unwrap());
    }
}

#[test]
fn text_encoders_of_older_merges_lack_a_prefix() {
    let Some(models) = models_with_twins() else { return };
    for (_, path) in ending(&models, "_single.safetensors") {
        let source = names::text_encoder(open(path).unwrap(), Encoder::First);
        let short = |name: &String| format!("cond_stage_model.transformer.{}", name.replace("text_model.", ""));
        let tensors = source.tensors().keys().map(|name| (short(name), load(&source, name))).collect();
        assert_equal(&names::text_encoder(Arc::new(InMemory::new(tensors)), Encoder::First), &source);
    }
}

#[test]
fn pickles_equal_their_safetensors_twins() {
    let Some(models) = models_with_twins() else { return };
    for (name, path) in ending(&models, ".bin") {
        let (pickle, twin) = (open(path).unwrap(), open(models.join(format!("{name}.safetensors"))).unwrap());
        assert_equal(&pickle, &twin);
        assert_eq!(recognise(&pickle).kind, Kind::InstantId, "{name}");
    }
}

#[test]
fn taesd_namings_are_equal() {
    let Some(models) = models_with_twins() else { return };
    let halves = ["encoder", "decoder"].map(|half| open(models.join(format!("taesd_{half}.safetensors"))).unwrap());
    for half in &halves {
        assert_eq!(recognise(half).kind, Kind::TinyVae);
    }
    for (_, folder) in ending(&models, "taesd_sdxl") {
        let diffusers = open(&folder).unwrap();
        assert_equal(&names::tiny_vae(&halves), &diffusers);
        let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
        let config: serde_json::Value = serde_json::from_str(&config).unwrap();
        let inferred = infer::tiny_vae_config(names::tiny_vae(&halves).as_ref()).unwrap();
        for (key, value) in inferred.as_object().unwrap() {
            assert_eq!(Some(value.as_f64()), config.get(key).map(|v| v.as_f64()), "{key}");
            assert!(value.is_number() || config.get(key) == Some(value), "{key}");
        }
    }
}

#[test]
fn tiny_loras_are_recognised() {
    let Some(models) = models() else { return };
    for (name, path) in ending(&models.join("loras"), ".safetensors") {
        let found = recognise(&open(path).unwrap());
        assert_eq!(found.kind, Kind::Lora, "{name}");
    }
}
