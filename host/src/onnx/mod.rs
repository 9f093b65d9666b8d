//! ONNX Runtime on this machine: finding its library, and fetching it where there is none.
//!
//! | question | answer |
//! |---|---|
//! | is there one that can be used? | [`find`] |
//! | get one | [`ensure`], or [`fetch`] for one that brings CUDA |
//!
//! **Source**: the wheels of the Python package `onnxruntime`, which hold the library that ONNX Runtime's own releases
//! hold. They come through `pip` where there is one, so that a mirror or a proxy that it is set up for is used.

mod error;
mod fetch;
mod wheel;

pub use error::Error;
pub use fetch::{Sources, Watch, fetch};
pub use selfsame_nodes::onnx::{
    Found, Looked, NotFound, OLDEST, Origin, Places, QUIET, Runtime, VARIABLE, Version, has_cuda, load,
};
pub use wheel::Wheel;

use crate::platform;
use std::path::PathBuf;

/// The folder with a folder for each fetched library; none where the environment does not tell.
pub fn folder() -> Option<PathBuf> {
    platform::cache_folder().map(|cache| cache.join("onnxruntime"))
}

/// All places where a library is looked for.
fn places() -> Places {
    // One that somebody asked for with `--gpu` goes before the usual one.
    let wheels = [Wheel::for_this_machine(true), Wheel::for_this_machine(false)].into_iter().flatten();
    let folder = folder();
    Places::new(wheels.filter_map(|wheel| Some(folder.as_ref()?.join(wheel.name()))))
}

/// Finds a library that can be used.
///
/// # Errors
/// If there is none; with what is wrong with those that are there.
pub fn find() -> Result<Found, NotFound> {
    selfsame_nodes::onnx::find(&places())
}

/// Finds a library that can be used, or fetches the usual one. A library that the user names and that cannot be used is
/// an error, as another one is not what they want.
///
/// # Errors
/// If there is none and it cannot be fetched.
pub fn ensure(watch: &Watch<'_>) -> Result<Found, Error> {
    match find() {
        Ok(found) => Ok(found),
        Err(missing) if missing.is_named() => Err(missing.into()),
        Err(_) => fetch(&Wheel::usual(false)?, &Sources::usual(), &folder().ok_or(Error::NoFolder)?, watch),
    }
}

/// What a host offers to its nodes: a library that is found, or fetched when a node needs it for the first time.
pub fn runtime() -> Runtime {
    Runtime::new(|ctx| {
        let watch = Watch {
            say: &|what| ctx.log(selfsame_sdk::Level::Info, what),
            progress: &|done, total| ctx.progress(done, total, "fetching ONNX Runtime (bytes)"),
            cancelled: &|| ctx.is_cancelled(),
        };
        ensure(&watch).map_err(|error| match error {
            Error::Cancelled => selfsame_sdk::Error::cancelled(),
            error => selfsame_sdk::Error::with(selfsame_sdk::Status::NotFound, error.to_string())
                .hint(format!("run `selfsame setup`, or name the library in {VARIABLE}")),
        })
    })
}
