//! What the file of a node needs: `use selfsame_sdk::prelude::*;`

pub use crate::{
    Choice, Color, Ctx, DenoiserValue, Error, ErrorExt, Image, Latent, Lazy, Level, Mask, ModelPatchValue, Object,
    ObjectType, Result, SamplerValue, Seed, Status, Tensor, Type, Value, bail, node, nodes,
};
