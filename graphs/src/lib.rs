//! The graph document of Selfsame.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod document;
mod format;
mod message;
mod problem;
mod source;
mod suggest;
mod syntax;
#[cfg(test)]
mod testing;

pub use document::{
    ArgKind, Argument, Document, Graph, GraphOutput, Link, Node, NodeInput, NodeKind, SUBGRAPH, VERSION, Value,
};
pub use format::format;
pub use problem::{Code, Problem, Related, Report, Severity};
pub use source::{Location, Source, Span, Spanned};
