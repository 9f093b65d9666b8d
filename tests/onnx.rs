//! ONNX Runtime: finding and fetching its library, and running models with it.
//!
//! Models are run with the library of this machine; where there is none, it is fetched. What is tested of fetching
//! itself asks only a server in this process and programs that play pip.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "onnx/fetch.rs"]
mod fetch;
#[path = "onnx/files.rs"]
mod files;
#[path = "onnx/library.rs"]
mod library;
#[path = "onnx/picture.rs"]
mod picture;
#[allow(dead_code, reason = "another test needs the rest of it")]
#[path = "onnx/proto.rs"]
mod proto;
#[path = "onnx/real.rs"]
mod real;
#[allow(dead_code, reason = "another test needs the rest of it")]
#[path = "models/server.rs"]
mod server;
#[path = "onnx/session.rs"]
mod session;
#[path = "onnx/setup.rs"]
mod setup;

use selfsame_host::onnx::{Watch, ensure, load};
use selfsame_nodes::onnx::{Options, Session};
use selfsame_sdk::Tensor;
use std::path::Path;

/// Loads the library of this machine, fetched if there is none.
fn start() {
    let watch = Watch { say: &|what| eprintln!("{what}"), progress: &|_, _| {}, cancelled: &|| false };
    load(ensure(&watch).unwrap()).unwrap();
}

/// Opens a model file.
fn open(path: &Path) -> selfsame_sdk::Result<Session> {
    start();
    Session::load(path, Options::default())
}

fn tensor(shape: &[usize], data: &[f32]) -> Tensor {
    Tensor::new(shape, data.to_vec()).unwrap()
}
