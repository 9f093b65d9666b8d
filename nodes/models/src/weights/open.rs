//! From a path to a source of tensors.

use super::file::{Format, WeightFile, io_problem};
use super::pickle::TorchZip;
use super::rename::Joined;
use super::safetensors::Safetensors;
use super::{FileProblem, TensorSource};
use crate::{Error, Result};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// What the weights in a diffusers folder are called, in order of preference: full precision before the f16 variant, safetensors before
/// pickles. Each may be split into shards named by `NAME.index.json`.
/// Source: `WEIGHTS_NAME` and its like in diffusers' and transformers' `utils`.
const FOLDER_NAMES: &[&str] = &[
    "diffusion_pytorch_model.safetensors",
    "model.safetensors",
    "diffusion_pytorch_model.fp16.safetensors",
    "model.fp16.safetensors",
    "diffusion_pytorch_model.bin",
    "pytorch_model.bin",
    "diffusion_pytorch_model.fp16.bin",
    "pytorch_model.fp16.bin",
];

/// Opens a weight file, or the weights of one network in a diffusers folder. Only names and shapes are read.
///
/// # Errors
/// [`Error::File`] that says what the file really is.
pub fn open(path: impl AsRef<Path>) -> Result<Arc<dyn TensorSource>> {
    let path = path.as_ref();
    if path.is_dir() { open_folder(path) } else { open_file(path) }
}

fn open_file(path: &Path) -> Result<Arc<dyn TensorSource>> {
    Ok(match WeightFile::open(path)? {
        (file, Format::Safetensors) => Arc::new(Safetensors::new(file)?),
        (file, Format::Zip) => Arc::new(TorchZip::new(file)?),
    })
}

fn open_folder(folder: &Path) -> Result<Arc<dyn TensorSource>> {
    let mut pointer = None;
    for name in FOLDER_NAMES {
        let (file, index) = (folder.join(name), folder.join(index_name(name)));
        let opened = if index.is_file() {
            open_shards(folder, &index)
        } else if file.is_file() {
            open_file(&file)
        } else {
            continue;
        };
        match opened {
            // A clone that fetched one variant only leaves pointers for the others.
            Err(Error::File { path, problem: problem @ FileProblem::LfsPointer { .. } }) => {
                pointer.get_or_insert(Error::File { path, problem });
            }
            other => return other,
        }
    }
    let entries = std::fs::read_dir(folder).map_err(|e| Error::file(folder, io_problem(&e)))?;
    let mut found: Vec<String> = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    found.sort_unstable();
    let wanted = FOLDER_NAMES.iter().map(|name| name.to_string()).collect();
    Err(pointer.unwrap_or_else(|| Error::file(folder, FileProblem::NoWeights { wanted, found })))
}

/// `model.fp16.safetensors` is split as `model.safetensors.index.fp16.json`, `model.safetensors` as `model.safetensors.index.json`.
fn index_name(name: &str) -> String {
    match name.split_once(".fp16.") {
        Some((stem, kind)) => format!("{stem}.{kind}.index.fp16.json"),
        None => format!("{name}.index.json"),
    }
}

/// The index of a network that is split into files.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

fn open_shards(folder: &Path, index: &Path) -> Result<Arc<dyn TensorSource>> {
    let damaged = |why: String| Error::file(index, FileProblem::Damaged { format: "shard index", why });
    let text = std::fs::read_to_string(index).map_err(|e| Error::file(index, io_problem(&e)))?;
    let map: Index = serde_json::from_str(&text).map_err(|e| damaged(e.to_string()))?;
    let files: BTreeSet<&String> = map.weight_map.values().collect();
    let mut shards = BTreeMap::new();
    for name in files {
        // An index names files beside it, never elsewhere.
        if Path::new(name).file_name() != Some(name.as_ref()) {
            return Err(damaged(format!("shard {name} is not a plain file name")));
        }
        shards.insert(name, open_file(&folder.join(name))?);
    }
    let lost =
        map.weight_map.iter().find(|(name, file)| !shards.get(file).is_some_and(|s| s.tensors().contains_key(*name)));
    if let Some((name, file)) = lost {
        return Err(damaged(format!("it places {name} in {file}, which has no such tensor")));
    }
    Ok(Joined::view(shards.into_values().collect(), folder.display().to_string()))
}

/// The `config.json` of a network's diffusers folder, if `path` is one; a single file has none.
///
/// # Errors
/// When it cannot be read or is no JSON.
pub fn config_of(path: impl AsRef<Path>) -> Result<Option<Value>> {
    read_json(&path.as_ref().join("config.json"))
}

/// A JSON file, if it is there.
pub(super) fn read_json(path: &Path) -> Result<Option<Value>> {
    if !path.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, io_problem(&e)))?;
    let invalid = |e: serde_json::Error| Error::config(path.display().to_string(), format!("it is no valid JSON: {e}"));
    serde_json::from_str(&text).map(Some).map_err(invalid)
}
