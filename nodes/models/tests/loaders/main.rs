//! Files as they are met: broken in every way, in other namings, of the wrong kind.
//!
//! The tiny models come from the set in `SELFSAME_GOLDENS`, else from the small copy beside these tests; real files from the folder in
//! `SELFSAME_REAL_DATA`. A test that lacks its files says so and passes.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod files;
mod kinds;
mod namings;
mod real;
#[path = "../support/skip.rs"]
mod skip;
#[path = "../support/mod.rs"]
mod support;

use candle_core::{DType, Device, Tensor};
use selfsame_models::weights::{TensorSource, names, open};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::numbers;

type Source = Arc<dyn TensorSource>;

/// What opening `path` says; panics if it opens.
fn refusal(path: &Path) -> String {
    match open(path) {
        Ok(source) => panic!("{} opened with {} tensors", path.display(), source.tensors().len()),
        Err(error) => error.to_string(),
    }
}

fn load(source: &Source, name: &str) -> Tensor {
    source.load(name, DType::F32, &Device::Cpu).unwrap()
}

/// Every tensor of `expected` is in `got`, with the same shape and the same bits.
fn assert_equal(got: &Source, expected: &Source) {
    let names =
        |source: &Source| source.tensors().keys().filter(|n| !names::is_tolerated(n)).cloned().collect::<Vec<_>>();
    assert_eq!(names(got), names(expected), "{} against {}", got.describe(), expected.describe());
    for name in names(expected) {
        let (a, b) = (load(got, &name), load(expected, &name));
        assert_eq!(a.dims(), b.dims(), "{name}");
        assert!(numbers(&a) == numbers(&b), "{name} of {} and {} differs", got.describe(), expected.describe());
    }
}

/// The entries of a folder whose name ends so, with what is before it.
fn ending(folder: &Path, end: &str) -> Vec<(String, PathBuf)> {
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| Some((path.file_name()?.to_string_lossy().strip_suffix(end)?.to_string(), path)))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "nothing in {} ends in {end}", folder.display());
    found
}
