//! Real files: what holds weights is recognised, everything else is refused with the right words.

use crate::refusal;
use selfsame_models::weights::{Kind, expect, open, recognise};
use std::path::{Path, PathBuf};

/// The folder of real files, or why there is none.
fn real_data() -> Option<PathBuf> {
    let folder = std::env::var_os("SELFSAME_REAL_DATA").map(PathBuf::from);
    if folder.is_none() {
        crate::skip::not_run("SELFSAME_REAL_DATA names no folder of real files");
    }
    folder
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn real_files_are_recognised() {
    let Some(real) = real_data() else { return };
    let expected = [
        ("lora", "an SD1.5 LoRA"),
        ("textual_inversion", "an SD1.5 textual inversion embedding"),
        ("vae", "a TAESD (tiny VAE)"),
        ("adapter", "a file of no network known here"),
    ];
    for (folder, words) in expected {
        for path in files(&real.join(folder)).iter().filter(|p| p.extension().is_none_or(|e| e != "onnx")) {
            assert_eq!(recognise(&open(path).unwrap()).to_string(), words, "{}", path.display());
        }
    }
    // A bare embedding is no adapter, and the message shows what it is.
    for path in files(&real.join("adapter")) {
        let said = expect(&open(path).unwrap(), Kind::InstantId, None).unwrap_err().to_string();
        assert!(said.contains("(it holds embeddings [512]), expected an InstantID adapter"), "{said}");
    }
}

#[test]
fn real_files_that_are_no_weights_are_refused() {
    let Some(real) = real_data() else { return };
    let words = |extension: &str| match extension {
        "onnx" => "this is an ONNX model",
        "png" => "this is a PNG picture",
        "jpg" => "this is a JPEG picture",
        "webp" => "this is a WebP picture",
        "tif" => "this is a TIFF picture",
        "json" => "this is a JSON text",
        "gz" => "this is a gzip archive",
        "npy" => "this is a NumPy array",
        "npz" => "this is a zip archive but no torch checkpoint",
        "txt" | "py" | "yaml" => "this is a text file",
        _ => "Git-LFS pointer",
    };
    // What the extension promises is not what these hold.
    let lying = [
        ("empty.jpg", "the file is empty"),
        ("not_an_image.jpg", "this is a text file"),
        ("einstein_1921.jpg", "this is an AVIF picture"),
    ];
    let weights = ["adapter", "lora", "textual_inversion", "vae"].map(|folder| real.join(folder));
    let mut refused = 0;
    for path in files(&real) {
        let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        if weights.iter().any(|folder| path.starts_with(folder)) && extension != "onnx" {
            continue;
        }
        let expected =
            lying.iter().find(|(name, _)| path.ends_with(name)).map_or(words(&extension), |(_, words)| words);
        let said = refusal(&path);
        assert!(said.contains(expected), "expected {expected:?} in {said:?}");
        refused += 1;
    }
    println!("{refused} files refused");
    assert!(refused > 0);
}
