//! A model file on a wire.

use selfsame_sdk::prelude::*;
use std::fmt;
use std::path::{Path, PathBuf};

/// A model file or folder, and what was in it when the graph read it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelFile {
    /// Where it lies.
    pub path: PathBuf,
    /// The digest of its contents.
    pub digest: String,
}

/// The files of a diffusers folder that say what the model is.
const PARTS: [&str; 7] = ["unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler"];

impl ModelFile {
    /// The model of a kind (`checkpoints`, `loras`, ...) with this name: a file, or a folder in diffusers' layout. The result of
    /// the node depends on all that is in it.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn read(ctx: Ctx, kind: &str, name: &str) -> Result<Self> {
        let path = ctx.model(kind, name)?;
        if !path.is_dir() {
            let mut digest = ctx.reads(&path)?;
            // A configuration beside the weights says what their shapes do not.
            let config = path.with_file_name("config.json");
            if config.is_file() {
                digest = format!("{digest} {}", ctx.reads(&config)?);
            }
            return Ok(ModelFile { path, digest });
        }
        let mut files = files_in(&path)?;
        for part in PARTS {
            let folder = path.join(part);
            if folder.is_dir() {
                files.extend(files_in(&folder)?);
            }
        }
        files.sort();
        let digests = files.iter().map(|file| {
            let name = file.strip_prefix(&path).unwrap_or(file).display();
            Ok(format!("{name} {}", ctx.reads(file)?))
        });
        let digest = digests.collect::<Result<Vec<_>>>()?.join("\n");
        Ok(ModelFile { path, digest })
    }
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    Ok(files)
}

impl fmt::Display for ModelFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path.file_name().unwrap_or_default().to_string_lossy())
    }
}
