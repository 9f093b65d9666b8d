//! What a Selfsame node is made of, as data: the types of values on the wires, literals, and node descriptors.
//!
//! A node is a description plus a function. This crate holds the description, once, for everybody who reads it: the
//! graph validator, the catalogue, help texts, and the plugin boundary, which carries exactly these fields.
//!
//! ```
//! use selfsame_sdk::{InputPort, NodeDescriptor, OutputPort, Type};
//!
//! let gain = NodeDescriptor::new("com.acme.gain", "Gain")
//!     .category("image/adjust")
//!     .doc("Multiplies every pixel and clamps to 0..1.")
//!     .input(InputPort::new("image", Type::IMAGE).doc("f32 [B,H,W,C], 0..1"))
//!     .input(InputPort::new("gain", Type::FLOAT).doc("Linear factor.").default(1.0).hard(0.0..=8.0).soft(0.0..=4.0))
//!     .output(OutputPort::new("image", Type::IMAGE).doc("the brighter picture"));
//! assert!(gain.check().is_empty());
//! assert!(gain.input_named("gain").expect("declared above").ty.accepts(&Type::INT));
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod check;
mod descriptor;
mod literal;
mod ports;
mod types;
mod value;

pub use check::{Inconsistency, is_node_id, is_port_name, is_type_name};
pub use descriptor::{Caps, NodeDescriptor};
pub use literal::{Literal, LiteralMismatch};
pub use ports::{InputPort, OutputPort, Range, Widget};
pub use types::{Type, TypeSyntaxError};
pub use value::ValueProblem;
