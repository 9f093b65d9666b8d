//! Faces: FaceAnalysis in graphs, on networks that are written here and on published ones.
//!
//! The published networks and the photographs are not in the repository; `SELFSAME_REAL_DATA` names their folder.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "faces/kit.rs"]
mod kit;
#[path = "faces/lists.rs"]
mod lists;
#[path = "faces/networks.rs"]
mod networks;
#[path = "faces/packs.rs"]
mod packs;
#[allow(dead_code, reason = "another test needs the rest of it")]
#[path = "onnx/proto.rs"]
mod proto;
#[path = "faces/real.rs"]
mod real;
