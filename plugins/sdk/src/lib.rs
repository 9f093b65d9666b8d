//! What a Selfsame node is made of: types of values on wires, descriptors, and the function.
//!
//! A node is a description plus a function. The description stands once, beside the function, for everybody who reads
//! it: the graph validator, the catalogue, help texts, and the plugin boundary, which carries exactly these fields.
//!
//! ```
//! use selfsame_sdk::prelude::*;
//!
//! /// Multiplies every pixel and clamps to 0..1.
//! #[node(id = "com.acme.gain", category = "image/adjust")]
//! #[output(image = "the brighter picture")]
//! pub fn gain(
//!     /// What is made brighter.
//!     image: Image,
//!     /// Linear factor; 1.0 leaves the picture unchanged.
//!     #[param(default = 1.0, hard = 0.0..=8.0, soft = 0.0..=4.0)]
//!     gain: f32,
//! ) -> Result<Image> {
//!     Ok(image.map(|x| (x * gain).clamp(0.0, 1.0)))
//! }
//!
//! let all = nodes![gain];
//! let descriptor = all[0].descriptor();
//! assert_eq!(descriptor.name, "Gain");
//! assert!(descriptor.check().is_empty());
//! assert!(descriptor.input_named("gain").expect("declared above").ty.accepts(&Type::INT));
//! // A node is still a function.
//! let gray = Image::new([1, 1, 1, 1], vec![0.25])?;
//! assert_eq!(gain(gray, 2.0)?.data(), [0.5]);
//! # Ok::<(), Error>(())
//! ```
//!
//! [`node`] explains the attribute, [`Ctx`] what a node may ask of the host while it runs.
#![deny(unsafe_code)]
#![deny(missing_docs)]

// So that `#[node]` works in here too.
extern crate self as selfsame_sdk;

mod admit;
mod check;
mod codec;
mod convert;
mod ctx;
mod descriptor;
mod error;
#[allow(unsafe_code)]
pub mod ffi;
mod literal;
mod model;
mod node;
pub mod panics;
mod ports;
pub mod prelude;
mod tensor;
pub mod testing;
mod types;
mod value;

pub use admit::ValueProblem;
pub use check::{Inconsistency, is_node_id, is_port_name, is_type_name};
pub use codec::Codec;
pub use convert::{Color, FromValue, Input, IntoOutputs, IntoValue, Lazy, Seed, input_port};
pub use ctx::{Ctx, Level, MakeShared, Services, WriteFile};
pub use descriptor::{Caps, NodeDescriptor};
pub use error::{Error, ErrorExt, Result, Status};
pub use literal::{Literal, LiteralMismatch};
pub use model::{
    Denoiser, DenoiserInfo, DenoiserValue, Estimate, Fields, Hook, HookCall, LayerInfo, MaskResize, Model, ModelInfo,
    ModelPatch, ModelPatchValue, ModelValue, ModelWeights, Prediction, Row, Sampler, SamplerValue, Sampling, Site,
};
pub use node::{FunctionNode, Inputs, Node, NodeType, Slot, function_node};
pub use ports::{InputPort, OutputPort, Range, Widget};
pub use selfsame_macros::{Choice, node};
pub use tensor::{Image, Latent, Mask, Tensor};
pub use types::{Type, TypeSyntaxError};
pub use value::{Object, ObjectType, Value};
