//! The nodes that come with Selfsame: one file each, in a folder for each family.
//!
//! To add one, write a file with a function like those beside it and put its name into the list of its folder.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod codec;
mod compute;
pub mod conditioning;
pub mod control;
pub mod face;
pub mod image;
pub mod instantid;
pub mod interpolate;
pub mod latent;
pub mod list;
pub mod loaders;
pub mod logic;
pub mod mask;
pub mod model_weights;
pub mod networks;
pub mod note;
pub mod number;
pub mod onnx;
pub mod sampling;
pub mod tensors;
pub mod text;
pub mod vae;
pub mod wires;

use selfsame_models::splitmix;

pub use codec::codecs;
pub use compute::Compute;
pub use sampling::sessions::Sessions;

use selfsame_sdk::{NodeType, nodes};
use std::sync::Arc;

/// All nodes, family by family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    [
        loaders::all(),
        conditioning::all(),
        face::all(),
        control::all(),
        instantid::all(),
        sampling::all(),
        vae::all(),
        image::all(),
        mask::all(),
        latent::all(),
        text::all(),
        number::all(),
        logic::all(),
        list::all(),
        nodes![note::note],
    ]
    .concat()
}
