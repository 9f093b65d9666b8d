//! What the file of a node needs: `use selfsame_sdk::prelude::*;`

pub use crate::{
    Choice, Color, Ctx, Error, ErrorExt, Image, Latent, Lazy, Level, Mask, Object, ObjectType, Result, Seed, Status,
    Tensor, Type, Value, bail, node, nodes,
};
